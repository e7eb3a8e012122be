import { describe, expect, it } from 'vitest';
import { xxhash32 } from '../../lib/record/xxhash32.ts';

describe('xxhash32', () => {
  it.each([
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['abcd', 0xa3643705],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
  ])('gives the published value of %j', (text, expected) => {
    expect(xxhash32(Buffer.from(text))).toBe(expected);
  });
});
