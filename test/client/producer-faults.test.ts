import { describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { faultyStore, scriptedFaults } from '../log/faulty-store.ts';
import { codeOf, openStage, readAll, TOPIC } from './client-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

describe('back-pressure', () => {
  const held = () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    return { release: () => release(), gate };
  };

  it('makes send wait for memory, in order, and gives up after maxBlockMs', async () => {
    const clock = new VirtualClock({ jumps: false });
    const { gate, release } = held();
    const stage = await openStage({
      clock,
      wrap: (store) =>
        faultyStore(store, { clock, onCall: ({ operation }) => (operation === 'objects.put' ? gate : undefined) })
          .store,
    });
    const producer = stage.millrace.producer({ bufferMemoryBytes: 20_000, maxBlockMs: 1000 });
    const send = (text: string) => codeOf(producer.send({ topic: TOPIC, value: text.repeat(5000) }).then(() => text));
    const first = ['a', 'b'].map(send);
    await clock.advance(500);
    const third = send('c');
    await clock.advance(500);
    const fourth = send('d');
    await clock.advance(500);
    expect(await third).toBe('BUFFER_EXHAUSTED');
    release();
    await clock.advance(100);
    expect(await Promise.all([...first, fourth])).toEqual(['a', 'b', 'd']);
    expect((await readAll(stage)).map((record) => record.text()?.[0])).toEqual(['a', 'b', 'd']);
    expect(producer.bufferedBytes).toBe(0);
  });

  it('lets nobody linger while others wait for the memory', async () => {
    const clock = new VirtualClock({ jumps: false });
    const stage = await openStage({ clock, partitionCount: 4 });
    const producer = stage.millrace.producer({ bufferMemoryBytes: 20_000, lingerMs: 30_000 });
    const all = Array.from({ length: 40 }, (_, n) =>
      producer.send({ topic: TOPIC, partition: n % 4, value: 'x'.repeat(4000) }),
    );
    await clock.advance(100);
    // What was sent last may linger: nobody waits behind it.
    await producer.flush();
    expect(await Promise.all(all)).toHaveLength(40);
  });

  it('does not keep a flush from ending while others go on sending', async () => {
    // The flush waited until nobody waited for memory. With a sender that never pauses that is never, and the flush never ended.
    const clock = new VirtualClock({ jumps: false });
    const stage = await openStage({
      clock,
      wrap: (store) =>
        faultyStore(store, {
          clock,
          onCall: ({ operation }) => (operation === 'objects.put' ? clock.sleep(30) : undefined),
        }).store,
    });
    const producer = stage.millrace.producer({ bufferMemoryBytes: 64 * 1024, batchBytes: 4096 });
    const settled: Promise<unknown>[] = [];
    const sendMany = () => {
      for (let n = 0; n < 50; n++) settled.push(codeOf(producer.send({ topic: TOPIC, value: 'x'.repeat(1000) })));
    };
    for (let round = 0; round < 10; round++) sendMany();
    let isFlushed = false;
    const flushed = producer.flush().then(() => {
      isFlushed = true;
    });
    for (let round = 0; round < 200 && !isFlushed; round++) {
      sendMany();
      await clock.advance(10);
    }
    expect(isFlushed).toBe(true);
    await flushed;
    void Promise.all(settled);
  });

  it('refuses what can never fit', async () => {
    const { millrace } = await openStage();
    const producer = millrace.producer({ bufferMemoryBytes: 20_000 });
    expect(await codeOf(producer.send({ topic: TOPIC, value: 'x'.repeat(30_000) }))).toBe('MESSAGE_TOO_LARGE');
  });

  it('is told by room', async () => {
    const stage = await openStage();
    const producer = stage.millrace.producer({ bufferMemoryBytes: 50_000 });
    let mostBytes = 0;
    for (let n = 0; n < 2000; n++) {
      void producer.send({ topic: TOPIC, value: 'x'.repeat(100) });
      await producer.room();
      mostBytes = Math.max(mostBytes, producer.bufferedBytes);
    }
    await producer.close();
    expect(mostBytes).toBeLessThan(60_000);
    expect(await readAll(stage)).toHaveLength(2000);
  });

  it('is told by room also while a topic is read for the first time', async () => {
    const asked = Promise.withResolvers<void>();
    const isThere = Promise.withResolvers<void>();
    const stage = await openStage({
      wrap: (store) =>
        faultyStore(store, {
          clock: systemClock,
          onCall: ({ operation }) => {
            if (operation !== 'topics.get') return undefined;
            asked.resolve();
            return isThere.promise;
          },
        }).store,
    });
    const producer = stage.millrace.producer();
    let sent = 0;
    const sending = (async () => {
      for (; sent < 2000; sent++) {
        void producer.send({ topic: TOPIC, value: 'x' });
        await producer.room();
      }
    })();
    await asked.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sent).toBe(0);
    isThere.resolve();
    await sending;
    await producer.close();
    expect(await readAll(stage)).toHaveLength(2000);
  });
});

