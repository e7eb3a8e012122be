import { describe, expect, it } from 'vitest';
import type { WatchedStore } from '../../lib/delay/delay-store.ts';
import type { DueRecord } from '../../lib/delay/due-record.ts';
import { MillraceError, UnansweredError } from '../../lib/errors.ts';
import { usageBetween } from '../../lib/log/meter.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { codeOf, TOPIC } from '../client/client-stage.ts';
import type { VirtualClock } from '../client/virtual-clock.ts';
import { delayStage } from './delay-stage.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A look at whether the store has changed is no request; more of them would only make days long. */
const POLL_MS = 600_000;

describe('a timer for delayed records', () => {
  it('asks for nothing on a day on which nothing is due', async () => {
    const { millrace, meter, clock, startTimer, values } = await delayStage({ partitionCount: 8 });
    const producer = millrace.producer();
    await producer.send({ topic: TOPIC, value: 'far', delay: '2d' });
    startTimer({ pollMs: POLL_MS });
    await clock.advance(MINUTE_MS);
    const before = meter.usage;
    await clock.advance(DAY_MS);
    const { readRequests, writeRequests, gets, puts } = usageBetween(before, meter.usage);
    expect({ readRequests, writeRequests, gets, puts }).toEqual({
      readRequests: 0,
      writeRequests: 0,
      gets: 0,
      puts: 0,
    });
    await clock.advance(DAY_MS);
    expect(await values()).toEqual(['far']);
  });

  it('releases at once what became due while there was none', async () => {
    const { millrace, clock, startTimer, values, news } = await delayStage({ partitionCount: 2 });
    const producer = millrace.producer();
    for (const [n, delay] of ['5s', '3h', '3d', '9d'].entries()) {
      await producer.send({ topic: TOPIC, partition: n % 2, value: String(n), delay });
    }
    await clock.advance(4 * DAY_MS);
    startTimer({ pollMs: POLL_MS });
    await clock.advance(200);
    expect((await values()).toSorted()).toEqual(['0', '1', '2']);
    expect(news.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['released', 'released']));
    await clock.advance(6 * DAY_MS);
    expect(await values()).toHaveLength(4);
  });

  it('leaves nothing behind that has to be looked at again', async () => {
    const { millrace, clock, memory, startTimer, values } = await delayStage();
    startTimer();
    const producer = millrace.producer();
    for (let n = 0; n < 120; n++) {
      await producer.send({ topic: TOPIC, value: String(n), delay: '90s' });
      await clock.advance(1_000);
    }
    await clock.advance(5 * MINUTE_MS);
    expect(await values()).toHaveLength(120);
    expect(memory.changes.dueMinutes(100)).toEqual([]);
  });

  it('releases once however many there are', async () => {
    const { millrace, clock, startTimer, values, news } = await delayStage();
    for (let n = 0; n < 4; n++) startTimer();
    const producer = millrace.producer();
    const deliverAt = new Date(clock.nowMs() + 3_000);
    await Promise.all(
      Array.from({ length: 300 }, (_, n) => producer.send({ topic: TOPIC, value: String(n), deliverAt })),
    );
    await clock.advance(5_000);
    expect(await values()).toEqual(Array.from({ length: 300 }, (_, n) => String(n)));
    expect(news.reduce((sum, { records }) => sum + records, 0)).toBe(300);
  });

  it('rolls a head that is full, and passes its floor', async () => {
    const { millrace, clock, memory, direct, startTimer, values } = await delayStage();
    const { topicId } = await direct.topics.getTopic(TOPIC);
    const partition = { topicId, partition: 0 };
    await millrace.producer().send({ topic: TOPIC, value: 'v', delay: '2s' });
    const head = (await memory.heads.read(partition, { consistent: true }))!;
    await memory.heads.raiseFloor(partition, firstIdAt(clock.nowMs() + 5_000));
    let refusals = 0;
    const { release } = memory.dueRecords;
    Object.assign(memory.dueRecords, {
      async release(...args: Parameters<typeof release>) {
        const answer = await release(...args);
        if (answer.outcome === 'refused') refusals += 1;
        return answer;
      },
    });
    startTimer();
    await clock.advance(3_000);
    expect(await values()).toEqual(['v']);
    expect(refusals).toBe(1);
    expect((await memory.heads.read(partition, { consistent: true }))!.floor > head.floor).toBe(true);
  });

  it('discards what was meant for a topic that is gone', async () => {
    const { millrace, clock, memory, direct, startTimer, news, values } = await delayStage();
    const producer = millrace.producer();
    await producer.send({ topic: TOPIC, value: 'old', delay: '5s' });
    await producer.send({ topic: TOPIC, value: 'x'.repeat(5_000), delay: '5s' });
    await direct.topics.deleteTopic(TOPIC);
    await direct.topics.createTopic({ name: TOPIC, partitionCount: 1 });
    startTimer();
    await clock.advance(2 * MINUTE_MS);
    expect(news).toMatchObject([{ kind: 'discarded', records: 2 }]);
    expect(await values()).toEqual([]);
    expect(memory.changes.dueMinutes(10)).toEqual([]);
    expect(await memory.objects.list('shared/delayed/', null, 10)).toEqual([]);
  });

  it('goes on behind a record whose object is gone, and says so', async () => {
    const { millrace, clock, memory, startTimer, errors, values } = await delayStage();
    const producer = millrace.producer();
    const { id } = await producer.send({ topic: TOPIC, value: 'x'.repeat(5_000), delay: '2s' });
    await producer.send({ topic: TOPIC, value: 'fine', delay: '2s' });
    const [object] = await memory.objects.list('shared/delayed/', null, 10);
    await memory.objects.remove([object!.key]);
    expect(await codeOf(millrace.delayed.get(id))).toBe('OBJECT_MISSING');
    startTimer();
    await clock.advance(3_000);
    expect(await values()).toEqual(['fine']);
    expect(errors).toMatchObject([{ code: 'OBJECT_MISSING' }]);
  });

  it('tries again when the store failed', async () => {
    let failures = 3;
    const wrap = (store: WatchedStore): WatchedStore => ({
      ...store,
      dueRecords: {
        ...store.dueRecords,
        async query(...args) {
          if (failures-- > 0) throw new MillraceError('ACCESS_DENIED', 'not now');
          return store.dueRecords.query(...args);
        },
      },
    });
    const { millrace, clock, startTimer, errors, values } = await delayStage({ wrap });
    await millrace.producer().send({ topic: TOPIC, value: 'v', delay: '2s' });
    startTimer();
    await clock.advance(10_000);
    expect(errors.map(({ code }) => code)).toEqual(['ACCESS_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED']);
    expect(await values()).toEqual(['v']);
  });
});

