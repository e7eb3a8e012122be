import { describe, expect, it } from 'vitest';
import { globalFloorFromItem, globalFloorKey, globalFloorToItem } from '../../lib/log/global-floor.ts';
import { encodeId, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { idNumbered } from './contract/fresh.ts';

describe('the global floor', () => {
  it('has one place, and sixteen bytes in it', () => {
    expect(globalFloorKey).toEqual({ pk: 'G', sk: 'G' });
    expect(globalFloorToItem(idNumbered(3))).toEqual({ floor: encodeId(idNumbered(3)) });
  });

  it('comes back from its item, and is zero when there is none', () => {
    expect(globalFloorFromItem(globalFloorToItem(idNumbered(3)))).toBe(idNumbered(3));
    expect(globalFloorFromItem(undefined)).toBe(ZERO_ID);
  });

  it('is damaged when its bytes are not an id', () => {
    const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT' });
    expect(() => globalFloorFromItem({})).toThrow(corrupt);
    expect(() => globalFloorFromItem({ floor: new Uint8Array(15) })).toThrow(corrupt);
  });
});
