import { describe, expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { Producer } from '../../lib/client/producer.ts';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import type { AppendRequest, AppendResult } from '../../lib/log/append-part.ts';
import { TopicDirectory } from '../../lib/log/topic-directory.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { codeOf, openStage, TOPIC } from './client-stage.ts';

/** An appender in the hands of the test. */
function handAppender() {
  const calls: { readonly request: AppendRequest; readonly settle: PromiseWithResolvers<AppendResult> }[] = [];
  const append = (request: AppendRequest) => {
    const settle = Promise.withResolvers<AppendResult>();
    calls.push({ request, settle });
    return settle.promise;
  };
  return { calls, append, flush: async () => {}, close: async () => {} };
}

async function openProducer() {
  const appender = handAppender();
  const { millrace } = await openStage();
  const topics = new TopicDirectory({ source: millrace.topics, clock, maxAgeMs: 60_000 });
  await topics.read(TOPIC);
  const producer = new Producer({ appender, delays: null, topics, clock, random }, { batchBytes: 300 });
  const send = (value: string) => codeOf(producer.send({ topic: TOPIC, value: value.padEnd(100) }));
  return { appender, send };
}

/**
 * The story: a batch was given up, and its promise rejected; before the producer's handler ran, some microtasks later, a send filled the batch that was
 * queued behind and handed it over. It was committed, behind a batch that was not, and before anybody had been told.
 */
describe('between a batch being given up and its senders being told', () => {
  it('nothing that was sent behind it is handed over', async () => {
    const { appender, send } = await openProducer();
    const first = send('first');
    await clock.sleep(5);
    expect(appender.calls).toHaveLength(1);
    const queued = send('second');
    const { request, settle } = appender.calls[0]!;
    const error = new MillraceError('NOT_COMMITTED', 'given up');
    request.onGivenUp!(error);
    // These would have filled the open batch and handed it over.
    const late = [send('third'), send('fourth')];
    settle.reject(error);
    expect(await Promise.all([first, queued, ...late])).toEqual(Array(4).fill('NOT_COMMITTED'));
    expect(appender.calls).toHaveLength(1);
  });

  it('nothing is taken in any microtask of it, at whatever distance', async () => {
    // Between the producer's handler and the sender's there are microtasks too: what was sent in one of them was in the log, behind a batch that was not.
    for (let distance = 0; distance < 60; distance++) {
      const store = memoryStore({ clock });
      let fail: (() => void) | null = null;
      const commit: typeof store.heads.commit = async (...args) => {
        if (fail === null) return store.heads.commit(...args);
        fail();
        throw new MillraceError('ACCESS_DENIED', 'no');
      };
      const millrace = new Millrace({ store: { ...store, heads: { ...store.heads, commit } }, clock, random });
      await millrace.topics.createTopic({ name: TOPIC });
      const producer = millrace.producer({ batchBytes: 1000 });
      const send = (value: string) => producer.send({ topic: TOPIC, value: value.padEnd(2000) });
      await send('zeroth');
      let isTold = false;
      const behind = new Promise((resolve) => {
        fail = () => {
          fail = null;
          void (async () => {
            for (let turn = 0; turn < distance; turn++) await null;
            const sentBeforeTold = !isTold;
            const outcome = await codeOf(send('second').then(() => 'committed'));
            resolve({ sentBeforeTold, outcome });
          })();
        };
      });
      const first = codeOf(
        send('first').catch((error) => {
          isTold = true;
          throw error;
        }),
      );
      expect(await first).toBe('ACCESS_DENIED');
      expect(await behind, `at distance ${distance}`).not.toEqual({ sentBeforeTold: true, outcome: 'committed' });
      await millrace.close();
    }
  });

  it('nothing goes that waited for the topic to be read again, nor what was sent behind that', {
    timeout: 8_000,
  }, async () => {
    const appender = handAppender();
    const { millrace } = await openStage({ partitionCount: 2 });
    const read = Promise.withResolvers<void>();
    let reads = 0;
    const getTopic = async (name: string) => {
      reads += 1;
      if (reads === 2) await read.promise;
      return millrace.topics.getTopic(name);
    };
    const topics = new TopicDirectory({ source: { getTopic }, clock, maxAgeMs: 60_000 });
    await topics.read(TOPIC);
    const producer = new Producer({ appender, delays: null, topics, clock, random }, { bufferMemoryBytes: 64 * 1024 });
    const send = (value: string, partition = 0) => codeOf(producer.send({ topic: TOPIC, partition, value }));
    const other = send('x'.repeat(30_000), 1);
    const first = send('first');
    await clock.sleep(5);
    // A partition that is not known yet: the topic is read again, and everything of it waits.
    const elsewhere = send('elsewhere', 99);
    const second = send('second');
    const error = new MillraceError('NOT_COMMITTED', 'given up');
    const callOf = (partition: number) =>
      appender.calls.find(({ request }) => request.target.partition.partition === partition)!;
    callOf(0).request.onGivenUp!(error);
    callOf(0).settle.reject(error);
    expect(await first).toBe('NOT_COMMITTED');
    // Sent when the first was told, but not the second. The fourth will have to wait for memory too.
    const third = send('third');
    const fourth = send('x'.repeat(40_000));
    read.resolve();
    expect(await Promise.all([elsewhere, second, third])).toEqual([
      'UNKNOWN_TOPIC_OR_PARTITION',
      'NOT_COMMITTED',
      'NOT_COMMITTED',
    ]);
    callOf(1).settle.resolve({ baseOffset: 0n });
    expect(await other).toMatchObject({ offset: 0n });
    await clock.sleep(5);
    expect(appender.calls).toHaveLength(2);
    expect(await fourth).toBe('NOT_COMMITTED');
    void send('fifth');
    await clock.sleep(5);
    expect(appender.calls).toHaveLength(3);
    appender.calls[2]!.settle.resolve({ baseOffset: 0n });
    await producer.close();
  });

  it('nothing goes that waited for memory behind what was sent behind it, however much later there is memory', async () => {
    const appender = handAppender();
    const { millrace } = await openStage({ partitionCount: 3 });
    const topics = new TopicDirectory({ source: millrace.topics, clock, maxAgeMs: 60_000 });
    await topics.read(TOPIC);
    const producer = new Producer({ appender, delays: null, topics, clock, random }, { bufferMemoryBytes: 64 * 1024 });
    const send = (bytes: number, partition = 0) =>
      codeOf(producer.send({ topic: TOPIC, partition, value: 'x'.repeat(bytes) }));
    const elsewhere = [send(20_000, 1), send(20_000, 2)];
    const first = send(2_000);
    await clock.sleep(5);
    const callOf = (partition: number) =>
      appender.calls.find(({ request }) => request.target.partition.partition === partition)!;
    // There is room for neither: for the second once one of the others is settled, for the third once both are.
    const second = send(16_000);
    const error = new MillraceError('NOT_COMMITTED', 'given up');
    callOf(0).request.onGivenUp!(error);
    callOf(0).settle.reject(error);
    expect(await first).toBe('NOT_COMMITTED');
    const third = send(45_000);
    callOf(1).settle.resolve({ baseOffset: 0n });
    expect(await second).toBe('NOT_COMMITTED');
    callOf(2).settle.resolve({ baseOffset: 0n });
    await clock.sleep(20);
    expect(appender.calls).toHaveLength(3);
    expect(await third).toBe('NOT_COMMITTED');
    expect(await Promise.all(elsewhere)).toHaveLength(2);
    await producer.close();
  });

  it('and what is sent once they are told goes its way', async () => {
    const { appender, send } = await openProducer();
    const first = send('first');
    await clock.sleep(5);
    const { request, settle } = appender.calls[0]!;
    const error = new MillraceError('NOT_COMMITTED', 'given up');
    request.onGivenUp!(error);
    settle.reject(error);
    expect(await first).toBe('NOT_COMMITTED');
    const second = send('second');
    await clock.sleep(5);
    appender.calls[1]!.settle.resolve({ baseOffset: 7n });
    expect(await second).toMatchObject({ offset: 7n });
  });

  it('a mismatch of the expected offset holds nothing back', async () => {
    const { appender, send } = await openProducer();
    const first = send('first');
    await clock.sleep(5);
    const { request, settle } = appender.calls[0]!;
    const error = new MillraceError('OFFSET_MISMATCH', 'elsewhere');
    request.onGivenUp!(error);
    const second = send('second');
    settle.reject(error);
    expect(await first).toBe('OFFSET_MISMATCH');
    await clock.sleep(5);
    appender.calls[1]!.settle.resolve({ baseOffset: 0n });
    expect(await second).toMatchObject({ offset: 0n });
  });
});
