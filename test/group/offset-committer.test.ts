import { describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { OffsetCommitter } from '../../lib/group/offset-committer.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { type Fault, faultyStore, scriptedFaults } from '../log/faulty-store.ts';

const partition = { topicId: '00000000-0000-4000-8000-000000000001', partition: 0 };
const owned = { topic: 't', partition, generation: 3, committed: null };

async function stage(faults: readonly (Fault | null)[] = []) {
  const memory = memoryStore({ clock });
  const claim = { topic: 't', generation: 3, owner: 'a', committed: null, atMs: 0 };
  await memory.offsets.claim('g', partition, claim);
  const faulty = faultyStore(memory, { clock, plan: scriptedFaults({ 'offsets.commit': faults }) });
  const committer = new OffsetCommitter({ store: faulty.store, clock, random }, 'g');
  const commits = () =>
    faulty.calls.filter(({ operation }) => operation === 'offsets.commit').map((call) => call.arguments[2]);
  const stored = async () => (await memory.offsets.readMany('g', [partition]))[0]!;
  return { committer, commits, stored, faulty, memory };
}

describe('offset commits of one claim', () => {
  it('are numbered, and one is in the air at a time: of those that wait only the newest is sent', async () => {
    const { committer, commits, stored } = await stage();
    const outcomes = await Promise.all([1n, 2n, 3n, 4n].map((offset) => committer.commit(owned, offset)));
    expect(outcomes).toEqual(Array(4).fill({ outcome: 'done' }));
    expect(commits()).toMatchObject([
      { sequence: 1, offset: 1n },
      { sequence: 2, offset: 4n },
    ]);
    expect(await committer.commit(owned, 2n, 'back')).toEqual({ outcome: 'done' });
    expect(await stored()).toMatchObject({ committed: 2n, sequence: 3, metadata: 'back' });
  });

  it.each(['lost', 'dropped', 'throttled'] as const)(
    'that are %s are repeated as they were, and take effect once',
    async (fault) => {
      const { committer, commits, stored } = await stage([fault]);
      expect(await committer.commit(owned, 7n)).toEqual({ outcome: 'done' });
      expect(commits()).toMatchObject([
        { sequence: 1, offset: 7n },
        { sequence: 1, offset: 7n },
      ]);
      expect(await stored()).toMatchObject({ committed: 7n, sequence: 1 });
    },
  );

  it('that come late undo nothing', async () => {
    const { committer, stored, faulty } = await stage(['late']);
    expect(await committer.commit(owned, 7n)).toEqual({ outcome: 'done' });
    expect(await committer.commit(owned, 9n)).toEqual({ outcome: 'done' });
    await faulty.releaseAll();
    expect(await stored()).toMatchObject({ committed: 9n, sequence: 2 });
  });

  it('are fenced once another has claimed the partition, or the group was deleted', async () => {
    const { committer, memory } = await stage();
    const claim = { topic: 't', generation: 4, owner: 'b', committed: null, atMs: 0 };
    const { item } = await memory.offsets.claim('g', partition, claim);
    expect(await committer.commit(owned, 7n)).toEqual({ outcome: 'fenced', current: item });
    await memory.offsets.remove('g', partition);
    expect(await committer.commit(owned, 8n)).toEqual({ outcome: 'fenced', current: null });
  });

  it('tell everybody who waits when the store refuses for good', async () => {
    const memory = memoryStore({ clock });
    const committer = new OffsetCommitter({ store: memory, clock, random }, 'g');
    await memory.close();
    const outcomes = await Promise.allSettled([1n, 2n, 3n].map((offset) => committer.commit(owned, offset)));
    expect(outcomes).toMatchObject(Array(3).fill({ status: 'rejected', reason: { code: 'CLOSED' } }));
  });
});
