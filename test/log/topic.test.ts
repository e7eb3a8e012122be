import { describe, expect, it } from 'vitest';
import { type Topic, topicFromItem, topicKey, topicListingKey, topicToItem } from '../../lib/log/topic.ts';

const topic: Topic = {
  name: 'orders',
  topicId: '6f1c2f0e-6f0e-4d5b-9d1c-0a8f7a3c1d22',
  partitionCount: 100_000,
  readyPartitionCount: 98,
  state: 'creating',
  domain: 'shared',
  config: { 'retention.ms': '-1', note: 'ü "流"' },
  createdAtMs: 1_764_000_123_456,
  version: 7,
};

describe('a topic', () => {
  it('is stored under its name, and listed under one key with all others', () => {
    expect(topicKey('orders')).toEqual({ pk: 'T#orders', sk: 'TOPIC' });
    expect(topicListingKey('orders')).toEqual({ pk: 'TOPICS', sk: 'orders' });
  });

  it('comes back from its item with every field; the name stands in the key alone', () => {
    expect(topicFromItem('orders', topicToItem(topic))).toEqual(topic);
    expect(topicToItem(topic)).not.toHaveProperty('name');
    for (const state of ['creating', 'active', 'deleting'] as const) {
      expect(topicFromItem('orders', topicToItem({ ...topic, state })).state).toBe(state);
    }
  });

  it('is damaged when any attribute is absent or of another kind', () => {
    const item = topicToItem(topic);
    for (const name of Object.keys(item)) {
      const { [name]: _, ...without } = item;
      const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT' });
      expect(() => topicFromItem('orders', without)).toThrow(corrupt);
      expect(() => topicFromItem('orders', { ...item, [name]: new Uint8Array(1) })).toThrow(corrupt);
    }
  });

  it('is damaged when its state or its configuration is none', () => {
    const item = topicToItem(topic);
    const corrupt = expect.objectContaining({ code: 'CORRUPT_OBJECT' });
    expect(() => topicFromItem('orders', { ...item, state: 'gone' })).toThrow(corrupt);
    for (const config of ['', '{', 'null', '7', '{"retention.ms":1}']) {
      expect(() => topicFromItem('orders', { ...item, config })).toThrow(corrupt);
    }
  });
});
