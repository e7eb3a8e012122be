import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCondemned, encodeCondemned } from '../../lib/maintenance/condemned-list.ts';

const key = fc.stringMatching(/^[a-z0-9/-]{1,40}$/);

describe('a list of condemned objects', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(key), (keys) => {
        expect(decodeCondemned(encodeCondemned(keys))).toEqual(keys);
      }),
    );
  });

  it('is refused when any byte is another, or missing', () => {
    const bytes = encodeCondemned(['shared/0/7/2026112410/01M85QZ9AMVMHY4FMSSRJEJ6YA', 'shared/0/8/x']);
    for (let position = 0; position < bytes.length; position++) {
      const spoilt = bytes.slice();
      spoilt[position]! ^= 1;
      expect(() => decodeCondemned(spoilt), String(position)).toThrow('damaged');
      expect(() => decodeCondemned(bytes.slice(0, position)), String(position)).toThrow('damaged');
    }
  });
});
