import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../../lib/log/object-store.ts';
import { freshName, type OpenStore } from './fresh.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a server cannot do. */
export interface ObjectStoreContractOptions {
  /** Whether it heeds conditions of a copy; default true. S3 does since 2025, and `s3-errors.test.ts` shows what it is asked and what its answers mean. */
  readonly copiesConditionally?: boolean;
}

/** Registers the tests of the port `ObjectStore`. */
export function objectStoreContract(
  name: string,
  open: OpenStore,
  { copiesConditionally = true }: ObjectStoreContractOptions = {},
): void {
  describe(`the objects of ${name}`, () => {
    let objects: ObjectStore;
    let close: () => Promise<void>;

    beforeAll(async () => {
      const opened = await open();
      objects = opened.store.objects;
      close = opened.close;
    });
    afterAll(() => close());

    const putAll = async (keys: readonly string[]): Promise<void> => {
      for (const key of keys) await objects.put(key, bytesOf(key));
    };

    describe('put', () => {
      it('makes an object that can be read at once', async () => {
        const key = `${freshName()}/a`;
        expect(await objects.put(key, bytesOf('abc'))).toBe('created');
        expect(await objects.get(key, 0, 3)).toEqual(bytesOf('abc'));
      });

      it('never overwrites: what is there stays', async () => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytesOf('first'));
        expect(await objects.put(key, bytesOf('second'))).toBe('exists');
        expect(await objects.get(key, 0, 100)).toEqual(bytesOf('first'));
      });

      it('has one winner when many put the same key at once, and its bytes are what is stored', async () => {
        const key = `${freshName()}/a`;
        const contents = Array.from({ length: 12 }, (_, index) => bytesOf(`writer ${index}`.padEnd(5000, '.')));
        const outcomes = await Promise.all(contents.map((content) => objects.put(key, content)));
        expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
        expect(await objects.get(key, 0, 10_000)).toEqual(contents[outcomes.indexOf('created')]);
      });

      it('stores many keys at once', async () => {
        const prefix = freshName();
        const keys = Array.from({ length: 20 }, (_, index) => `${prefix}/${index}/x`);
        const outcomes = await Promise.all(keys.map((key) => objects.put(key, bytesOf(key))));
        expect(new Set(outcomes)).toEqual(new Set(['created']));
        for (const key of keys) expect(await objects.get(key, 0, 100)).toEqual(bytesOf(key));
      });

      it.each([
        ['an array', bytesOf('abc')],
        ['a Buffer, whose slice is no copy', Buffer.from('abc')],
      ])('keeps its own copy of the bytes of %s', async (_, bytes) => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytes);
        bytes.fill(0);
        expect(await objects.get(key, 0, 3)).toEqual(bytesOf('abc'));
      });

      it('writes only the bytes of a view, not what it is a view of', async () => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytesOf('abcdef').subarray(2, 4));
        expect(await objects.get(key, 0, 100)).toEqual(bytesOf('cd'));
      });

      it('stores an object without bytes', async () => {
        const key = `${freshName()}/a`;
        expect(await objects.put(key, new Uint8Array(0))).toBe('created');
        expect(await objects.size(key)).toBe(0);
        expect(await objects.get(key, 0, 10)).toEqual(new Uint8Array(0));
      });

      it('takes every character that keys may have', async () => {
        const key = `${freshName()}/A-z0_9!.x*'()=-/.hidden/a..b`;
        await objects.put(key, bytesOf('abc'));
        expect(await objects.get(key, 1, 1)).toEqual(bytesOf('b'));
        expect(await objects.list(key.slice(0, -3), null, 10)).toEqual([{ key, sizeBytes: 3 }]);
      });
    });

    describe('copy', () => {
      it('makes an object of the same bytes, which lives on when the first is removed', async () => {
        const [from, to] = [`${freshName()}/a`, `${freshName()}/deep/er/b`];
        await objects.put(from, bytesOf('abc'));
        expect(await objects.copy(from, to)).toBe('created');
        expect(await objects.get(to, 0, 10)).toEqual(bytesOf('abc'));
        expect(await objects.size(to)).toBe(3);
        await objects.remove([from]);
        expect(await objects.get(to, 1, 10)).toEqual(bytesOf('bc'));
        expect(await objects.size(from)).toBeNull();
      });

      it('leaves the first as it was when the copy is removed', async () => {
        const [from, to] = [`${freshName()}/a`, `${freshName()}/b`];
        await objects.put(from, bytesOf('abc'));
        await objects.copy(from, to);
        await objects.remove([to]);
        expect(await objects.get(from, 0, 10)).toEqual(bytesOf('abc'));
        expect(await objects.size(to)).toBeNull();
      });

      if (copiesConditionally) {
        it('never overwrites: what is there stays', async () => {
          const [from, to] = [`${freshName()}/a`, `${freshName()}/b`];
          await objects.put(from, bytesOf('first'));
          await objects.put(to, bytesOf('second'));
          expect(await objects.copy(from, to)).toBe('exists');
          expect(await objects.get(to, 0, 100)).toEqual(bytesOf('second'));
        });

        it('has one winner when many copy to the same key at once', async () => {
          const to = `${freshName()}/b`;
          const sources = Array.from({ length: 6 }, () => `${freshName()}/a`);
          await putAll(sources);
          const outcomes = await Promise.all(sources.map((from) => objects.copy(from, to)));
          expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
          expect(await objects.get(to, 0, 1_000)).toEqual(bytesOf(sources[outcomes.indexOf('created')]!));
        });
      }

      it('says that there is nothing to copy, and writes nothing', async () => {
        const to = `${freshName()}/b`;
        expect(await objects.copy(`${freshName()}/a`, to)).toBe('missing');
        expect(await objects.size(to)).toBeNull();
        expect(await objects.list(to, null, 10)).toEqual([]);
      });

      it('takes every character that keys may have, on both sides', async () => {
        const from = `${freshName()}/A-z0_9!.x*'()=-/.hidden/a..b`;
        const to = `${freshName()}/A-z0_9!.x*'()=-/.hidden/c..d`;
        await objects.put(from, bytesOf('abc'));
        expect(await objects.copy(from, to)).toBe('created');
        expect(await objects.get(to, 0, 10)).toEqual(bytesOf('abc'));
      });
    });

    describe('get', () => {
      it('returns the range that is asked for', async () => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytesOf('0123456789'));
        expect(await objects.get(key, 3, 4)).toEqual(bytesOf('3456'));
        expect(await objects.get(key, 9, 1)).toEqual(bytesOf('9'));
      });

      it('returns fewer bytes only at the end of the object', async () => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytesOf('0123456789'));
        expect(await objects.get(key, 8, 4)).toEqual(bytesOf('89'));
        expect(await objects.get(key, 10, 4)).toEqual(new Uint8Array(0));
        expect(await objects.get(key, 1000, 4)).toEqual(new Uint8Array(0));
      });

      it('returns null when there is no such object', async () => {
        expect(await objects.get(`${freshName()}/a`, 0, 1)).toBeNull();
      });

      it('returns bytes that are the caller’s own', async () => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytesOf('abc'));
        (await objects.get(key, 0, 3))!.fill(0);
        expect(await objects.get(key, 0, 3)).toEqual(bytesOf('abc'));
      });

      it('reads into the memory that it is given, and no further', async () => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytesOf('0123456789'));
        const memory = bytesOf('................');
        const read = await objects.get(key, 3, 4, memory.subarray(2, 12));
        expect(read).toEqual(bytesOf('3456'));
        expect([read!.buffer, read!.byteOffset]).toEqual([memory.buffer, memory.byteOffset + 2]);
        expect(memory).toEqual(bytesOf('..3456..........'));
      });

      it('reads into memory what there is, and nothing when there is nothing', async () => {
        const key = `${freshName()}/a`;
        await objects.put(key, bytesOf('0123456789'));
        const memory = bytesOf('................');
        expect(await objects.get(key, 8, 10, memory)).toEqual(bytesOf('89'));
        expect(memory).toEqual(bytesOf('89..............'));
        expect(await objects.get(key, 10, 4, memory)).toEqual(new Uint8Array(0));
        expect(await objects.get(`${freshName()}/a`, 0, 4, memory)).toBeNull();
        expect(memory).toEqual(bytesOf('89..............'));
      });

      it('reads a large range into memory', async () => {
        const key = `${freshName()}/a`;
        const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => (index * 7 + (index >>> 12)) & 0xff);
        await objects.put(key, bytes);
        const memory = new Uint8Array(bytes.length);
        const read = (await objects.get(key, 1, bytes.length - 2, memory))!;
        expect(Buffer.compare(read, bytes.subarray(1, -1))).toBe(0);
        expect(read.buffer).toBe(memory.buffer);
      });

      it('reads any range of a large object', async () => {
        const key = `${freshName()}/a`;
        const bytes = new Uint8Array(6 * 1024 * 1024 + 1);
        for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 7 + (index >>> 12)) & 0xff;
        await objects.put(key, bytes);
        expect(await objects.size(key)).toBe(bytes.length);
        for (const [position, length] of [
          [0, 10],
          [5_000_000, 100_000],
          [bytes.length - 3, 10],
          [0, bytes.length],
          [1, 2 * bytes.length],
        ] as const) {
          const range = (await objects.get(key, position, length))!;
          expect(Buffer.compare(range, bytes.subarray(position, position + length))).toBe(0);
        }
      });
    });

    describe('size', () => {
      it('is that of the object, or null when there is none', async () => {
        const key = `${freshName()}/a`;
        expect(await objects.size(key)).toBeNull();
        await objects.put(key, bytesOf('abc'));
        expect(await objects.size(key)).toBe(3);
      });
    });

    describe('remove', () => {
      it('deletes the objects named and no others', async () => {
        const prefix = freshName();
        await putAll([`${prefix}/a`, `${prefix}/b`, `${prefix}/c`]);
        await objects.remove([`${prefix}/a`, `${prefix}/c`]);
        expect(await objects.size(`${prefix}/a`)).toBeNull();
        expect(await objects.get(`${prefix}/c`, 0, 1)).toBeNull();
        expect((await objects.list(prefix, null, 10)).map(({ key }) => key)).toEqual([`${prefix}/b`]);
      });

      it('takes what is not there as deleted', async () => {
        const prefix = freshName();
        await putAll([`${prefix}/a`]);
        await objects.remove([`${prefix}/none`, `${prefix}/a`]);
        await objects.remove([`${prefix}/a`]);
        expect(await objects.size(`${prefix}/a`)).toBeNull();
      });

      it('takes no keys and 1,000 keys', async () => {
        const prefix = freshName();
        await objects.remove([]);
        const keys = Array.from({ length: 1000 }, (_, index) => `${prefix}/${index}`);
        await putAll([keys[0]!, keys[999]!]);
        await objects.remove(keys);
        expect(await objects.list(prefix, null, 10)).toEqual([]);
      });

      it('leaves the place usable for other objects', async () => {
        const prefix = freshName();
        await putAll([`${prefix}/h/a`]);
        await objects.remove([`${prefix}/h/a`]);
        expect(await objects.put(`${prefix}/h/b`, bytesOf('b'))).toBe('created');
      });
    });

    describe('list', () => {
      it('finds nothing where there is nothing', async () => {
        expect(await objects.list(`${freshName()}/`, null, 10)).toEqual([]);
      });

      it('tells key and size in the order of the keys’ bytes', async () => {
        const prefix = freshName();
        await putAll(['b/2', 'a/10', 'B/1', 'a/9', 'a/1'].map((key) => `${prefix}/${key}`));
        expect(await objects.list(`${prefix}/`, null, 10)).toEqual(
          ['B/1', 'a/1', 'a/10', 'a/9', 'b/2'].map((key) => ({
            key: `${prefix}/${key}`,
            sizeBytes: prefix.length + 1 + key.length,
          })),
        );
      });

      it('takes a prefix that ends inside a part of the key', async () => {
        const prefix = freshName();
        await putAll(['0/aa', '0/ab', '0/b', '1/aa'].map((key) => `${prefix}/${key}`));
        const found = await objects.list(`${prefix}/0/a`, null, 10);
        expect(found.map(({ key }) => key)).toEqual([`${prefix}/0/aa`, `${prefix}/0/ab`]);
      });

      it('begins above `after`, whether there is such an object or not', async () => {
        const prefix = freshName();
        await putAll(['a/1', 'a/3', 'b/1', 'c/1'].map((key) => `${prefix}/${key}`));
        const keysAbove = async (key: string) =>
          (await objects.list(`${prefix}/`, `${prefix}/${key}`, 10)).map((found) => found.key.slice(prefix.length + 1));
        expect(await keysAbove('a/1')).toEqual(['a/3', 'b/1', 'c/1']);
        expect(await keysAbove('a/2')).toEqual(['a/3', 'b/1', 'c/1']);
        expect(await keysAbove('b/zzz')).toEqual(['c/1']);
        expect(await keysAbove('c/1')).toEqual([]);
      });

      it('returns at most `limit`, and page by page everything once', async () => {
        const prefix = freshName();
        const keys = Array.from({ length: 11 }, (_, index) => `${prefix}/${index % 3}/${index}`).sort();
        await putAll(keys);
        const found: string[] = [];
        for (;;) {
          const page = await objects.list(`${prefix}/`, found.at(-1) ?? null, 4);
          if (page.length === 0) break;
          expect(page.length).toBeLessThanOrEqual(4);
          found.push(...page.map(({ key }) => key));
        }
        expect(found).toEqual(keys);
      });
    });
  });
}