describe('when a batch is given up', () => {
  it('everything sent to its partition behind it fails too, and other partitions do not', async () => {
    const clock = new VirtualClock({ jumps: true });
    let isDown = true;
    const stage = await openStage({
      clock,
      partitionCount: 2,
      wrap: (store) =>
        faultyStore(store, {
          clock,
          onCall: ({ operation, arguments: args }) => {
            const partition = (args[0] as { partition?: number } | undefined)?.partition;
            const isOfFirst = operation.startsWith('heads.') && partition === 0;
            if (isDown && isOfFirst) throw new MillraceError('STORE_UNAVAILABLE', 'down');
          },
        }).store,
    });
    const producer = stage.millrace.producer({ batchBytes: 300, bufferMemoryBytes: 40_000, deliveryTimeoutMs: 2000 });
    const send = (partition: number, n: number) =>
      codeOf(producer.send({ topic: TOPIC, partition, value: `${n}`.padEnd(100) }).then(({ offset }) => offset));
    // Some are under way, some open, some wait for memory.
    const outcomes = await Promise.all(Array.from({ length: 60 }, (_, n) => send(n % 2, n)));
    const [first, second] = [0, 1].map((partition) => outcomes.filter((_, n) => n % 2 === partition));
    expect(new Set(first)).toEqual(new Set(['NOT_COMMITTED']));
    expect(second).toEqual(Array.from({ length: 30 }, (_, n) => BigInt(n)));
    isDown = false;
    expect(await send(0, 99)).toBe(0n);
    expect(producer.bufferedBytes).toBe(0);
  });

  it('retries what may pass, and writes nothing twice', async () => {
    const clock = new VirtualClock({ jumps: true });
    const plan = scriptedFaults({
      'objects.put': ['throttled', 'lost', 'unavailable'],
      'heads.commit': ['lost', 'throttled', 'dropped'],
      'topics.get': ['throttled', 'lost'],
    });
    const stage = await openStage({ clock, wrap: (store) => faultyStore(store, { clock, plan }).store });
    const producer = stage.millrace.producer();
    for (let n = 0; n < 4; n++) await producer.send({ topic: TOPIC, value: String(n).padEnd(2000) });
    expect((await readAll(stage)).map((record) => record.text()?.trim())).toEqual(['0', '1', '2', '3']);
    expect(plan.unused()).toEqual([]);
  });

  it('a full store and one that may only be read are told as they are', async () => {
    for (const code of ['STORE_FULL', 'STORE_READ_ONLY', 'ACCESS_DENIED'] as const) {
      const stage = await openStage({
        wrap: (store, clock) =>
          faultyStore(store, {
            clock,
            onCall: ({ operation }) => {
              if (operation === 'objects.put') throw new MillraceError(code, 'no');
            },
          }).store,
      });
      const producer = stage.millrace.producer();
      expect(await codeOf(producer.send({ topic: TOPIC, value: 'x'.repeat(5000) }))).toBe(code);
      await producer.close();
      expect(await readAll(stage)).toEqual([]);
    }
  });
});
