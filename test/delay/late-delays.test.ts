import { describe, expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import { parseDelayedId } from '../../lib/delay/delayed-id.ts';
import { TOPIC } from '../client/client-stage.ts';
import { delayStage } from './delay-stage.ts';

const HOURS_MS = 2 * 3_600_000;

/** A store that a record reaches when it is told so; whoever has sent it waits until then, or has died meanwhile. */
async function stageWithHeldPut({ dies }: { readonly dies: boolean }) {
  let held = async (): Promise<unknown> => null;
  const stage = await delayStage({
    wrap: (store) => ({
      ...store,
      dueRecords: {
        ...store.dueRecords,
        put: (...args) =>
          new Promise((resolve) => {
            held = async () => {
              const answer = await store.dueRecords.put(...args);
              if (!dies) resolve(answer);
            };
          }),
      },
    }),
  });
  return { stage, arrive: () => held() };
}

describe('a delayed record', () => {
  it('that lies below the horizon waits for nothing: a copy of its request came after its trace was gone', async () => {
    const stage = await delayStage();
    const { id } = await stage.during(stage.millrace.producer().send({ topic: TOPIC, value: 'a', delay: 1_000 }));
    const { partition, place } = parseDelayedId(id);
    await stage.clock.advance(HOURS_MS);
    await stage.memory.dueRecords.raiseHorizon(partition, place.dueMs + 1);
    expect(await stage.millrace.delayed.get(id)).toEqual({ outcome: 'unknown' });
    expect(await stage.millrace.delayed.cancel(id)).toBe('unknown');
  });

  it('is not said to wait when the answer comes so late that its trace may be gone', async () => {
    const stage = await delayStage({
      wrap: (store, clock) => ({
        ...store,
        dueRecords: {
          ...store.dueRecords,
          put: async (...args) => {
            const answer = await store.dueRecords.put(...args);
            await clock.advance(HOURS_MS);
            return answer;
          },
        },
      }),
    });
    const sent = stage.millrace.producer().send({ topic: TOPIC, value: 'a', delay: 1_000 });
    const outcome = sent.then(
      () => 'waits',
      (error: { code: string }) => error.code,
    );
    expect(await stage.during(outcome)).toBe('COMMIT_UNKNOWN');
  });

  it('enters its topic at once when it is stored after its minute was looked at and was over', async () => {
    const { stage, arrive } = await stageWithHeldPut({ dies: false });
    const timer = stage.startTimer();
    const sent = stage.millrace.producer().send({ topic: TOPIC, value: 'a', delay: 1_000 });
    await stage.clock.advance(150_000);
    expect(await stage.memory.dueMinutes.list(10)).toEqual([]);
    await arrive();
    await stage.during(sent);
    await stage.clock.advance(30_000);
    expect(await stage.values()).toEqual(['a']);
    await stage.during(timer.close());
  });

  it('is looked for although its minute is given up when it is rung again', async () => {
    const { memory, clock } = await delayStage();
    const minute = {
      partition: { topicId: 'aebb5cc2-7b48-4746-b607-a7aa49ebd81f', partition: 0 },
      minuteMs: clock.nowMs(),
    };
    await memory.dueMinutes.ring({ ...minute, stamp: 'seen' });
    await memory.dueMinutes.ring({ ...minute, stamp: 'rung again' });
    expect(await memory.dueMinutes.remove({ ...minute, stamp: 'seen' })).toBe(false);
    expect(await memory.dueMinutes.list(10)).toMatchObject([{ stamp: 'rung again' }]);
  });

  it('enters its topic with a later one when it is stored after its minute was over, by a sender that has died', async () => {
    const { stage, arrive } = await stageWithHeldPut({ dies: true });
    const timer = stage.startTimer({ traceMs: 600_000 });
    void stage.millrace
      .producer()
      .send({ topic: TOPIC, value: 'late', delay: 1_000 })
      .catch(() => {});
    await stage.clock.advance(5 * 60_000);
    await arrive();
    const later = new Millrace({ store: stage.memory, clock: stage.clock, random });
    const send = async (value: string) => {
      await stage.during(later.producer().send({ topic: TOPIC, value, delay: 1_000 }));
      await stage.clock.advance(2 * 60_000);
    };
    await send('soon');
    expect(await stage.values()).toEqual(['soon']);
    await stage.clock.advance(15 * 60_000);
    await send('after the time of a trace');
    expect(await stage.values()).toEqual(['soon', 'late', 'after the time of a trace']);
    await stage.during(timer.close());
  });
});
