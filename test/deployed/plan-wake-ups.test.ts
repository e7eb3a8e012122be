import { describe, expect, it } from 'vitest';
import { EARLY_MS, planWakeUps, SLEEP_MS } from '../../lib/deployed/plan-wake-ups.ts';
import { parseReleaserEvent } from '../../lib/deployed/releaser-event.ts';

const NOW = 1_700_000_000_000;
const wakeUp = (atMs: number, group = 'g') => ({ group, partition: { topicId: 't', partition: 0 }, atMs });
const plan = (atMs: number) => planWakeUps({ wakeUps: [wakeUp(atMs)], minutesMs: [] }, NOW);

describe('what has its time', () => {
  it('is slept for when it comes soon', () => {
    const { now, later } = plan(NOW + SLEEP_MS);
    expect(later).toEqual([]);
    expect(parseReleaserEvent(JSON.parse(now[0]!))).toEqual({ wakeUps: [wakeUp(NOW + SLEEP_MS)], release: false });
  });

  it('is booked when it comes later, so early that a call which is a minute late is in time, and never in the past', () => {
    const { now, later } = plan(NOW + SLEEP_MS + 1);
    expect(now).toEqual([]);
    expect(later).toHaveLength(1);
    expect(later[0]!.atMs).toBe(NOW + SLEEP_MS + 1 - EARLY_MS);
    expect(later[0]!.atMs).toBeGreaterThan(NOW + 20_000);
    expect(parseReleaserEvent(JSON.parse(later[0]!.payload)).wakeUps).toEqual([wakeUp(NOW + SLEEP_MS + 1)]);
  });

  it('has a name of its own, the same whenever it is heard of', () => {
    const names = (groups: readonly string[], atMs: number) =>
      planWakeUps({ wakeUps: groups.map((group) => wakeUp(atMs, group)), minutesMs: [] }, NOW).later.map(
        ({ name }) => name,
      );
    const far = NOW + 3_600_000;
    expect(names(['a', 'a', 'b'], far)).toHaveLength(2);
    expect(names(['a'], far)).toEqual(names(['a'], far));
    expect(names(['a'], far)).not.toEqual(names(['a'], far + 1));
    for (const name of names(['a'.repeat(200)], far)) expect(name).toMatch(/^[0-9a-zA-Z-_.]{1,64}$/);
  });

  it('is one call of the releaser for many, of a size that Lambda takes', () => {
    const wakeUps = Array.from({ length: 1_200 }, (_, index) => wakeUp(NOW + 10, `${index}`.repeat(40)));
    const { now } = planWakeUps({ wakeUps, minutesMs: [] }, NOW);
    expect(now.flatMap((payload) => parseReleaserEvent(JSON.parse(payload)).wakeUps)).toEqual(wakeUps);
    for (const payload of now) expect(payload.length).toBeLessThan(256_000);
  });

  it('is looked at now when a minute is near, and booked once when it is far', () => {
    const far = NOW + 600_000;
    const planned = planWakeUps({ wakeUps: [], minutesMs: [NOW - 60_000, NOW + 1, far, far] }, NOW);
    expect(planned).toMatchObject({ release: true, now: [] });
    expect(planned.later).toEqual([{ name: `due-${far}`, atMs: far - EARLY_MS, payload: '{"release":true}' }]);
  });
});
