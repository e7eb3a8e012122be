import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineCrc32c } from '../../lib/record/combine-crc32c.ts';
import { crc32c } from '../../lib/record/crc32c.ts';

describe('the CRC of two pieces', () => {
  it('is that of their bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
        const whole = crc32c(Buffer.concat([first, second]));
        expect(combineCrc32c(crc32c(first), crc32c(second), second.length)).toBe(whole);
      }),
    );
  });

  it.each([0, 1, 2, 255, 65_536, 131_051, 1_000_003, 16_777_215])('is right before %i bytes', (length) => {
    const first = Buffer.from('what comes before');
    const second = Buffer.alloc(length, 'x');
    expect(combineCrc32c(crc32c(first), crc32c(second), length)).toBe(crc32c(second, crc32c(first)));
  });
});
