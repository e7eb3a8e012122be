import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../lib/log/transactional/compare-utf8.ts';
import { objectsOpener } from './objects-opener.ts';
import type { OpenedObjects } from './open-objects.ts';
import { temporaryDirectories } from './temporary-directory.ts';

const open = objectsOpener();
const temporaryDirectory = temporaryDirectories();

/** Packs of a few objects, written anew at once when half of them is gone. */
const small = { packBytes: 400, wasteBytes: 50 };
const keys = ['a', 'a/b', 'a/b!', 'a0', 'b/c', '\u{ffff}', '\u{10000}', 'z/1', 'z/2', 'z/3', 'z/4', 'z/5'];
const key = fc.constantFrom(...keys);
const handle = fc.nat({ max: 1 });

type Step =
  | { readonly do: 'put'; readonly handle: number; readonly key: string; readonly size: number; readonly fill: number }
  | {
      readonly do: 'get';
      readonly handle: number;
      readonly key: string;
      readonly position: number;
      readonly length: number;
    }
  | { readonly do: 'remove'; readonly handle: number; readonly keys: readonly string[] }
  | { readonly do: 'copy'; readonly handle: number; readonly key: string; readonly to: string }
  | {
      readonly do: 'list';
      readonly handle: number;
      readonly prefix: string;
      readonly after: string | null;
      readonly limit: number;
    }
  | { readonly do: 'open'; readonly handle: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      handle,
      key,
      size: fc.nat({ max: 250 }),
      fill: fc.nat({ max: 255 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('get' as const),
      handle,
      key,
      position: fc.nat({ max: 260 }),
      length: fc.integer({ min: 1, max: 300 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('remove' as const), handle, keys: fc.array(key, { maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('copy' as const), handle, key, to: key }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      handle,
      prefix: fc.constantFrom('', 'a', 'a/', 'z/'),
      after: fc.option(key),
      limit: fc.nat({ max: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const), handle }) },
);

/** What a store should be. */
class Model {
  readonly objects = new Map<string, Uint8Array>();

  put(at: string, bytes: Uint8Array | undefined): string {
    if (bytes === undefined) return 'missing';
    if (this.objects.has(at)) return 'exists';
    this.objects.set(at, bytes);
    return 'created';
  }

  list(prefix: string, after: string | null, limit: number) {
    return [...this.objects]
      .filter(([at]) => at.startsWith(prefix) && (after === null || compareUtf8(at, after) > 0))
      .sort(([a], [b]) => compareUtf8(a, b))
      .slice(0, limit)
      .map(([at, { length }]) => ({ key: at, sizeBytes: length }));
  }
}

async function take(one: Step, handles: OpenedObjects[], model: Model): Promise<void> {
  const { directory, objects } = handles[one.handle]!;
  if (one.do === 'put') {
    const bytes = new Uint8Array(one.size).fill(one.fill);
    expect(await objects.put(one.key, bytes)).toBe(model.put(one.key, bytes));
  } else if (one.do === 'get') {
    const expected = model.objects.get(one.key)?.slice(one.position, one.position + one.length) ?? null;
    expect(await objects.get(one.key, one.position, one.length)).toEqual(expected);
  } else if (one.do === 'remove') {
    await objects.remove(one.keys);
    for (const removed of one.keys) model.objects.delete(removed);
  } else if (one.do === 'copy') {
    expect(await objects.copy(one.key, one.to)).toBe(model.put(one.to, model.objects.get(one.key)));
  } else if (one.do === 'list') {
    expect(await objects.list(one.prefix, one.after, one.limit)).toEqual(model.list(one.prefix, one.after, one.limit));
  } else {
    objects.close();
    handles[one.handle] = await open(directory, small);
  }
}

describe('objects in small packs', () => {
  it('are what a map of them is, whichever of two handles is asked', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
        const directory = temporaryDirectory();
        const handles = [await open(directory, small), await open(directory, small)];
        const model = new Model();
        for (const one of steps) await take(one, handles, model);
        for (const { objects } of handles) {
          expect(await objects.list('', null, 1000)).toEqual(model.list('', null, 1000));
          for (const [at, bytes] of model.objects) expect(await objects.get(at, 0, 1000)).toEqual(bytes);
        }
        // Room is given back: two packs being written, and others of which half is in use.
        const usedBytes = [...model.objects.values()].reduce((sum, { length }) => sum + length + 40, 0);
        expect(handles[0]!.packs().length).toBeLessThan(6 + usedBytes / 50);
        for (const { objects } of handles) objects.close();
      }),
      { numRuns: 40 },
    );
  });
});
