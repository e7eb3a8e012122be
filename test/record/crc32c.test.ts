import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c, crc32cWebAssembly } from '../../lib/record/crc32c.ts';
import { crc32cScript } from '../../lib/record/crc32c-script.ts';

/** One bit at a time, straight from the definition. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

describe('crc32c', () => {
  it.each([
    ['nothing', new Uint8Array(0), 0],
    ['the check value of the catalogue', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros (RFC 3720 B.4)', new Uint8Array(32), 0x8a9136aa],
    ['32 ones (RFC 3720 B.4)', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['counting up (RFC 3720 B.4)', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
    ['counting down (RFC 3720 B.4)', Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  ])('gives the published value of %s', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('continues from the CRC of what came before', () => {
    const bytes = Buffer.from('the quick brown fox jumps over the lazy dog');
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
    }
  });

  it('is the same by WebAssembly, by script and bit by bit, at every alignment', () => {
    const implementations = [crc32cWebAssembly(), crc32cScript()];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(8), (content, offset) => {
        const bytes = new Uint8Array(content.length + 8).subarray(offset, offset + content.length);
        bytes.set(content.subarray(0, bytes.length));
        for (const update of implementations) expect(~update(-1, bytes) >>> 0).toBe(bitwise(bytes));
      }),
      { numRuns: 500 },
    );
  });

  it('is the same for bytes that are larger than the memory of the module', () => {
    const bytes = Uint8Array.from({ length: 200_003 }, (_, index) => (index * 31) >>> 3);
    const expected = bitwise(bytes);
    expect(crc32c(bytes)).toBe(expected);
    expect(~crc32cScript()(-1, bytes) >>> 0).toBe(expected);
  });
});
