import { describe, expect, it } from 'vitest';
import { RELEASE_JOB } from '../../lib/deployed/due-release.ts';
import { readAll, TOPIC } from '../client/client-stage.ts';
import { deployedLog } from './deployed-log.ts';

const MINUTE_MS = 60_000;

async function delayedLog() {
  const log = deployedLog();
  await log.millrace.topics.createTopic({ name: TOPIC, partitionCount: 2 });
  const producer = log.millrace.producer();
  const delay = (value: string, delayed: string) => producer.send({ topic: TOPIC, value, delay: delayed });
  const values = async () => (await readAll({ store: log.memory, clock: log.clock })).map((record) => record.text());
  return { ...log, delay, values };
}

describe('the releaser', () => {
  it('releases what is due soon by the second, and what is due later when Scheduler has called', async () => {
    const { delay, values, clock, released, booked, state } = await delayedLog();
    await delay('soon', '5s');
    await delay('later', '1h');
    expect(booked.size).toBe(1);
    await clock.advance(4_900);
    expect(await values()).toEqual([]);
    await clock.advance(1_200);
    expect(await values()).toEqual(['soon']);
    await clock.advance(3_600_000 - 6_200);
    expect(await values()).toEqual(['soon']);
    await clock.advance(1_500);
    expect((await values()).toSorted()).toEqual(['later', 'soon']);
    for (const one of released) expect('lateMs' in one && one.lateMs).toBeLessThan(1_200);
    await clock.advance(5 * MINUTE_MS);
    expect(state.awake).toBe(0);
  });

  it('is awake once however often a minute is rung', async () => {
    const { delay, values, clock, state, calls } = await delayedLog();
    for (let n = 0; n < 100; n++) {
      await delay(`${n}`, '20s');
      await clock.advance(300);
    }
    await clock.advance(25_000);
    expect(await values()).toHaveLength(100);
    // One that was called by a ring before the first had the job waits for it, and finds nothing.
    expect(state.mostAwake).toBeLessThanOrEqual(2);
    expect(calls.filter(({ target }) => target === 'releaser').length).toBeLessThan(10);
  });

  it('is not missed when a minute is rung while another lets go of the job', async () => {
    const { delay, values, clock } = await delayedLog();
    for (let n = 0; n < 40; n++) {
      await delay(`${n}`, '61s');
      // So that the end of one look meets the next ring at ever other moments.
      await clock.advance(29_500 + n * 50);
    }
    await clock.advance(3 * MINUTE_MS);
    expect(await values()).toHaveLength(40);
  });

  it('is not missed when a minute is rung at the very moment at which the job is let go of', async () => {
    const { delay, values, clock, store, state } = await delayedLog();
    const { update } = store.jobs;
    let hasRung = false;
    // The router sees that somebody has the job, and drops the ring; then the job is released.
    store.jobs.update = async (name, args) => {
      if (name === RELEASE_JOB && args.expiresAtMs === 0 && !hasRung) {
        hasRung = true;
        await delay('between', '5s');
      }
      return update(name, args);
    };
    await delay('first', '5s');
    await clock.advance(3 * MINUTE_MS);
    expect(hasRung).toBe(true);
    expect((await values()).toSorted()).toEqual(['between', 'first']);
    await clock.advance(3 * MINUTE_MS);
    expect(state.awake).toBe(0);
  });

  it('takes over from one that has died, once that is certain', async () => {
    const { delay, values, clock, state, store, release } = await delayedLog();
    state.crash = true;
    await delay('a', '5s');
    // It had taken the job, and was killed.
    const nowMs = clock.nowMs();
    await store.jobs.take(RELEASE_JOB, { owner: 'dead', seen: 0, nowMs, expiresAtMs: nowMs + 30_000 });
    state.crash = false;
    await clock.advance(10_000);
    expect(await values()).toEqual([]);
    // Lambda calls again what has failed.
    void release('{"release":true}');
    await clock.advance(25_000);
    expect(await values()).toEqual(['a']);
  });

  it('rings for the next one when its time is over before its work is', async () => {
    const { delay, values, clock, release, state } = await delayedLog();
    state.streamIsOff = true;
    await delay('a', '30s');
    state.streamIsOff = false;
    await release('{"release":true}', 0).catch(() => {});
    await clock.advance(35_000);
    expect(await values()).toEqual(['a']);
  });

  it('rings for partitions when it is time for them', async () => {
    const { clock, store, memory, calls } = deployedLog();
    const partition = { topicId: 't', partition: 3 };
    const begunMs = clock.nowMs();
    await store.bells.ring({ group: 'g', partition }, 'first', begunMs + 30_000);
    await store.bells.ring({ group: 'h', partition }, 'first', begunMs + 600_000);
    await clock.advance(29_000);
    const stamps = async () => (await memory.bells.list()).map(({ group, stamp }) => [group, stamp === 'first']);
    expect(await stamps()).toEqual([
      ['g', true],
      ['h', true],
    ]);
    await clock.advance(1_000);
    expect(await stamps()).toEqual([
      ['g', false],
      ['h', true],
    ]);
    await clock.advance(569_000);
    expect(await stamps()).toContainEqual(['h', true]);
    await clock.advance(1_000);
    expect(await stamps()).toContainEqual(['h', false]);
    expect(calls.map(({ target }) => target)).toEqual(['releaser']);
  });
});
