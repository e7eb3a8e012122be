import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { faultyStore, scriptedFaults } from './faulty-store.ts';
import { commitEntry, hasRemains, idOf, snapshot, topicStage } from './topic-stage.ts';

describe('createTopic', () => {
  it('makes an active topic with an empty head for each partition', async () => {
    const { admin, store } = topicStage();
    const topic = await admin.createTopic({ name: 'orders', partitionCount: 3, config: { 'retention.ms': '-1' } });
    expect(topic).toMatchObject({
      name: 'orders',
      partitionCount: 3,
      readyPartitionCount: 3,
      state: 'active',
      domain: 'shared',
      config: { 'retention.ms': '-1' },
      createdAtMs: Date.UTC(2026, 0, 1),
    });
    expect(topic.topicId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await store.topics.get('orders')).toEqual(topic);
    const empty = { start: 0n, next: 0n };
    expect((await snapshot(store, 'orders')).heads).toEqual([empty, empty, empty, null, null]);
  });

  it('has one partition in the shared domain unless told otherwise', async () => {
    const topic = await topicStage().admin.createTopic({ name: 'orders' });
    expect(topic).toMatchObject({ partitionCount: 1, domain: 'shared', config: {} });
  });

  it('gives a topic a domain of its own, or a named one', async () => {
    const { admin } = topicStage();
    const own = await admin.createTopic({ name: 'salaries', domain: 'own' });
    expect(own.domain).toBe(`t-${own.topicId}`);
    expect((await admin.createTopic({ name: 'orders', domain: 'sales' })).domain).toBe('sales');
  });

  it("lets no topic move into another's own domain", async () => {
    const { admin } = topicStage();
    const { domain } = await admin.createTopic({ name: 'salaries', domain: 'own' });
    await expect(admin.createTopic({ name: 'spy', domain })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('refuses a name that is taken', async () => {
    const { admin } = topicStage();
    await admin.createTopic({ name: 'orders' });
    await expect(admin.createTopic({ name: 'orders' })).rejects.toMatchObject({
      code: 'TOPIC_ALREADY_EXISTS',
      value: 'orders',
    });
  });

  it('takes as many transactions as there are 98 partitions, and four units beside each head', async () => {
    const { admin, meter } = topicStage();
    await admin.createTopic({ name: 'orders', partitionCount: 197 });
    // The topic, its listing and the check of its id; in each of three transactions the topic, the floor and the heads, twice the units; one update.
    expect(meter.usage.writeUnits).toBe(3 * 2 + 3 * 2 * 2 + 197 * 2 + 1);
    expect(meter.usage.readRequests).toBe(1);
  });

  it('completes what a crashed creator left, under its id', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    const plan = scriptedFaults({ 'topics.createHeads': [null, ...Array(50).fill('unavailable')] });
    const request = { name: 'orders', partitionCount: 200, domain: 'own' };
    const crashing = adminOf(faultyStore(store, { clock, plan }).store).createTopic(request);
    await expect(crashing).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const halfMade = await store.topics.get('orders');
    expect(halfMade).toMatchObject({ state: 'creating', readyPartitionCount: 0 });
    await expect(admin.getTopic('orders')).rejects.toMatchObject({ code: 'TOPIC_BUSY', retriable: true });
    await expect(admin.createTopic({ ...request, partitionCount: 201 })).rejects.toMatchObject({
      code: 'TOPIC_ALREADY_EXISTS',
      hint: expect.stringContaining('delete it first'),
    });
    const topic = await admin.createTopic(request);
    expect(topic).toMatchObject({ topicId: halfMade?.topicId, state: 'active', readyPartitionCount: 200 });
    expect((await snapshot(store, 'orders')).heads.filter((head) => head !== null)).toHaveLength(200);
  });

  it.each([{ domain: 'sales' }, { config: { 'retention.ms': '1' } }, { config: {} }, { partitionCount: 2 }])(
    'does not pass off a half-made topic as one with %j',
    async (difference) => {
      const { admin, store } = topicStage();
      const request = { name: 'orders', config: { 'retention.ms': '2' } };
      const topic = await admin.createTopic({ ...request, name: 'model' });
      await store.topics.create({ ...topic, name: 'orders', state: 'creating', readyPartitionCount: 0 });
      await expect(admin.createTopic({ ...request, ...difference })).rejects.toMatchObject({
        code: 'TOPIC_ALREADY_EXISTS',
      });
      expect(await store.topics.get('orders')).toMatchObject({ state: 'creating' });
    },
  );

  it('succeeds when its answer was lost and another has completed its topic', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    let creations = 0;
    const { store: faulty } = faultyStore(store, {
      clock,
      plan: scriptedFaults({ 'topics.create': ['lost'] }),
      async onCall({ operation }) {
        if (operation === 'topics.create' && ++creations === 2) await admin.createTopic({ name: 'orders' });
      },
    });
    const topic = await adminOf(faulty).createTopic({ name: 'orders' });
    expect(topic).toEqual(await store.topics.get('orders'));
    expect(topic.state).toBe('active');
  });

  it('does not make a topic twice when its answer was lost and another deletes it', async () => {
    const { adminOf, store, clock } = topicStage();
    let creations = 0;
    const { store: faulty } = faultyStore(store, {
      clock,
      plan: scriptedFaults({ 'topics.create': ['lost'] }),
      async onCall({ operation }) {
        if (operation !== 'topics.create' || ++creations !== 2) return;
        const topic = await store.topics.get('orders');
        await store.topics.update({ ...topic!, state: 'deleting' });
      },
    });
    await expect(adminOf(faulty).createTopic({ name: 'orders' })).rejects.toMatchObject({ code: 'TOPIC_BUSY' });
    expect(await store.topics.get('orders')).toMatchObject({ state: 'deleting' });
  });

  it('reads the floor again when collection raises it meanwhile', async () => {
    const { adminOf, store, clock } = topicStage();
    let raised = 0;
    const { store: watched } = faultyStore(store, {
      clock,
      async onCall({ operation }) {
        if (operation === 'topics.createHeads' && raised < 3) await store.topics.raiseGlobalFloor(idOf(++raised));
      },
    });
    const topic = await adminOf(watched).createTopic({ name: 'orders', partitionCount: 2 });
    const head = await store.heads.read({ topicId: topic.topicId, partition: 1 }, { consistent: true });
    expect(head?.floor).toBe(idOf(3));
  });

  it('finishes a deletion that stands in its way, and shows nothing of the old topic', async () => {
    const { admin, store } = topicStage();
    const old = await admin.createTopic({ name: 'orders', partitionCount: 2 });
    await commitEntry(store, { topicId: old.topicId, partition: 0 }, { id: idOf(1), known: 0n, recordCount: 7 });
    await store.topics.update({ ...old, state: 'deleting' });
    const topic = await admin.createTopic({ name: 'orders', partitionCount: 2 });
    expect(topic.topicId).not.toBe(old.topicId);
    expect(await hasRemains(store, old.topicId, 2)).toBe(false);
    const { partitions } = await admin.describeTopic('orders');
    expect(partitions.map(({ highWatermark }) => highWatermark)).toEqual([0n, 0n]);
  });

  it('keeps a late commit to the deleted topic out of the recreated one', async () => {
    const { admin, store } = topicStage();
    const old = await admin.createTopic({ name: 'orders' });
    await admin.deleteTopic('orders');
    const topic = await admin.createTopic({ name: 'orders' });
    const late = await commitEntry(
      store,
      { topicId: old.topicId, partition: 0 },
      { id: idOf(1), known: 0n, recordCount: 7 },
    );
    expect(late).toEqual({ outcome: 'refused', item: undefined });
    const head = await store.heads.read({ topicId: topic.topicId, partition: 0 }, { consistent: true });
    expect(head).toMatchObject({ next: 0n, tail: [] });
  });

  it('never makes a topic again under an id that was deleted, however late a request arrives', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    const faulty = faultyStore(store, { clock, plan: scriptedFaults({ 'topics.create': ['late'] }) });
    const first = await adminOf(faulty.store).createTopic({ name: 'orders' });
    await admin.deleteTopic('orders');
    await faulty.releaseAll();
    expect(await store.topics.get('orders')).toMatchObject({ state: 'creating' });
    const topic = await admin.createTopic({ name: 'orders' });
    expect(topic.topicId).not.toBe(first.topicId);
    expect(topic.state).toBe('active');
  });

  it('tells one of two creators of different topics that it came second', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { store, adminOf, clock, random } = topicStage(seed);
      const slow = () => adminOf(faultyStore(store, { clock, onCall: () => turns(random.fraction() * 9) }).store);
      const results = await Promise.allSettled([
        slow().createTopic({ name: 'orders', partitionCount: 3 }),
        slow().createTopic({ name: 'orders', partitionCount: 4 }),
      ]);
      const won = results.filter((result) => result.status === 'fulfilled');
      const lost = results.filter((result) => result.status === 'rejected');
      expect(lost.map(({ reason }) => reason.code)).toEqual(['TOPIC_ALREADY_EXISTS']);
      expect((await snapshot(store, 'orders')).heads.filter((head) => head !== null)).toHaveLength(
        won[0]!.value.partitionCount,
      );
    }
  });

  it('gives two creators of the same topic one topic', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { store, adminOf, clock, random } = topicStage(seed);
      const slow = () => adminOf(faultyStore(store, { clock, onCall: () => turns(random.fraction() * 9) }).store);
      const create = () => slow().createTopic({ name: 'orders', partitionCount: 150 });
      const results = await Promise.allSettled([create(), create()]);
      const ids = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.topicId] : []));
      expect(ids.length).toBeGreaterThan(0);
      expect(new Set(ids).size).toBe(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' });
      }
      const { topic, heads } = await snapshot(store, 'orders');
      expect(topic).toMatchObject({ state: 'active', readyPartitionCount: 150 });
      expect(heads.filter((head) => head !== null)).toHaveLength(150);
    }
  });
});

