import { describe, expect, it } from 'vitest';
import { emptyHead } from '../../lib/log/head.ts';
import type { TopicState } from '../../lib/log/topic.ts';
import {
  createHeadsTransition,
  createTopicTransition,
  mayRemoveTopic,
  raiseGlobalFloorTransition,
  updateTopicTransition,
} from '../../lib/log/topic-transitions.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { freshTopic, idNumbered } from './contract/fresh.ts';

const topic = freshTopic({ version: 7 });
const states: readonly TopicState[] = ['creating', 'active', 'deleting'];

describe('creating a topic', () => {
  it('is done where there is none, and refused by one in any state', () => {
    expect(createTopicTransition(undefined, topic, false)).toEqual({ outcome: 'done', item: topic });
    // The id is spent.
    expect(createTopicTransition(undefined, topic, true)).toEqual({ outcome: 'refused', item: undefined });
    for (const state of states) {
      const existing = freshTopic({ name: topic.name, state });
      expect(createTopicTransition(existing, topic, false)).toEqual({ outcome: 'refused', item: existing });
    }
  });
});

describe('updating a topic', () => {
  const next = { ...topic, partitionCount: 9 };

  it('counts the change', () => {
    expect(updateTopicTransition(topic, next)).toEqual({ outcome: 'done', item: { ...next, version: 8 } });
  });

  it('needs the version that was read, the topic that was read, and a topic', () => {
    for (const current of [
      { ...topic, version: 6 },
      { ...topic, version: 8 },
      { ...topic, topicId: 'other' },
      undefined,
    ]) {
      expect(updateTopicTransition(current, next)).toEqual({ outcome: 'refused', item: current });
    }
  });
});

describe('removing a topic', () => {
  it('needs it to be the one that was read, and to be being deleted', () => {
    const deleting = { ...topic, state: 'deleting' } as const;
    expect(mayRemoveTopic(deleting, topic.topicId)).toBe(true);
    expect(mayRemoveTopic(deleting, 'other')).toBe(false);
    expect(mayRemoveTopic({ ...topic, state: 'active' }, topic.topicId)).toBe(false);
    expect(mayRemoveTopic({ ...topic, state: 'creating' }, topic.topicId)).toBe(false);
  });
});

describe('raising the global floor', () => {
  it('only ever raises it', () => {
    expect(raiseGlobalFloorTransition(ZERO_ID, idNumbered(1))).toEqual({ outcome: 'done', item: idNumbered(1) });
    expect(raiseGlobalFloorTransition(idNumbered(1), idNumbered(1))).toEqual({
      outcome: 'refused',
      item: idNumbered(1),
    });
    expect(raiseGlobalFloorTransition(idNumbered(2), idNumbered(1))).toEqual({
      outcome: 'refused',
      item: idNumbered(2),
    });
  });
});

describe('creating heads', () => {
  const floor = idNumbered(5);
  const args = { topicName: topic.name, topicId: topic.topicId, partitions: [0, 1], floor };
  const state = { topic, floor, heads: [] };

  it('makes empty heads under the floor, for a topic that is creating or active', () => {
    for (const current of ['creating', 'active'] as const) {
      const result = createHeadsTransition({ ...state, topic: { ...topic, state: current } }, args);
      expect(result).toEqual({ outcome: 'done', head: emptyHead(floor) });
    }
  });

  it('needs the topic that was read, not being deleted', () => {
    for (const current of [undefined, { ...topic, topicId: 'other' }, { ...topic, state: 'deleting' as const }]) {
      expect(createHeadsTransition({ ...state, topic: current }, args)).toEqual({ outcome: 'topic-changed' });
    }
  });

  it('needs the global floor that was read', () => {
    expect(createHeadsTransition({ ...state, floor: idNumbered(6) }, args)).toEqual({ outcome: 'floor-moved' });
    expect(createHeadsTransition({ ...state, floor: idNumbered(4) }, args)).toEqual({ outcome: 'floor-moved' });
  });

  it('needs none of them to exist', () => {
    expect(createHeadsTransition({ ...state, heads: [emptyHead(floor)] }, args)).toEqual({ outcome: 'head-exists' });
  });
});
