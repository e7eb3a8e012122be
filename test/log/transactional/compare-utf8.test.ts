import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../../lib/log/transactional/compare-utf8.ts';

describe('the order of texts', () => {
  it('is that of their UTF-8 bytes', () => {
    // Few different characters, so that texts often share a beginning: around each length of UTF-8, and around the surrogates.
    const character = fc.constantFrom(
      '\0',
      'a',
      '\u007f',
      '\u0080',
      '\u07ff',
      '\u0800',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '😀',
      '\u{10000}',
      '\u{10ffff}',
    );
    const texts = fc.array(character, { maxLength: 6 }).map((characters) => characters.join(''));
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 3000 },
    );
  });
});
