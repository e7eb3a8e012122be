import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { condemnedKeys } from '../../lib/maintenance/carry-out-lists.ts';
import { CondemnedKeys } from '../../lib/maintenance/condemned-keys.ts';
import { decodeCondemned, encodeCondemned } from '../../lib/maintenance/condemned-list.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { segmentKey } from '../../lib/segment/segment-key.ts';
import { maintenanceStage } from './maintenance-stage.ts';

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

  it('has full parts, and one that is written anew until it is', async () => {
    const stage = maintenanceStage();
    const keys = Array.from({ length: 110_000 }, (_, n) => {
      const id = `${firstIdAt(stage.clock.nowMs()).slice(0, 20)}${String(n).padStart(6, '0')}`;
      return segmentKey({ prefix: '', domain: 'shared', level: 0, id });
    });
    let parts: readonly string[] = [];
    const counts: number[] = [];
    for (const [from, to] of [
      [0, 30_000],
      [30_000, 60_000],
      [60_000, 110_000],
    ] as const) {
      // As slices do, one after the other.
      const condemned = new CondemnedKeys(stage.deps, 1);
      await condemned.reopen(parts);
      condemned.add(keys.slice(from, to));
      parts = await condemned.store(parts);
      expect(await condemned.store(parts)).toEqual(parts);
      counts.push(parts.length);
    }
    expect(counts).toEqual([1, 2, 3]);
    const stored = await Promise.all(parts.map((part) => condemnedKeys(stage.deps, part)));
    expect(stored.map(({ length }) => length)).toEqual([50_000, 50_000, 10_000]);
    expect(stored.flat()).toEqual(keys);
  });
});
