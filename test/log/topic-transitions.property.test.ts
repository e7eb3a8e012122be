/** The invariants of topics, the global floor and replaced chunks over random sequences of every change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../lib/log/chunk.ts';
import { putChunkTransition, replaceChunkTransition } from '../../lib/log/chunk-transitions.ts';
import { emptyHead } from '../../lib/log/head.ts';
import type { Topic } from '../../lib/log/topic.ts';
import {
  createHeadsTransition,
  createTopicTransition,
  mayRemoveTopic,
  raiseGlobalFloorTransition,
  updateTopicTransition,
} from '../../lib/log/topic-transitions.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { chunkAt, entryNumbered, idNumbered } from './contract/fresh.ts';

const topicOf = (topicId: string, version: number, state: Topic['state']): Topic => ({
  name: 't',
  topicId,
  partitionCount: 1,
  readyPartitionCount: 1,
  state,
  domain: 'shared',
  config: {},
  createdAtMs: 0,
  version,
});

const topicStep = fc.record({
  kind: fc.constantFrom('create', 'update', 'remove', 'heads'),
  topicId: fc.constantFrom('1', '2', '3'),
  /** How far the version that was read lies behind. */
  behind: fc.nat(2),
  state: fc.constantFrom('creating', 'active', 'deleting'),
});

describe('topics', () => {
  it('change only from the version that was read, and a name goes to another id only by way of nothing', () => {
    fc.assert(
      fc.property(fc.array(topicStep, { maxLength: 60 }), (steps) => {
        let topic: Topic | undefined;
        const spent = new Set<string>();
        for (const { kind, topicId, behind, state } of steps) {
          const before: Topic | undefined = topic;
          if (kind === 'create') {
            const wanted = topicOf(topicId, 0, state as Topic['state']);
            topic = createTopicTransition(topic, wanted, spent.has(topicId)).item;
            if (before === undefined) expect(topic).toEqual(spent.has(topicId) ? undefined : wanted);
          } else if (kind === 'update') {
            const read = topicOf(topicId, (topic?.version ?? 0) - behind, state as Topic['state']);
            const { outcome, item } = updateTopicTransition(topic, read);
            const isCurrent = before !== undefined && before.topicId === topicId && behind === 0;
            expect(outcome).toBe(isCurrent ? 'done' : 'refused');
            topic = item;
          } else if (kind === 'remove' && topic !== undefined && mayRemoveTopic(topic, topicId)) {
            expect([topic.topicId, topic.state]).toEqual([topicId, 'deleting']);
            spent.add(topicId);
            topic = undefined;
          } else if (kind === 'heads') {
            const args = { topicName: 't', topicId, partitions: [0], floor: ZERO_ID };
            const { outcome } = createHeadsTransition({ topic, floor: ZERO_ID, heads: [] }, args);
            const isAlive = topic !== undefined && topic.topicId === topicId && topic.state !== 'deleting';
            expect(outcome).toBe(isAlive ? 'done' : 'topic-changed');
          }
          if (before === undefined || topic === undefined || topic === before) continue;
          expect([topic.topicId, topic.version]).toEqual([before.topicId, before.version + 1]);
        }
      }),
    );
  });

  it('get no head twice, and none under a floor that has risen', () => {
    const head = emptyHead(ZERO_ID);
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), fc.boolean(), (read, now, isThere) => {
        const topic = topicOf('1', 0, 'active');
        const args = { topicName: 't', topicId: '1', partitions: [0], floor: idNumbered(read) };
        const state = { topic, floor: idNumbered(now), heads: isThere ? [head] : [] };
        const made = createHeadsTransition(state, args);
        expect(made.outcome === 'done').toBe(read === now && !isThere);
        if (made.outcome === 'done') expect(made.head.floor).toBe(idNumbered(now));
      }),
    );
  });
});

describe('the global floor', () => {
  it('only rises', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 40 }), (numbers) => {
        let floor = ZERO_ID;
        for (const number of numbers) {
          const { outcome, item } = raiseGlobalFloorTransition(floor, idNumbered(number));
          expect(item! >= floor).toBe(true);
          expect(outcome === 'done').toBe(idNumbered(number) > floor);
          floor = item!;
        }
      }),
    );
  });
});

describe('a chunk', () => {
  it('is put once, keeps its extent and summaries whatever replaces its entries, and is replaced only as it was read', () => {
    const step = fc.record({
      kind: fc.constantFrom('put', 'replace'),
      behind: fc.nat(1),
      count: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let chunk: Chunk | undefined;
        for (const { kind, behind, count } of steps) {
          const before: Chunk | undefined = chunk;
          const put = chunkAt(0n, {
            count,
            entries: Array.from({ length: count }, (_, index) => entryNumbered(index)),
          });
          const reference = entryNumbered(90 + count);
          const args = { version: (chunk?.version ?? 0) - behind, end: chunk?.end ?? 1n, reference };
          const change = kind === 'put' ? putChunkTransition(chunk, put) : replaceChunkTransition(chunk, args);
          chunk = change.item;
          if (change.outcome === 'refused' || before === undefined) continue;
          expect([kind, behind]).toEqual(['replace', 0]);
          expect(chunk).toEqual({ ...before, entries: [reference], level: 1, version: before.version + 1 });
        }
      }),
    );
  });
});
