import { describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { MillraceError } from '../../lib/errors.ts';
import { emptyGroup, type Group, type Handover } from '../../lib/group/group.ts';
import type { OwnedPartition } from '../../lib/group/owned-partition.ts';
import { PartitionHolder } from '../../lib/group/partition-holder.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';

const TOPIC_ID = '6f1c2f0e-5d0b-4f58-9a53-3ef0d3f3c1aa';
const partition = { topicId: TOPIC_ID, partition: 0 };
const member = (id: string) => {
  return {
    id,
    instanceId: null,
    clientId: id,
    topics: ['orders'],
    pattern: null,
    assignors: [],
    sessionMs: 10_000,
  } as const;
};

/** A group in which the partition is assigned to `owner`. */
function groupOf(generation: number, owner: string, handovers: readonly Handover[] = []): Group {
  const ids = ['x', 'a'];
  return {
    ...emptyGroup('g', '1'),
    generation,
    topics: [{ name: 'orders', topicId: TOPIC_ID, partitionCount: 1 }],
    members: ids.map(member),
    assignment: new Map(ids.map((id) => [id, id === owner ? [partition] : []])),
    handovers,
  };
}

/** A holder that lives as `memberId`, and what it told. */
function holderOf(memberId: string, store: DelayStore) {
  const events: string[] = [];
  const numbers = (partitions: readonly { readonly generation: number }[]) =>
    partitions.map(({ generation }) => `g${generation}`).join();
  const listener = {
    revoke: async (partitions: readonly { readonly generation: number }[]) =>
      void events.push(`revoke ${numbers(partitions)}`),
    assign: async (partitions: readonly { readonly generation: number }[]) =>
      void events.push(`assign ${numbers(partitions)}`),
    lose: (partitions: readonly { readonly generation: number }[], { code }: MillraceError) =>
      void events.push(`lose ${numbers(partitions)} ${code}`),
  };
  const holder = new PartitionHolder({ store, clock, random }, listener, {
    onLetGo: () => void events.push(`let go g${holder.generation}`),
    onSuspicion: (generation) => void events.push(`suspicion ${generation}`),
    onError: (error) => void events.push(`error ${String(error)}`),
  });
  holder.begin(memberId);
  return { holder, events };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('who holds partitions', () => {
  it('does not claim by a state that is older than what others have acknowledged', async () => {
    const store = memoryStore({ clock });
    const { holder: x } = holderOf('x', store);
    x.show(groupOf(1, 'x'), new Map());
    await settled();
    // Generation 2 gave the partition to a, generation 3 gave it back to x, which saw only the latter: it never let go.
    x.show(groupOf(3, 'x'), new Map());
    await settled();
    expect(x.generation).toBe(3);
    const { holder: a, events } = holderOf('a', store);
    const handover = { partition, from: 'x', since: 2 };
    a.show(groupOf(2, 'a', [handover]), new Map([['x', x.generation]]));
    await settled();
    expect(events).toEqual(['let go g2', 'suspicion null']);
    const [stored] = await store.offsets.readMany('g', [partition]);
    expect(stored).toMatchObject({ owner: 'x', generation: 1 });
  });

  it('claims once whoever had it has acknowledged that it is gone', async () => {
    const store = memoryStore({ clock });
    const { holder, events } = holderOf('a', store);
    const group = groupOf(2, 'a', [{ partition, from: 'x', since: 2 }]);
    holder.show(group, new Map([['x', 1]]));
    await settled();
    expect([events, holder.isWaiting]).toEqual([['let go g2'], true]);
    holder.show(group, new Map([['x', 2]]));
    await settled();
    expect([events, holder.isWaiting]).toEqual([['let go g2', 'assign g2'], false]);
  });

  // The simulation of everything found a member that was assigned a topic that had been made again before it was told to let go of the old one, under the same name.
  it('claims nothing by a state before it has let go of all that it takes away', async () => {
    const store = memoryStore({ clock });
    const old = [partition, { topicId: TOPIC_ID, partition: 1 }];
    const again = { topicId: 'c2b4af37-08ad-4cfd-9055-4c9858b3034c', partition: 0 };
    const events: string[] = [];
    const leaving = Promise.withResolvers<void>();
    const namesOf = (partitions: readonly { readonly partition: PartitionKey }[]) =>
      partitions.map((one) => `${one.partition.topicId.slice(0, 2)}/${one.partition.partition}`).join();
    const listener = {
      revoke: async (partitions: readonly OwnedPartition[]) => {
        events.push(`revoke ${namesOf(partitions)}`);
        await leaving.promise;
      },
      assign: async (partitions: readonly OwnedPartition[]) => void events.push(`assign ${namesOf(partitions)}`),
      lose: () => {},
    };
    const ignored = () => {};
    const holder = new PartitionHolder({ store, clock, random }, listener, {
      onLetGo: ignored,
      onSuspicion: ignored,
      onError: (error) => void events.push(String(error)),
    });
    holder.begin('a');
    const topics = [
      { name: 'orders', topicId: TOPIC_ID, partitionCount: 2 },
      { name: 'orders-2', topicId: again.topicId, partitionCount: 1 },
    ];
    const state = (generation: number, assigned: readonly PartitionKey[]): Group => {
      return { ...groupOf(generation, 'x'), topics, assignment: new Map([['a', assigned]]) };
    };
    holder.show(state(1, old), new Map());
    await settled();
    holder.show(state(2, [partition]), new Map());
    await settled();
    // While it lets go of one, the topic is made again.
    holder.show(state(3, [again]), new Map());
    leaving.resolve();
    await settled();
    expect(events).toEqual(['assign 6f/0,6f/1', 'revoke 6f/1', 'revoke 6f/0', 'assign c2/0']);
  });

  it('does not hold what it has claimed in a life that is over', async () => {
    const store = memoryStore({ clock });
    const answer = Promise.withResolvers<void>();
    const slow: DelayStore = {
      ...store,
      offsets: {
        ...store.offsets,
        claim: async (...args) => {
          const result = await store.offsets.claim(...args);
          await answer.promise;
          return result;
        },
      },
    };
    const { holder, events } = holderOf('a', slow);
    holder.show(groupOf(1, 'a'), new Map());
    await settled();
    holder.loseAll(new MillraceError('UNKNOWN_MEMBER_ID', 'taken for dead'));
    answer.resolve();
    await settled();
    expect([events, holder.held]).toEqual([['let go g1'], []]);
  });
});
