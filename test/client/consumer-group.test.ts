import { describe, expect, it } from 'vitest';
import { UnansweredError } from '../../lib/errors.ts';
import { faultyStore } from '../log/faulty-store.ts';
import { codeOf, TOPIC } from './client-stage.ts';
import { consumerStage, during, type Loop } from './consumer-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

const at = (partition: number) => ({ topic: TOPIC, partition });
const range = (partition: number, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `${partition}/${from + n}`);
const sorted = (...loops: readonly Loop[]) => loops.flatMap(({ seen }) => seen).sort();

describe('a group', () => {
  it('shares partitions with who comes, in order and without repeating what was committed', async () => {
    const stage = await consumerStage({ partitionCount: 4 });
    for (const partition of [0, 1, 2, 3]) await stage.send(partition, 3);
    const a = await stage.join('a', { autoCommit: true });
    await stage.clock.advance(2_000);
    const b = await stage.join('b', { autoCommit: true });
    await stage.clock.advance(5_000);
    for (const partition of [0, 1, 2, 3]) await stage.send(partition, 2);
    await stage.clock.advance(2_000);
    expect([a.events, b.events]).toEqual([['assigned 0,1,2,3', 'revoked 2,3'], ['assigned 2,3']]);
    expect(sorted(a, b)).toEqual([0, 1, 2, 3].flatMap((partition) => range(partition, 5)).sort());
    expect(b.seen.sort()).toEqual([2, 3].flatMap((partition) => range(partition, 2, 3)));
  });

  it('gives back what a member had that leaves', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    const [a, b] = [await stage.join('a', { autoCommit: true }), await stage.join('b', { autoCommit: true })];
    await stage.clock.advance(5_000);
    await stage.send(1, 2);
    await stage.clock.advance(1_000);
    b.consumer.stop();
    expect(await during(stage.clock, b.ended)).toBeNull();
    await during(stage.clock, b.consumer.close());
    expect(b.events).toEqual(['assigned 1', 'revoked 1']);
    await stage.send(1, 1);
    await stage.clock.advance(3_000);
    expect(a.events.at(-1)).toBe('assigned 1');
    expect([a.seen, b.seen]).toEqual([['1/2'], range(1, 2)]);
  });

  it('waits for the record in hand before a partition moves', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    await stage.send(1, 3);
    const held = Promise.withResolvers<void>();
    const a = await stage.join('a', { autoCommit: true, handle: () => held.promise });
    await stage.clock.advance(1_000);
    const b = await stage.join('b', { autoCommit: true });
    await stage.clock.advance(20_000);
    expect([a.seen, a.events, b.events]).toEqual([['1/0'], ['assigned 0,1'], []]);
    held.resolve();
    await stage.clock.advance(5_000);
    expect(a.events).toEqual(['assigned 0,1', 'revoked 1']);
    expect([a.seen, b.seen]).toEqual([['1/0'], range(1, 2, 1)]);
  });

  it('lets a listener commit before a partition goes', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    await stage.send(1, 4);
    let a: Loop | null = null;
    a = await stage.join('a', { onPartitionsRevoked: () => a!.consumer.commit() });
    await stage.clock.advance(1_000);
    const b = await stage.join('b');
    await stage.clock.advance(5_000);
    await stage.send(1, 1);
    await stage.clock.advance(1_000);
    expect([a.seen, b.seen]).toEqual([range(1, 4), ['1/4']]);
  });

  it('gives the loop nothing while a listener is called', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    const [called, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const a = await stage.join('a', {
      autoCommit: true,
      onPartitionsRevoked: () => {
        called.resolve();
        return done.promise;
      },
    });
    await stage.clock.advance(1_000);
    const b = await stage.join('b', { autoCommit: true });
    await during(stage.clock, called.promise);
    await stage.send(0, 2);
    await stage.clock.advance(5_000);
    expect([a.seen, b.seen]).toEqual([[], []]);
    done.resolve();
    await stage.clock.advance(3_000);
    expect([a.seen, b.events]).toEqual([range(0, 2), ['assigned 1']]);
  });

  it('lets a listener commit while it closes, but not the record in hand', async () => {
    const stage = await consumerStage();
    await stage.send(0, 5);
    const held = Promise.withResolvers<void>();
    const a: Loop = await stage.join('a', {
      handle: ({ offset }) => (offset === 3n ? held.promise : undefined),
      onPartitionsRevoked: () => a.consumer.commit(),
    });
    await stage.clock.advance(1_000);
    await during(stage.clock, a.consumer.close());
    held.resolve();
    expect(await codeOf(a.consumer.commit())).toBe('CLOSED');
    const b = await stage.join('b');
    await stage.clock.advance(1_000);
    expect([a.seen, b.seen]).toEqual([range(0, 4), range(0, 2, 3)]);
  });

  it('tells who closes what a listener threw', async () => {
    const stage = await consumerStage();
    const { consumer } = await stage.join('a', {
      onPartitionsRevoked: () => {
        throw new TypeError('no');
      },
    });
    await stage.clock.advance(1_000);
    expect(await codeOf(during(stage.clock, consumer.close()))).toBe('INVALID_REQUEST');
  });

  it('tells a listener the position of what goes, and commits it with metadata', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    await stage.send(1, 4);
    let a: Loop | null = null;
    a = await stage.join('a', {
      onPartitionsRevoked: (partitions) =>
        a!.consumer.commit(partitions.map((one) => ({ ...one, offset: a!.consumer.position(one), metadata: 'left' }))),
    });
    await stage.clock.advance(1_000);
    const b = await stage.join('b');
    await stage.clock.advance(5_000);
    expect(await b.consumer.committed([{ topic: 'orders', partition: 1 }])).toEqual([{ offset: 4n, metadata: 'left' }]);
    expect(() => a!.consumer.position({ topic: 'orders', partition: 1 })).toThrow('is not assigned');
  });

  it('goes on without a member that died, once its session is over, and repeats only what was not committed', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    await stage.send(1, 4);
    const dead = cutOff(stage.store);
    const a = await stage.join('a');
    const b = await stage.join('b', {
      store: dead.store,
      handle: ({ offset }, consumer) => (offset === 1n ? consumer.commit() : null),
    });
    await stage.clock.advance(5_000);
    // It has taken over what the first had read and not committed.
    expect(b.seen).toEqual(range(1, 4));
    dead.cut();
    await stage.clock.advance(9_000);
    expect(a.events).toEqual(['assigned 0,1', 'revoked 1']);
    await stage.clock.advance(6_000);
    expect(a.events.at(-1)).toBe('assigned 1');
    expect(a.seen.slice(-2)).toEqual(range(1, 2, 2));
  });

  it('refuses the commit of a zombie, tells it whose the partition is, and takes it in again', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 2);
    const asleep = cutOff(stage.store);
    let commit: Promise<unknown> = Promise.resolve();
    const a = await stage.join('a', {
      store: asleep.store,
      // A session that is far too long lets it believe that it is alive.
      sessionTimeoutMs: 10_000,
      handle: async (_, consumer) => {
        asleep.cut();
        await stage.clock.sleep(60_000);
        asleep.mend();
        commit = codeOf(consumer.commit());
        await commit;
      },
    });
    const b = await stage.join('b');
    await stage.clock.advance(55_000);
    expect(b.seen).toEqual(range(0, 2));
    await stage.clock.advance(20_000);
    expect(await commit).toBe('ILLEGAL_GENERATION');
    expect(a.events).toContain('lost 0 UNKNOWN_MEMBER_ID');
    expect(a.consumer.memberId).not.toBeNull();
    expect(a.seen).toEqual(['0/0']);
  });

  it('fences a claim of another at the commit, and says whose the partition is', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 1);
    const { consumer } = await stage.join('a');
    await stage.clock.advance(1_000);
    const { topicId } = await stage.millrace.topics.getTopic(TOPIC);
    const key = { topicId, partition: 0 };
    const claim = { topic: TOPIC, generation: 9, owner: 'somebody', committed: null, atMs: 0 };
    await stage.store.offsets.claim('g', key, claim);
    await expect(during(stage.clock, consumer.commit())).rejects.toMatchObject({
      code: 'ILLEGAL_GENERATION',
      message: expect.stringContaining('belongs to somebody since generation 9'),
    });
    // The group rises above what it found, and the member claims again.
    await stage.clock.advance(5_000);
    expect(consumer.generation).toBeGreaterThan(9);
    await during(stage.clock, consumer.commit());
    expect(await during(stage.clock, consumer.committed([at(0)]))).toMatchObject([{ offset: 1n }]);
  });

  it('keeps the partitions of a static member that starts again, and fences its former self', async () => {
    const stage = await consumerStage({ partitionCount: 4 });
    const a = await stage.join('a');
    const first = await stage.join('b', { groupInstanceId: 'b-1' });
    await stage.clock.advance(5_000);
    expect(first.events).toEqual(['assigned 2,3']);
    await during(stage.clock, first.consumer.close());
    await stage.clock.advance(5_000);
    const second = await stage.join('b', { groupInstanceId: 'b-1' });
    await stage.clock.advance(5_000);
    expect([a.events, second.events]).toEqual([['assigned 0,1,2,3', 'revoked 2,3'], ['assigned 2,3']]);
    const third = await stage.join('b', { groupInstanceId: 'b-1' });
    await stage.clock.advance(3_000);
    expect(await second.ended).toMatchObject({ code: 'FENCED_INSTANCE_ID' });
    expect([second.events.at(-1), third.events]).toEqual(['lost 2,3 FENCED_INSTANCE_ID', ['assigned 2,3']]);
  });

  it('takes over from a static member that stays away for longer than its session', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    const a = await stage.join('a');
    const b = await stage.join('b', { groupInstanceId: 'b-1' });
    await stage.clock.advance(5_000);
    await during(stage.clock, b.consumer.close());
    await stage.clock.advance(15_000);
    expect(a.events).toEqual(['assigned 0,1', 'revoked 1', 'assigned 1']);
  });

  it('takes back the partitions of a loop that hangs, and takes it in again when it asks', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    await stage.send(1, 2);
    let hangs = true;
    const a = await stage.join('a', {
      maxPollIntervalMs: 20_000,
      handle: async (_, consumer) => {
        if (!hangs) return;
        hangs = false;
        await stage.clock.sleep(100_000);
        expect(await codeOf(consumer.commit([{ ...at(1), offset: 1n }]))).toBe('ILLEGAL_GENERATION');
      },
    });
    const b = await stage.join('b');
    await stage.clock.advance(60_000);
    expect(a.events).toEqual(['assigned 0,1', 'lost 0,1 UNKNOWN_MEMBER_ID']);
    expect(b.seen).toEqual(range(1, 2));
    await stage.clock.advance(60_000);
    expect([a.events.length, a.events[2]!.split(' ')[0], b.events.at(-1)!.split(' ')[0]]).toEqual([
      3,
      'assigned',
      'revoked',
    ]);
  });

  // The simulation found a member that was closed while it joined: it stayed in the group, beat, and read nothing, for ever.
  it('leaves again when it is closed while it joins', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    const consumer = stage.millrace.consumer({ group: 'g' });
    const joining = codeOf(consumer.subscribe([TOPIC]));
    await during(stage.clock, consumer.close());
    expect(await joining).toBe('CLOSED');
    await stage.clock.advance(20_000);
    expect(await stage.store.groups.observe('g', { consistent: true })).toMatchObject({ heartbeats: [] });
    expect((await stage.store.groups.get('g'))?.members ?? []).toEqual([]);
  });

  it('finds topics by a pattern, also those that are made later', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    const loop = await stage.join('a', { topics: /^orders/, metadataMaxAgeMs: 5_000 });
    for (const name of ['orders-eu', 'payments']) {
      await during(stage.clock, stage.millrace.topics.createTopic({ name, partitionCount: 2 }));
    }
    await stage.clock.advance(10_000);
    expect(loop.consumer.assignment.map(({ topic, partition }) => `${topic}/${partition}`).sort()).toEqual([
      'orders-eu/0',
      'orders-eu/1',
      'orders/0',
    ]);
  });

  it('reads a topic that is deleted and made again from its beginning, and does not end for it', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    await stage.send(0, 3);
    const loop = await stage.join('a', { autoCommit: true });
    await stage.clock.advance(3_000);
    await during(stage.clock, stage.millrace.topics.deleteTopic(TOPIC));
    await stage.clock.advance(5_000);
    expect(loop.consumer.assignment).toEqual([]);
    await during(stage.clock, stage.millrace.topics.createTopic({ name: TOPIC, partitionCount: 1 }));
    await stage.clock.advance(60_000);
    const other = stage.millrace.producer();
    await during(stage.clock, other.send({ ...at(0), value: 'new' }));
    await stage.clock.advance(5_000);
    expect(loop.seen).toEqual([...range(0, 3), '0/0']);
  });

  // The simulation found a consumer whose loop, and whose close, ended with UNKNOWN_TOPIC_OR_PARTITION for another's deletion.
  it('does not end for a topic that is deleted while it looks up where to begin', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    let isDeleted = false;
    const read: typeof stage.store.heads.read = async (...args) => {
      if (!isDeleted) {
        isDeleted = true;
        await stage.millrace.topics.deleteTopic(TOPIC);
      }
      return stage.store.heads.read(...args);
    };
    const loop = await stage.join('a', { store: { ...stage.store, heads: { ...stage.store.heads, read } } });
    await stage.clock.advance(5_000);
    expect([isDeleted, loop.consumer.assignment, loop.seen]).toEqual([true, [], []]);
    await during(stage.clock, loop.consumer.close());
    expect(await loop.ended).toBeNull();
  });

  it('assigns partitions that are added, within the age of what is known of topics', async () => {
    const stage = await consumerStage({ partitionCount: 1 });
    const { events } = await stage.join('a', { metadataMaxAgeMs: 5_000 });
    await during(stage.clock, stage.millrace.topics.addPartitions(TOPIC, 3));
    await stage.clock.advance(10_000);
    expect(events).toEqual(['assigned 0', 'assigned 1,2']);
  });

  it('does not take members for dead because the store was away', async () => {
    const stage = await consumerStage({ partitionCount: 2 });
    const outage = cutOff(stage.store);
    const [a, b] = [await stage.join('a', { store: outage.store }), await stage.join('b', { store: outage.store })];
    await stage.clock.advance(5_000);
    outage.cut();
    await stage.clock.advance(8_000);
    outage.mend();
    await stage.clock.advance(20_000);
    expect([a.events, b.events]).toEqual([['assigned 0,1', 'revoked 1'], ['assigned 1']]);
  });
});

/** A store whose requests end unanswered, without effect, while it is cut off. */
function cutOff(store: Parameters<typeof faultyStore>[0]) {
  let isCut = false;
  const faulty = faultyStore(store, {
    clock: new VirtualClock({ jumps: false }),
    onCall: () => {
      if (isCut) throw new UnansweredError('cut off');
    },
  });
  return {
    store: faulty.store,
    cut() {
      isCut = true;
    },
    mend() {
      isCut = false;
    },
  };
}
