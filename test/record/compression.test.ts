import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompressionType, compress, compressionTypes, decompress } from '../../lib/record/compression.ts';
import { crc32c } from '../../lib/record/crc32c.ts';
import { xxhash32 } from '../../lib/record/xxhash32.ts';
import { compressionsAlgorithms as theirs } from '../../node_modules/@platformatic/kafka/dist/protocol/compression.js';

const MiB = 1024 * 1024;
const corrupt = expect.objectContaining({ code: 'CORRUPT_MESSAGE' });
const tooLarge = expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' });
const codecs = compressionTypes.filter((type) => type !== 'none');

/** Content that exercises matches of all distances and lengths, and literals of all lengths. */
const content = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.integer({ min: 1, max: 300 })), { maxLength: 12 })
  .map((pieces) =>
    Buffer.concat(pieces.flatMap(([piece, times]) => Array<Uint8Array>(times).fill(piece))).subarray(0, 300_000),
  );

function noise(length: number): Buffer {
  let state = 1;
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    }),
  );
}

describe.each(compressionTypes)('%s', (type) => {
  it('gives back what it was given, in exactly the bound', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        expect(Buffer.compare(decompress(type, compress(type, bytes), bytes.length), bytes)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it.each([0, 1, 12, 13, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 200_000])(
    'takes %d bytes of noise and of zeros',
    (length) => {
      for (const bytes of [noise(length), Buffer.alloc(length)]) {
        expect(Buffer.compare(decompress(type, compress(type, bytes), length), bytes)).toBe(0);
      }
    },
  );

  it('refuses more than the bound by a single byte', () => {
    const bytes = noise(5000);
    expect(() => decompress(type, compress(type, bytes), 4999)).toThrow(tooLarge);
  });
});

describe('another implementation', () => {
  // Theirs fails on nothing at all once its memory has grown: it keeps a view of the memory before.
  const some = content.filter((bytes) => bytes.length > 0);

  it('reads our lz4, and we read its', () => {
    fc.assert(
      fc.property(some, (bytes) => {
        expect(Buffer.compare(theirs.lz4.decompressSync(Buffer.from(compress('lz4', bytes))), bytes)).toBe(0);
        expect(Buffer.compare(decompress('lz4', theirs.lz4.compressSync(bytes), 300_000), bytes)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('reads our snappy, and we read its plain blocks', () => {
    fc.assert(
      fc.property(some, (bytes) => {
        expect(Buffer.compare(theirs.snappy.decompressSync(Buffer.from(compress('snappy', bytes))), bytes)).toBe(0);
        expect(Buffer.compare(decompress('snappy', theirs.snappy.compressSync(bytes), 300_000), bytes)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('snappy', () => {
  const block = (...bytes: number[]) => Uint8Array.from(bytes);

  it('writes the framing of snappy-java', () => {
    expect(Buffer.from(compress('snappy', Buffer.from('abc'))).toString('hex')).toBe(
      '82534e4150505900' + '00000001' + '00000001' + '00000005' + '0308616263',
    );
  });

  it('reads streams that were joined with their headers', () => {
    const joined = Buffer.concat([compress('snappy', Buffer.from('abc')), compress('snappy', Buffer.from('def'))]);
    expect(Buffer.from(decompress('snappy', joined, 6)).toString()).toBe('abcdef');
  });

  it('reads all kinds of copies', () => {
    // 8 literals; 4 from 4 before; 5 from 12 before in two bytes, 3 from 1 before in four
    const bytes = block(20, 7 << 2, ...Buffer.from('abcdefgh'), 0x01, 4, (4 << 2) | 2, 12, 0, (2 << 2) | 3, 1, 0, 0, 0);
    expect(Buffer.from(decompress('snappy', bytes, 100)).toString()).toBe('abcdefghefghabcdeeee');
  });

  it.each([
    ['nothing at all', []],
    ['a copy from before the start', [8, 0, 97, 0x01 | (3 << 2), 2]],
    ['a copy from nowhere', [8, 0, 97, 0x01 | (3 << 2), 0]],
    ['a copy that is cut off', [8, 0, 97, 0x02, 1]],
    ['a literal that is cut off', [3, 2 << 2, 97]],
    ['a literal length that is cut off', [3, 63 << 2, 1]],
    ['a literal of 4 GiB', [3, 63 << 2, 0xff, 0xff, 0xff, 0xff, 1]],
    ['more than it claims', [1, 2 << 2, 97, 97, 97]],
    ['less than it claims', [4, 2 << 2, 97, 97, 97]],
    ['a claim that its size could never give', [0xff, 0xff, 0x03, 0, 97]],
    ['a length that is too long', [0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decompress('snappy', block(...bytes), MiB)).toThrow(corrupt);
  });

  it.each([
    ['a version that is not known', 12, 2],
    ['a chunk that claims too much', 19, 200],
    ['a chunk without bytes', 19, 0],
  ])('refuses framing with %s', (_, position, value) => {
    const bytes = Uint8Array.from(compress('snappy', Buffer.from('abc')));
    bytes[position === 12 ? 15 : position] = value;
    expect(() => decompress('snappy', bytes, MiB)).toThrow(corrupt);
    expect(() => decompress('snappy', bytes.subarray(0, 14), MiB)).toThrow(corrupt);
    expect(() => decompress('snappy', bytes.subarray(0, 18), MiB)).toThrow(corrupt);
  });
});

/** A frame with the flags and the descriptor given. */
function frame(flags: number, descriptor: number, optional: Uint8Array, ...rest: Uint8Array[]): Uint8Array {
  const described = Buffer.concat([Uint8Array.of(flags, descriptor), optional]);
  return Buffer.concat([
    Uint8Array.of(0x04, 0x22, 0x4d, 0x18),
    described,
    Uint8Array.of(xxhash32(described) >>> 8),
    ...rest,
  ]);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

describe('lz4', () => {
  const none = new Uint8Array(0);
  const stored = (text: string) => Buffer.concat([u32((text.length | 0x80000000) >>> 0), Buffer.from(text)]);

  it('writes the frame that Kafka’s Java client does', () => {
    expect(Buffer.from(compress('lz4', Buffer.from('abc'))).toString('hex')).toBe(
      '04224d18' + '6040' + '82' + '03000080' + '616263' + '00000000',
    );
  });

  it('reads content sizes, checksums and blocks that refer to those before', () => {
    const linked = Uint8Array.of(0x01, 8, 0, 0x50, ...Buffer.from('vwxyz'));
    const bytes = frame(
      0x40 | 0x10 | 0x08 | 0x04,
      0x40,
      u64(18n),
      ...[stored('abcdefgh'), u32(xxhash32(Buffer.from('abcdefgh')))],
      ...[u32(linked.length), linked, u32(xxhash32(linked))],
      ...[u32(0), u32(xxhash32(Buffer.from('abcdefghabcdevwxyz')))],
    );
    expect(Buffer.from(decompress('lz4', bytes, 18)).toString()).toBe('abcdefghabcdevwxyz');
    expect(() => decompress('lz4', bytes, 17)).toThrow(tooLarge);
    for (const position of [5, 10, 14, 30, bytes.length - 1]) {
      const damaged = Uint8Array.from(bytes);
      damaged[position]! ^= 4;
      expect(() => decompress('lz4', damaged, 18), `byte ${position}`).toThrow();
    }
  });

  it.each([
    [
      'independent blocks that refer to those before',
      frame(
        0x60,
        0x40,
        none,
        stored('abcdefgh'),
        u32(9),
        Uint8Array.of(0x01, 8, 0, 0x50, 118, 119, 120, 121, 122),
        u32(0),
      ),
    ],
    ['a dictionary', frame(0x61, 0x40, u32(1), u32(0))],
    ['another version', frame(0xa0, 0x40, none, u32(0))],
    ['a reserved block size', frame(0x60, 0x30, none, u32(0))],
    ['a block above its size', frame(0x60, 0x40, none, u32(65_537), new Uint8Array(65_537), u32(0))],
    ['no end mark', frame(0x60, 0x40, none, stored('abc'))],
    ['bytes after the end', frame(0x60, 0x40, none, u32(0), u32(0))],
    ['a content size that is wrong', frame(0x68, 0x40, u64(4n), stored('abc'), u32(0))],
    ['another magic', Uint8Array.of(5, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0)],
    ['nothing', none],
  ])('refuses a frame with %s', (_, bytes) => {
    expect(() => decompress('lz4', bytes, MiB)).toThrow(corrupt);
  });
});

/** Data of `total` zeros, made without ever holding them. */
const bombs: Record<Exclude<CompressionType, 'none'>, (total: number) => Uint8Array> = {
  gzip(total) {
    const header = gzipSync('').subarray(0, 10);
    const part = deflateRawSync(new Uint8Array(MiB), { finishFlush: constants.Z_SYNC_FLUSH });
    return Buffer.concat([
      header,
      ...Array<Uint8Array>(total / MiB).fill(part),
      Uint8Array.of(3, 0),
      u32(0),
      u32(total),
    ]);
  },
  snappy(total) {
    const framed = compress('snappy', new Uint8Array(32 * 1024));
    return Buffer.concat([framed.subarray(0, 16), ...Array<Uint8Array>(total / (32 * 1024)).fill(framed.subarray(16))]);
  },
  lz4(total) {
    const framed = compress('lz4', new Uint8Array(64 * 1024));
    const block = framed.subarray(7, -4);
    return Buffer.concat([framed.subarray(0, 7), ...Array<Uint8Array>(total / (64 * 1024)).fill(block), u32(0)]);
  },
  zstd(total) {
    // A window of 128 KiB, then blocks of one repeated byte.
    const block = Uint8Array.of(((128 * 1024) << 3) | 2, (128 * 1024) >>> 5, (128 * 1024) >>> 13, 0);
    const last = Uint8Array.of(1, 0, 0);
    return Buffer.concat([
      Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3),
      ...Array<Uint8Array>(total / (128 * 1024)).fill(block),
      last,
    ]);
  },
};

describe('millions of empty blocks', () => {
  it.each([
    [
      'lz4',
      Buffer.concat([
        compress('lz4', new Uint8Array(0)).subarray(0, 7),
        Buffer.alloc(16 * MiB, u32(0x80000000)),
        u32(0),
      ]),
    ],
    [
      'snappy',
      Buffer.concat([
        compress('snappy', new Uint8Array(0)).subarray(0, 16),
        Buffer.alloc(15 * MiB, Uint8Array.of(0, 0, 0, 1, 0)),
      ]),
    ],
  ] as const)('of %s take no memory', (type, bytes) => {
    const before = process.resourceUsage().maxRSS;
    expect(decompress(type, bytes, MiB).length).toBe(0);
    expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(48 * MiB);
  });
});

describe.each(codecs)('a compression bomb of %s', (type) => {
  it('is what it says, when it is small', () => {
    expect(crc32c(decompress(type, type === 'gzip' ? gzipSync(new Uint8Array(MiB)) : bombs[type](MiB), MiB))).toBe(
      crc32c(new Uint8Array(MiB)),
    );
  });

  it('is refused in no more memory than twice the bound', () => {
    const bomb = bombs[type](512 * MiB);
    const before = process.resourceUsage().maxRSS;
    for (const bound of [1, 4096, MiB, 4 * MiB]) expect(() => decompress(type, bomb, bound)).toThrow(tooLarge);
    const growthBytes = (process.resourceUsage().maxRSS - before) * 1024;
    expect(growthBytes).toBeLessThan(32 * MiB);
  });
});
