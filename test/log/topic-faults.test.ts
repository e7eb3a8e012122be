/**
 * Every operation on topics with a fault at every one of its requests: a crash there and the operation again; an answer lost, late, or never given. Afterwards all must be as
 * if nothing had happened.
 */
import { describe, expect, it } from 'vitest';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { hasCode, MillraceError } from '../../lib/errors.ts';
import { rollTail } from '../../lib/log/roll.ts';
import type { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { type Fault, type FaultPlan, faultyStore, seededFaults } from './faulty-store.ts';
import { commitEntry, hasRemains, idOf, snapshot, type TopicStage, topicStage } from './topic-stage.ts';

interface Scenario {
  readonly title: string;
  readonly prepare: (stage: TopicStage) => Promise<unknown>;
  readonly act: (admin: TopicAdmin) => Promise<unknown>;
}

const PARTITIONS = 100;

async function fill({ admin, store }: TopicStage): Promise<void> {
  const { topicId } = await admin.createTopic({ name: 'orders', partitionCount: PARTITIONS, domain: 'own' });
  const partition = { topicId, partition: 1 };
  for (const place of [1, 2, 3]) {
    await commitEntry(store, partition, { id: idOf(place), known: BigInt(place - 1), recordCount: 1 });
    if (place <= 2) await rollTail(store, partition, (await store.heads.read(partition, { consistent: true }))!);
  }
}

async function leaveDeleting(stage: TopicStage): Promise<void> {
  await fill(stage);
  const topic = await stage.admin.getTopic('orders');
  await stage.store.topics.update({ ...topic, state: 'deleting' });
}

const create = (admin: TopicAdmin) =>
  admin.createTopic({ name: 'orders', partitionCount: 200, domain: 'own', config: { 'retention.ms': '5' } });

const scenarios: readonly Scenario[] = [
  { title: 'createTopic', prepare: async () => {}, act: create },
  { title: 'createTopic over a deletion', prepare: leaveDeleting, act: create },
  { title: 'alterTopic', prepare: fill, act: (admin) => admin.alterTopic('orders', { set: { 'retention.ms': '7' } }) },
  { title: 'addPartitions', prepare: fill, act: (admin) => admin.addPartitions('orders', 250) },
  { title: 'trimPartition', prepare: fill, act: (admin) => admin.trimPartition('orders', 1, 2n) },
  { title: 'deleteTopic', prepare: fill, act: (admin) => admin.deleteTopic('orders') },
];

/** What the store comes to when nothing goes wrong, and how many requests that takes. */
async function undisturbed(scenario: Scenario) {
  const stage = topicStage();
  await scenario.prepare(stage);
  const { store, calls } = faultyStore(stage.store, { clock: stage.clock });
  await scenario.act(stage.adminOf(store));
  return { outcome: await snapshot(stage.store, 'orders'), requestCount: calls.length };
}

/** A store that the process never reaches again after `requests` requests. */
function crashingStore({ store, clock }: TopicStage, requests: number): DelayStore {
  const crashing = faultyStore(store, {
    clock,
    onCall() {
      if (crashing.calls.length > requests) throw new MillraceError('CLOSED', 'the process has crashed');
    },
  });
  return crashing.store;
}

const isCrash = (error: unknown) => hasCode(error, 'CLOSED');

/** A fault at one request, counted from 0, whatever it is. */
function faultAt(place: number, fault: Fault): FaultPlan {
  let position = 0;
  return { next: () => (position++ === place ? fault : null), unused: () => [] };
}

/** Places in a run, all at its ends and some in the long middle, so that the suite stays short. */
function placesIn(requestCount: number): number[] {
  const all = Array.from({ length: requestCount }, (_, place) => place);
  return all.filter((place) => place < 12 || place >= requestCount - 12 || place % 17 === 0);
}

describe.each(scenarios)('$title', (scenario) => {
  it('comes to the same when it is done again after a crash before any of its requests', async () => {
    const { outcome, requestCount } = await undisturbed(scenario);
    expect(requestCount).toBeGreaterThan(1);
    for (let requests = 0; requests < requestCount; requests++) {
      const stage = topicStage();
      await scenario.prepare(stage);
      const topicId = (await stage.store.topics.get('orders'))?.topicId;
      await expect(scenario.act(stage.adminOf(crashingStore(stage, requests)))).rejects.toSatisfy(isCrash);
      await scenario.act(stage.admin);
      expect(await snapshot(stage.store, 'orders'), `crash after ${requests}`).toEqual(outcome);
      const current = (await stage.store.topics.get('orders'))?.topicId;
      if (topicId && topicId !== current) expect(await hasRemains(stage.store, topicId, PARTITIONS)).toBe(false);
    }
  });

  it.each<Fault>(['lost', 'dropped', 'late', 'repeated', 'repeated-late', 'throttled', 'unavailable'])(
    'comes to the same when any of its requests is %s',
    async (fault) => {
      const { outcome, requestCount } = await undisturbed(scenario);
      for (const place of placesIn(requestCount)) {
        const stage = topicStage();
        await scenario.prepare(stage);
        const faulty = faultyStore(stage.store, { clock: stage.clock, plan: faultAt(place, fault) });
        await scenario.act(stage.adminOf(faulty.store));
        expect(await snapshot(stage.store, 'orders'), `request ${place}`).toEqual(outcome);
        await faulty.releaseAll();
        expect(await snapshot(stage.store, 'orders'), `late request ${place}`).toEqual(outcome);
      }
    },
  );
});

describe('many administrators at once, with faults', () => {
  const operations: readonly ((admin: TopicAdmin, amount: number) => Promise<unknown>)[] = [
    (admin) => admin.createTopic({ name: 'orders', partitionCount: 3 }),
    (admin) => admin.createTopic({ name: 'orders', partitionCount: 120, domain: 'own' }),
    (admin, amount) => admin.addPartitions('orders', 1 + Math.floor(amount * 200)),
    (admin, amount) => admin.alterTopic('orders', { set: { 'retention.ms': String(Math.floor(amount * 10)) } }),
    (admin) => admin.trimPartition('orders', 0, 'end'),
    (admin) => admin.deleteTopic('orders'),
  ];
  const expected = [
    'TOPIC_BUSY',
    'TOPIC_ALREADY_EXISTS',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'INVALID_PARTITIONS',
    'REQUEST_TIMED_OUT',
    'THROTTLED',
    'STORE_UNAVAILABLE',
  ];

  async function run(seed: number) {
    const stage = topicStage(seed);
    const ids = new Set<string>();
    const faulty = faultyStore(stage.store, {
      clock: stage.clock,
      plan: seededFaults({ seed, probability: 0.1 }),
      async onCall({ operation, arguments: [topic] }) {
        if (operation === 'topics.create') ids.add((topic as { topicId: string }).topicId);
        for (let turn = stage.random.fraction() * 9; turn > 0; turn--) await Promise.resolve();
      },
    });
    const admin = stage.adminOf(faulty.store);
    const administrator = async () => {
      const codes: string[] = [];
      for (let step = 0; step < 5; step++) {
        const operation = operations[Math.floor(stage.random.fraction() * operations.length)]!;
        const result = await operation(admin, stage.random.fraction()).catch((error: MillraceError) => error);
        if (result instanceof MillraceError) codes.push(result.code);
      }
      return codes;
    };
    const codes = (await Promise.all([administrator(), administrator(), administrator()])).flat();
    await faulty.releaseAll();
    return { stage, ids, codes };
  }

  it('leaves a topic whose usable partitions are all there, and that can be deleted without remains', async () => {
    let usable = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const { stage, ids, codes } = await run(seed);
      expect(codes.filter((code) => !expected.includes(code))).toEqual([]);
      const { topic, heads } = await snapshot(stage.store, 'orders');
      if (topic?.state === 'active') {
        usable += 1;
        expect(topic.readyPartitionCount).toBeGreaterThan(0);
        expect(topic.readyPartitionCount).toBeLessThanOrEqual(topic.partitionCount);
        expect(heads.slice(0, topic.readyPartitionCount)).not.toContain(null);
        expect(heads.slice(topic.partitionCount)).toEqual([null, null]);
      }
      if (topic !== null) await stage.admin.deleteTopic('orders');
      for (const topicId of ids) expect(await hasRemains(stage.store, topicId, 210), `seed ${seed}`).toBe(false);
    }
    expect(usable).toBeGreaterThan(20);
  });
});
