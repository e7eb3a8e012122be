import { describe, expect, it } from 'vitest';
import { faultyStore, scriptedFaults } from './faulty-store.ts';
import { topicStage } from './topic-stage.ts';

describe('alterTopic', () => {
  it('sets and takes back overrides, and keeps the others', async () => {
    const { admin, store } = topicStage();
    await admin.createTopic({ name: 'orders', config: { 'retention.ms': '1', 'retention.bytes': '2' } });
    const topic = await admin.alterTopic('orders', {
      set: { 'max.message.bytes': '3' },
      unset: ['retention.ms', 'cleanup.policy'],
    });
    expect(topic.config).toEqual({ 'retention.bytes': '2', 'max.message.bytes': '3' });
    expect(await store.topics.get('orders')).toEqual(topic);
  });

  it('writes nothing when all is so already', async () => {
    const { admin, meter } = topicStage();
    const created = await admin.createTopic({ name: 'orders', config: { 'retention.ms': '1' } });
    const before = meter.usage.writeUnits;
    expect(await admin.alterTopic('orders', { set: { 'retention.ms': '1' }, unset: ['retention.bytes'] })).toEqual(
      created,
    );
    expect(meter.usage.writeUnits).toBe(before);
  });

  it('keeps what another changed at the same time', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    await admin.createTopic({ name: 'orders' });
    const others = ['1', '2', '3'];
    const { store: raced } = faultyStore(store, {
      clock,
      async onCall({ operation }) {
        const value = operation === 'topics.update' ? others.shift() : undefined;
        if (value !== undefined) await admin.alterTopic('orders', { set: { 'retention.bytes': value } });
      },
    });
    const topic = await adminOf(raced).alterTopic('orders', { set: { 'retention.ms': '5' } });
    expect(topic.config).toEqual({ 'retention.ms': '5', 'retention.bytes': '3' });
  });

  it('judges what contradicts itself by what is stored', async () => {
    const { admin } = topicStage();
    await admin.createTopic({ name: 'orders', config: { 'max.compaction.lag.ms': '10' } });
    await expect(admin.alterTopic('orders', { set: { 'min.compaction.lag.ms': '11' } })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
    expect((await admin.getTopic('orders')).config).toEqual({ 'max.compaction.lag.ms': '10' });
  });

  it('does not undo a later change of another when its own answer was lost', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    await admin.createTopic({ name: 'orders' });
    let updates = 0;
    const { store: faulty } = faultyStore(store, {
      clock,
      plan: scriptedFaults({ 'topics.update': ['lost'] }),
      async onCall({ operation }) {
        if (operation !== 'topics.update' || ++updates !== 2) return;
        await admin.alterTopic('orders', { set: { 'retention.ms': '99' } });
      },
    });
    await expect(adminOf(faulty).alterTopic('orders', { set: { 'retention.ms': '5' } })).rejects.toMatchObject({
      code: 'TOPIC_BUSY',
    });
    expect((await admin.getTopic('orders')).config).toEqual({ 'retention.ms': '99' });
  });

  it('does it again when its request was lost and only another changed the topic', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    await admin.createTopic({ name: 'orders' });
    let updates = 0;
    const { store: faulty } = faultyStore(store, {
      clock,
      plan: scriptedFaults({ 'topics.update': ['dropped'] }),
      async onCall({ operation }) {
        if (operation !== 'topics.update' || ++updates !== 2) return;
        await admin.alterTopic('orders', { set: { 'retention.ms': '99' } });
      },
    });
    const topic = await adminOf(faulty).alterTopic('orders', { set: { 'retention.bytes': '5' } });
    expect(topic.config).toEqual({ 'retention.ms': '99', 'retention.bytes': '5' });
  });

  it('leaves a topic alone whose deletion began meanwhile', async () => {
    const { admin, adminOf, store, clock } = topicStage();
    const created = await admin.createTopic({ name: 'orders' });
    const { store: watched } = faultyStore(store, {
      clock,
      async onCall({ operation }) {
        if (operation === 'topics.update') await store.topics.update({ ...created, state: 'deleting' });
      },
    });
    await expect(adminOf(watched).alterTopic('orders', { set: { 'retention.ms': '5' } })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
    expect(await store.topics.get('orders')).toEqual({ ...created, state: 'deleting', version: created.version + 1 });
  });

  it('tells when the topic is deleted meanwhile', async () => {
    for (const again of [false, true]) {
      const { admin, adminOf, store, clock } = topicStage();
      await admin.createTopic({ name: 'orders' });
      let raced = false;
      const { store: watched } = faultyStore(store, {
        clock,
        async onCall({ operation }) {
          if (raced || operation !== 'topics.update') return;
          raced = true;
          await admin.deleteTopic('orders');
          if (again) await admin.createTopic({ name: 'orders' });
        },
      });
      await expect(adminOf(watched).alterTopic('orders', { set: { 'retention.ms': '5' } })).rejects.toMatchObject({
        code: 'UNKNOWN_TOPIC_OR_PARTITION',
      });
      if (again) expect((await admin.getTopic('orders')).config).toEqual({});
    }
  });

  it.each([
    ['an unknown setting', { set: { 'retention.m': '1' } }, 'INVALID_CONFIG'],
    ['a bad value', { set: { 'retention.ms': '-2' } }, 'INVALID_CONFIG'],
    ['an unknown setting to take back', { unset: ['retention.m'] }, 'INVALID_CONFIG'],
    ['a setting both ways', { set: { 'retention.ms': '1' }, unset: ['retention.ms'] }, 'INVALID_CONFIG'],
    ['a text as a list', { unset: 'retention.ms' }, 'INVALID_CONFIG'],
    ['nothing', {}, 'INVALID_CONFIG'],
    ['a misspelt option', { sett: { 'retention.ms': '1' } }, 'INVALID_REQUEST'],
    ['no object', null, 'INVALID_REQUEST'],
  ])('refuses %s before it asks the store anything', async (_, changes, code) => {
    const { admin, meter } = topicStage();
    await admin.createTopic({ name: 'orders' });
    const before = meter.usage;
    await expect(admin.alterTopic('orders', changes as object)).rejects.toMatchObject({ code });
    expect(meter.usage).toEqual(before);
  });

  it('refuses an unknown topic and names the nearest', async () => {
    const { admin, meter } = topicStage();
    await admin.createTopic({ name: 'orders' });
    const before = meter.usage.writeRequests;
    await expect(admin.alterTopic('order', { set: { 'retention.ms': '1' } })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      value: 'order',
      hint: expect.stringContaining('Did you mean orders?'),
    });
    expect(meter.usage.writeRequests).toBe(before);
  });
});
