import { describe, expect, it } from 'vitest';
import { delayedId, parseDelayedId } from '../../lib/delay/delayed-id.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';

const place = {
  partition: { topicId: 'aebb5cc2-7b48-4746-b607-a7aa49ebd81f', partition: 4_000_000_000 },
  place: { dueMs: 253_402_300_799_999, id: firstIdAt(1_764_000_000_000) },
};

describe('the id of a delayed record', () => {
  it('says where the record is, in 63 characters that begin with an A', () => {
    const id = delayedId(place);
    expect(id).toMatch(/^A[\w-]{62}$/);
    expect(parseDelayedId(id)).toEqual(place);
  });

  it('is refused when any character of it is another', () => {
    const id = delayedId(place);
    for (let index = 0; index < id.length; index++) {
      const other = id[index] === 'B' ? 'C' : 'B';
      const spoilt = id.slice(0, index) + other + id.slice(index + 1);
      expect(() => parseDelayedId(spoilt), spoilt).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    }
  });

  it.each(['', 'A', `${delayedId(place)}A`, `${delayedId(place)}=`, ` ${delayedId(place)}`, null, 7])(
    'is refused where it is none: %s',
    (text) => {
      expect(() => parseDelayedId(text as string)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    },
  );
});
