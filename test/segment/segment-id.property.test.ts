import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeId, encodeId, firstIdAt, idTimeMs, MAX_ID_TIME_MS } from '../../lib/segment/segment-id.ts';

const idBytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
const time = fc.integer({ min: 0, max: MAX_ID_TIME_MS });

describe('segment ids', () => {
  it('are 16 bytes, any of them', () => {
    fc.assert(
      fc.property(idBytes, (bytes) => {
        expect(encodeId(decodeId(bytes))).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it('have one order, as texts and as bytes', () => {
    // Neighbours as well as strangers: the order of ids that share most of their bytes is where a wrong encoding shows.
    const pair = fc.oneof(
      fc.tuple(idBytes, idBytes),
      fc.tuple(idBytes, fc.nat(15), fc.nat(255)).map(([bytes, position, value]) => {
        const other = bytes.slice();
        other[position] = value;
        return [bytes, other] as const;
      }),
    );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const texts = [decodeId(a), decodeId(b)] as const;
        const order = texts[0] < texts[1] ? -1 : texts[0] > texts[1] ? 1 : 0;
        expect(order).toBe(Math.sign(Buffer.compare(a, b)));
      }),
      { numRuns: 5000 },
    );
  });

  it('order by time first', () => {
    fc.assert(
      fc.property(idBytes, (bytes) => {
        const id = decodeId(bytes);
        const timeMs = idTimeMs(id);
        expect(firstIdAt(timeMs) <= id).toBe(true);
        if (timeMs < MAX_ID_TIME_MS) expect(id < firstIdAt(timeMs + 1)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(time, (timeMs) => {
        expect(idTimeMs(firstIdAt(timeMs))).toBe(timeMs);
      }),
    );
  });
});
