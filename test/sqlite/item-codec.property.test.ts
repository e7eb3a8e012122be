import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import type { Attribute, Item } from '../../lib/log/item.ts';
import { crc32c } from '../../lib/record/crc32c.ts';
import { decodeInteger, integerBytes, writeInteger } from '../../lib/sqlite/integer-bytes.ts';
import { decodeItem, encodeItem } from '../../lib/sqlite/item-codec.ts';

const binary = fc.uint8Array({ maxLength: 300 });
const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.bigInt({ min: -(2n ** 130n), max: 2n ** 130n }),
  fc.bigInt({ min: -(2n ** 33n), max: 2n ** 33n }),
  fc.string({ unit: 'binary', maxLength: 50 }),
  binary,
  fc.array(binary, { maxLength: 20 }),
);
const items: fc.Arbitrary<Item> = fc.dictionary(fc.string({ unit: 'binary', maxLength: 20 }), attribute, {
  maxKeys: 12,
  noNullPrototype: true,
});

const seal = (body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(body.length + 4);
  bytes.set(body);
  new DataView(bytes.buffer).setUint32(body.length, crc32c(body));
  return bytes;
};

const encodeInteger = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(integerBytes(value));
  writeInteger(value, bytes, 0, bytes.length);
  return bytes;
};

const codeOf = (bytes: Uint8Array): string => {
  try {
    decodeItem(bytes);
    return 'decoded';
  } catch (error) {
    if (error instanceof MillraceError) return error.code;
    throw error;
  }
};

describe('a stored item', () => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(items, (item) => {
        expect(decodeItem(encodeItem(item))).toEqual(item);
      }),
      { numRuns: 2000 },
    );
  });

  it('has the bytes of the table', () => {
    const item = { n: 300n, t: 'é', b: Uint8Array.of(9), l: [Uint8Array.of(1, 2), new Uint8Array(0)] };
    const body = [1, 4, 1, 0x6e, 1, 2, 1, 0x2c, 1, 0x74, 2, 2, 0xc3, 0xa9, 1, 0x62, 3, 1, 9, 1, 0x6c, 4, 2, 2, 1, 2, 0];
    expect(encodeItem(item)).toEqual(seal(Uint8Array.from(body)));
  });

  it('holds 400 KB and lengths of several bytes', () => {
    const item = { l: Array.from({ length: 300 }, (_, index) => new Uint8Array(1300).fill(index)) };
    expect(decodeItem(encodeItem(item))).toEqual(item);
  });

  it('is CORRUPT_OBJECT after any change of its bytes', () => {
    fc.assert(
      fc.property(items, fc.nat(), fc.integer({ min: 1, max: 255 }), (item, at, flip) => {
        const bytes = encodeItem(item);
        bytes[at % bytes.length]! ^= flip;
        expect(codeOf(bytes)).toBe('CORRUPT_OBJECT');
      }),
      { numRuns: 3000 },
    );
  });

  it('is CORRUPT_OBJECT when it is cut anywhere', () => {
    const bytes = encodeItem({ next: 5n, tail: [Uint8Array.of(1, 2, 3)], name: 'x' });
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(bytes.subarray(0, length))).toBe('CORRUPT_OBJECT');
  });

  it('is a typed error or an item when a forger has made the checksum right', () => {
    fc.assert(
      fc.property(
        items,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        (item, changes, cut) => {
          const body = encodeItem(item).slice(0, -4);
          for (const [at, value] of changes) body[at % body.length] = value;
          const kept = body.subarray(0, body.length - (cut % 3));
          expect(['decoded', 'CORRUPT_OBJECT', 'UNSUPPORTED_FORMAT']).toContain(codeOf(seal(kept)));
        },
      ),
      { numRuns: 10_000 },
    );
  });

  it('is a typed error whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        expect(codeOf(noise)).toBe('CORRUPT_OBJECT');
        expect(['decoded', 'CORRUPT_OBJECT']).toContain(codeOf(seal(Uint8Array.of(1, ...noise))));
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([
    ['a count of attributes that are not there', [1, 1]],
    ['a name that reaches beyond the end', [1, 1, 5, 0x61]],
    ['no kind', [1, 1, 1, 0x61]],
    ['an unknown kind', [1, 1, 1, 0x61, 5, 0]],
    ['a binary of 4 GB', [1, 1, 1, 0x61, 3, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a length of six bytes', [1, 1, 1, 0x61, 3, 0x80, 0x80, 0x80, 0x80, 0x80, 0]],
    ['a list of 4 billion elements', [1, 1, 1, 0x61, 4, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a text that is not UTF-8', [1, 1, 1, 0x61, 2, 1, 0xff]],
    ['an attribute twice', [1, 2, 1, 0x61, 1, 1, 0, 1, 0x61, 1, 1, 0]],
    ['bytes left over', [1, 0, 0]],
    ['an integer without bytes', [1, 1, 1, 0x61, 1, 0]],
  ])('refuses %s', (_, body) => {
    expect(codeOf(seal(Uint8Array.from(body)))).toBe('CORRUPT_OBJECT');
  });

  it('says that a newer version is newer', () => {
    expect(codeOf(seal(Uint8Array.of(2, 0)))).toBe('UNSUPPORTED_FORMAT');
  });

  it('tells names apart that have a hash in common, again and again', () => {
    // 31 times one character more is as much as 31 of the next.
    const pairs = [{ Aa: 1n }, { BB: 2n }, { AaBB: 3n }, { BBAa: 4n }, { é: 5n }, { 'Ã©': 6n }];
    for (const item of [...pairs, ...pairs]) expect(decodeItem(encodeItem(item))).toEqual(item);
  });

  it('keeps an attribute called __proto__ as one', () => {
    const item = Object.fromEntries([['__proto__', 5n]]) as Item;
    expect(Object.entries(decodeItem(encodeItem(item)))).toEqual([['__proto__', 5n]]);
  });
});

describe('the bytes of an integer', () => {
  it('give the integer back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), (value) => {
        expect(decodeInteger(encodeInteger(value))).toBe(value);
      }),
    );
  });

  it('are right and as few as can be on either side of every power of two', () => {
    for (let bits = 0n; bits < 130n; bits++) {
      for (const value of [2n ** bits - 1n, 2n ** bits, -(2n ** bits), -(2n ** bits) - 1n]) {
        const bytes = encodeInteger(value);
        expect(decodeInteger(bytes)).toBe(value);
        const fits = (count: number) => BigInt.asIntN(count * 8, value) === value;
        expect(fits(bytes.length) && (bytes.length === 1 || !fits(bytes.length - 1))).toBe(true);
      }
    }
  });
});