describe('bad input of createTopic', () => {
  const badRequests: readonly [string, object, string][] = [
    ['a name with a slash', { name: 'a/b' }, 'INVALID_TOPIC_EXCEPTION'],
    ['no name', {}, 'INVALID_TOPIC_EXCEPTION'],
    ['no partitions', { name: 'a', partitionCount: 0 }, 'INVALID_PARTITIONS'],
    ['negative partitions', { name: 'a', partitionCount: -1 }, 'INVALID_PARTITIONS'],
    ['half a partition', { name: 'a', partitionCount: 1.5 }, 'INVALID_PARTITIONS'],
    ['too many partitions', { name: 'a', partitionCount: limits.partitionsPerTopic + 1 }, 'INVALID_PARTITIONS'],
    ['a text as a number', { name: 'a', partitionCount: '3' }, 'INVALID_PARTITIONS'],
    ['null partitions', { name: 'a', partitionCount: null }, 'INVALID_PARTITIONS'],
    ['an unknown setting', { name: 'a', config: { 'retention.m': '1' } }, 'INVALID_CONFIG'],
    ['a bad value', { name: 'a', config: { 'retention.ms': 'soon' } }, 'INVALID_CONFIG'],
    ['a domain in upper case', { name: 'a', domain: 'Sales' }, 'INVALID_REQUEST'],
    ['an empty domain', { name: 'a', domain: '' }, 'INVALID_REQUEST'],
    ['a domain that is too long', { name: 'a', domain: 'x'.repeat(65) }, 'INVALID_REQUEST'],
    ['a misspelt option', { name: 'a', partitions: 8 }, 'INVALID_REQUEST'],
  ];

  it.each(badRequests)('refuses %s before it asks the store anything', async (_, request, code) => {
    const { admin, meter } = topicStage();
    const before = meter.usage;
    await expect(admin.createTopic(request as { name: string })).rejects.toMatchObject({
      code,
      hint: expect.stringMatching(/\w/),
    });
    expect(meter.usage).toEqual(before);
  });

  it('names the option that was meant', async () => {
    const request = { name: 'a', partitionCounts: 8 };
    await expect(topicStage().admin.createTopic(request)).rejects.toMatchObject({
      value: 'partitionCounts',
      hint: 'Did you mean partitionCount?',
    });
  });
});

/** Lets others go first, some times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}