describe('storing a delayed record', () => {
  const failing = (fails: (attempt: number, land: () => Promise<unknown>, record: DueRecord) => Promise<unknown>) => {
    let attempt = 0;
    return (store: WatchedStore): WatchedStore => ({
      ...store,
      dueRecords: {
        ...store.dueRecords,
        put: async (...args) => {
          attempt += 1;
          return (await fails(attempt, () => store.dueRecords.put(...args), args[1])) as never;
        },
      },
    });
  };
  const unanswered = () => new UnansweredError('no answer');

  it('is repeated until it is answered, and waits once', async () => {
    const wrap = failing(async (attempt, land) => {
      const answer = await land();
      if (attempt < 3) throw unanswered();
      return answer;
    });
    const { millrace, during } = await delayStage({ wrap });
    await during(millrace.producer().send({ topic: TOPIC, value: 'v', delay: '1h' }));
    expect(await millrace.delayed.list()).toHaveLength(1);
  });

  it('that was never answered is fenced, so that it can land no more', async () => {
    const late: (() => Promise<unknown>)[] = [];
    const wrap = failing(async (_, land, record) => {
      if (record.state !== 'waiting') return land();
      late.push(land);
      throw unanswered();
    });
    const { millrace, clock, startTimer, values } = await delayStage({ wrap });
    const sent = codeOf(
      millrace.producer({ deliveryTimeoutMs: 1_000 }).send({ topic: TOPIC, value: 'v', delay: '1h' }),
    );
    await clock.advance(20_000);
    expect(await sent).toBe('NOT_COMMITTED');
    expect(late.length).toBeGreaterThan(1);
    for (const land of late) expect(await land()).toMatchObject({ outcome: 'refused' });
    startTimer({ pollMs: POLL_MS });
    await clock.advance(DAY_MS);
    expect(await values()).toEqual([]);
  });

  /**
   * The story: a process stood still between its attempt and the fence. The record had been delivered and its trace was forgotten, so the fence found nothing under the key, and the sender was told that the record does not wait.
   */
  it('that was fenced too late to tell is unknown', async () => {
    const wrap = (store: WatchedStore, clock: VirtualClock): WatchedStore =>
      failing(async (_, land, record) => {
        if (record.state !== 'waiting') return land();
        await clock.sleep(40 * MINUTE_MS);
        throw unanswered();
      })(store);
    const { millrace, clock } = await delayStage({ wrap });
    const sent = codeOf(millrace.producer().send({ topic: TOPIC, value: 'v', delay: '2s' }));
    await clock.advance(41 * MINUTE_MS);
    expect(await sent).toBe('COMMIT_UNKNOWN');
  });

  it('whose attempt has landed after all is as good as acknowledged', async () => {
    const wrap = failing(async (attempt, land, record) => {
      const isOurs = attempt === 1 || record.state !== 'waiting';
      const answer = isOurs ? await land() : null;
      if (record.state === 'waiting') throw unanswered();
      return answer;
    });
    const { millrace, clock } = await delayStage({ wrap });
    const sent = millrace.producer({ deliveryTimeoutMs: 1_000 }).send({ topic: TOPIC, value: 'v', delay: '1h' });
    await clock.advance(20_000);
    expect(await millrace.delayed.get((await sent).id)).toMatchObject({ outcome: 'waiting' });
  });

  it('that nobody answers at all is told to be unknown, with the id', async () => {
    const wrap = failing(async () => {
      throw unanswered();
    });
    const { millrace, clock } = await delayStage({ wrap });
    const sent = millrace.producer({ deliveryTimeoutMs: 1_000 }).send({ topic: TOPIC, value: 'v', delay: '1h' });
    const error = sent.then(
      () => null,
      (thrown: MillraceError) => thrown,
    );
    await clock.advance(60_000);
    expect(await error).toMatchObject({ code: 'COMMIT_UNKNOWN', value: expect.stringMatching(/^A/) });
  });

  it('that is refused throws what the store says', async () => {
    const wrap = failing(async () => {
      throw new MillraceError('STORE_READ_ONLY', 'no');
    });
    const { millrace } = await delayStage({ wrap });
    expect(await codeOf(millrace.producer().send({ topic: TOPIC, value: 'v', delay: '1h' }))).toBe('STORE_READ_ONLY');
  });
});
