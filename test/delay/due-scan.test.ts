import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../lib/delay/due-minute.ts';
import {
  type DuePartition,
  LATE_PUT_MS,
  nextScanMs,
  planScan,
  scanned,
  withMinutes,
  withoutMinutes,
} from '../../lib/delay/due-scan.ts';

const partition = { topicId: 'aebb5cc2-7b48-4746-b607-a7aa49ebd81f', partition: 0 };
const BEGIN_MS = 10 * MINUTE_MS;
const minute = (minuteMs: number, stamp = 'a') => ({ partition, minuteMs, stamp });
const heard = (...minutes: ReturnType<typeof minute>[]) => withMinutes(undefined, partition, minutes);
/** Looked at whatever is due now, and found what waits next. */
function looked(known: DuePartition, nowMs: number, nextMs: number | null = null): DuePartition {
  return scanned(known, planScan(known, nowMs)!, { endMs: nowMs + 1, nextMs });
}

describe('where a releaser looks next', () => {
  it('is nowhere before a minute begins, then from its beginning', () => {
    const known = heard(minute(BEGIN_MS));
    expect(planScan(known, BEGIN_MS - 1)).toBeNull();
    expect(nextScanMs(known)).toBe(BEGIN_MS);
    expect(planScan(known, BEGIN_MS + 5)).toMatchObject({ fromMs: BEGIN_MS });
  });

  it('is when the next record that waits is due, from where the last look ended, and at all of the minute when that is over', () => {
    const known = looked(heard(minute(BEGIN_MS)), BEGIN_MS + 5, BEGIN_MS + 900);
    expect(nextScanMs(known)).toBe(BEGIN_MS + 900);
    expect(planScan(known, BEGIN_MS + 899)).toBeNull();
    // From the end of the last look on: what was stored since may be due before it.
    expect(planScan(known, BEGIN_MS + 900)).toMatchObject({ fromMs: BEGIN_MS + 6 });
    const last = looked(known, BEGIN_MS + 900);
    expect(nextScanMs(last)).toBe(BEGIN_MS + MINUTE_MS);
    expect(planScan(last, BEGIN_MS + MINUTE_MS - 1)).toBeNull();
    expect(planScan(last, BEGIN_MS + MINUTE_MS)).toMatchObject({ fromMs: BEGIN_MS });
  });

  it('is a little before the last look where the minute is rung again, however long ago that was', () => {
    const before = looked(heard(minute(BEGIN_MS)), BEGIN_MS + 20_000);
    const known = withMinutes(before, partition, [minute(BEGIN_MS, 'b')]);
    expect(planScan(known, BEGIN_MS + 50_000)).toMatchObject({ fromMs: BEGIN_MS + 20_001 - LATE_PUT_MS });
    const twice = withMinutes(known, partition, [minute(BEGIN_MS, 'c')]);
    expect(planScan(twice, BEGIN_MS + 50_000)).toMatchObject({ fromMs: BEGIN_MS + 20_001 - LATE_PUT_MS });
    // Rung before anybody looked: all of it.
    const never = withMinutes(heard(minute(BEGIN_MS)), partition, [minute(BEGIN_MS, 'b')]);
    expect(planScan(never, BEGIN_MS + 50_000)).toMatchObject({ fromMs: BEGIN_MS });
  });

  it('is there again when the minute was rung while a look was under way', () => {
    const known = heard(minute(BEGIN_MS));
    const scan = planScan(known, BEGIN_MS + 5)!;
    const rung = withMinutes(known, partition, [minute(BEGIN_MS, 'b')]);
    const after = scanned(rung, scan, { endMs: BEGIN_MS + 6, nextMs: null });
    expect(planScan(after, BEGIN_MS + 7)).not.toBeNull();
    expect(withoutMinutes(after, scan, [BEGIN_MS]).minutes.get(BEGIN_MS)).toMatchObject({ stamp: 'b' });
    expect(
      withoutMinutes(scanned(known, scan, { endMs: BEGIN_MS + 6, nextMs: null }), scan, [BEGIN_MS]).minutes.size,
    ).toBe(0);
  });

  it('does not take a minute for looked at that has not begun by the clock as it was set', () => {
    const known = heard(minute(BEGIN_MS), minute(BEGIN_MS + MINUTE_MS));
    const scan = planScan(known, BEGIN_MS + MINUTE_MS + 5)!;
    const after = scanned(known, scan, { endMs: BEGIN_MS + 100, nextMs: null });
    expect(after.minutes.get(BEGIN_MS)).toMatchObject({ looked: true });
    expect(after.minutes.get(BEGIN_MS + MINUTE_MS)).toMatchObject({ looked: false });
  });

  it('waits a second after a failure, and not for a clock that was ahead when it failed', () => {
    const known = { ...heard(minute(BEGIN_MS)), notBeforeMs: BEGIN_MS + 1_000 };
    expect(planScan(known, BEGIN_MS + 999)).toBeNull();
    expect(planScan(known, BEGIN_MS + 1_000)).not.toBeNull();
    expect(planScan({ ...known, notBeforeMs: BEGIN_MS + 90_000 }, BEGIN_MS + 999)).not.toBeNull();
  });
});
