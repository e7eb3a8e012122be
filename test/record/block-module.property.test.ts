/** The block coders exist twice, in WebAssembly and in JavaScript: both must do the same to any bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../../lib/errors.ts';
import { type Bytes, blockCoder, bothViews, COPY_SLACK, openArena } from '../../lib/record/arena.ts';
import { assembleModule } from '../../lib/record/assemble-module.ts';
import { compress, decompress } from '../../lib/record/compression.ts';
import { compressLz4Block, decompressLz4Block, lz4Bound } from '../../lib/record/lz4-block.ts';
import {
  compressSnappyBlock,
  decompressSnappyElements,
  readSnappyPreamble,
  snappyBound,
} from '../../lib/record/snappy-block.ts';

const content = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 90 }), fc.integer({ min: 1, max: 80 })), { maxLength: 20 })
  .map((pieces) =>
    Buffer.concat(pieces.flatMap(([piece, times]) => Array<Uint8Array>(times).fill(piece))).subarray(0, 32 * 1024),
  );

/** Runs a coder in JavaScript and in the module, and gives both results. */
function both<T>(bytes: Uint8Array, capacity: number, run: (source: Bytes, target: Bytes) => T): [T, T] {
  const script = run(bothViews(bytes), bothViews(new Uint8Array(capacity + COPY_SLACK)));
  const arena = openArena(bothViews(bytes), capacity);
  expect(arena.target.base).toBeGreaterThan(0);
  return [script, run(arena.source, arena.target)];
}

function outcome(run: () => Uint8Array): string {
  try {
    return Buffer.from(run()).toString('hex');
  } catch (error) {
    if (!hasCode(error, 'CORRUPT_MESSAGE')) throw error;
    return error.message;
  }
}

describe('the module and the script', () => {
  it('encode the same bytes', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const [lz4Script, lz4Module] = both(bytes, lz4Bound(bytes.length), (source, target) =>
          target.bytes.slice(0, compressLz4Block(source, 0, bytes.length, target, 0)),
        );
        expect(Buffer.compare(lz4Script, lz4Module)).toBe(0);
        const [snappyScript, snappyModule] = both(bytes, snappyBound(bytes.length), (source, target) =>
          target.bytes.slice(0, compressSnappyBlock(source, 0, bytes.length, target, 0)),
        );
        expect(Buffer.compare(snappyScript, snappyModule)).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  it('decode the same bytes, or refuse them in the same words, 20,000 times damaged', () => {
    let state = 7;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const text = Buffer.from(
      Array.from({ length: 40 }, (_, index) => `"order ${index % 7}",${'ab'.repeat(index % 5)};`).join(''),
    );
    const lz4 = compress('lz4', text).slice(11, -4);
    const chunk = compress('snappy', text).slice(20);
    const preamble = readSnappyPreamble(chunk, 0, chunk.length).position;
    let same = 0;
    for (let number = 0; number < 20_000; number++) {
      const snappy = number % 2 === 0;
      const bytes = (snappy ? chunk.slice(preamble) : lz4.slice()).slice(0, random(10) === 0 ? random(200) : undefined);
      for (let count = random(3); count > 0; count--) bytes[random(bytes.length)] = random(2) === 0 ? random(256) : 255;
      const [script, module] = both(bytes, text.length, (source, target) =>
        outcome(() => {
          if (snappy) decompressSnappyElements(source, 0, bytes.length, target, 0, text.length);
          const end = snappy ? text.length : decompressLz4Block(source, 0, bytes.length, target, 0, text.length, 0);
          return target.bytes.subarray(0, Math.max(end, 0));
        }),
      );
      expect(module).toBe(script);
      if (module === text.toString('hex')) same++;
    }
    expect(same).toBeGreaterThan(1000);
    expect(same).toBeLessThan(15_000);
  });

  it('give what is too large for the module to the script', () => {
    const bytes = Buffer.from('a line of a log that repeats itself; '.repeat(150_000));
    for (const type of ['lz4', 'snappy'] as const) {
      expect(Buffer.compare(decompress(type, compress(type, bytes), bytes.length), bytes)).toBe(0);
    }
  });

  it('say by the decoder of the module itself that something is wrong', () => {
    const { source, target } = openArena(bothViews(Uint8Array.of(0xf0, 255, 255)), 10);
    expect(blockCoder!.lz4(source.base, source.base + 3, target.base, target.base + 10, target.base)).toBe(-1);
    expect(blockCoder!.snappy(source.base, source.base + 3, target.base, target.base + 10, target.base)).toBe(-1);
  });
});

describe('assembleModule', () => {
  it.each(['(set $nothing 1)', '(frobnicate 1)', '(br $nowhere)', '$nothing'])('refuses the text %s', (text) => {
    const wrong = () => assembleModule([{ name: 'f', parameters: ['$a'], locals: [], text }]);
    expect(wrong).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});
