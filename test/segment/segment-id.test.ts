import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import {
  decodeId,
  encodeId,
  firstIdAt,
  idTimeMs,
  MAX_ID_TIME_MS,
  parseId,
  ZERO_ID,
} from '../../lib/segment/segment-id.ts';

/** The example of the ULID specification's text: its time is 1469918176385. */
const EXAMPLE = '01ARYZ6S41TSV4RRFFQ69G5FAV';

describe('a segment id', () => {
  it('has the bytes and the time that the ULID specification gives it', () => {
    expect(idTimeMs(EXAMPLE)).toBe(1469918176385);
    expect(Buffer.from(encodeId(EXAMPLE)).toString('hex')).toBe('01563df36481d6764c61efb99302bd5b');
    expect(decodeId(encodeId(EXAMPLE))).toBe(EXAMPLE);
  });

  it('begins at zero and ends where 128 bits do', () => {
    expect(encodeId(ZERO_ID)).toEqual(new Uint8Array(16));
    const highest = `7${'Z'.repeat(25)}`;
    expect(encodeId(highest)).toEqual(new Uint8Array(16).fill(255));
    expect(decodeId(new Uint8Array(16).fill(255))).toBe(highest);
    expect(idTimeMs(highest)).toBe(MAX_ID_TIME_MS);
  });

  it.each([
    ['', 'empty'],
    [EXAMPLE.slice(1), '25 characters'],
    [`${EXAMPLE}0`, '27 characters'],
    [EXAMPLE.toLowerCase(), 'lower case'],
    [`8${'0'.repeat(25)}`, 'more than 128 bits'],
    [`${EXAMPLE.slice(0, 25)}I`, 'an I'],
    [`${EXAMPLE.slice(0, 25)}L`, 'an L'],
    [`${EXAMPLE.slice(0, 25)}O`, 'an O'],
    [`${EXAMPLE.slice(0, 25)}U`, 'a U'],
    [`${EXAMPLE.slice(0, 25)}\n`, 'a line feed'],
    [`${EXAMPLE}\n`, 'a line feed at the end'],
  ])('refuses %j: %s', (text) => {
    for (const use of [parseId, encodeId, idTimeMs]) {
      expect(() => use(text)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', value: text }));
    }
  });

  it('refuses what is no text', () => {
    expect(() => parseId(17 as unknown as string)).toThrow(MillraceError);
  });

  it('is read from the middle of other bytes, and not from beyond their end', () => {
    const bytes = new Uint8Array(40);
    bytes.set(encodeId(EXAMPLE), 24);
    expect(decodeId(bytes, 24)).toBe(EXAMPLE);
    for (const position of [25, -1, 0.5, Number.NaN]) {
      expect(() => decodeId(bytes, position)).toThrow(
        expect.objectContaining({ code: 'CORRUPT_OBJECT', value: position }),
      );
    }
  });
});

describe('the first id of a millisecond', () => {
  it('has its time and no random bits', () => {
    expect(firstIdAt(0)).toBe(ZERO_ID);
    expect(firstIdAt(1469918176385)).toBe(`01ARYZ6S41${'0'.repeat(16)}`);
    expect(firstIdAt(1469918176385.9)).toBe(firstIdAt(1469918176385));
    expect(idTimeMs(firstIdAt(MAX_ID_TIME_MS))).toBe(MAX_ID_TIME_MS);
  });

  it.each([-1, MAX_ID_TIME_MS + 1, Number.NaN, Number.POSITIVE_INFINITY])('does not exist at %d', (timeMs) => {
    expect(() => firstIdAt(timeMs)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST', value: timeMs }));
  });
});
