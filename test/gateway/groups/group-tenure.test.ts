import { describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../../lib/clock.ts';
import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import { UnansweredError } from '../../../lib/errors.ts';
import { takeGroup } from '../../../lib/gateway/groups/group-tenure.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { during } from '../../client/consumer-stage.ts';
import { VirtualClock } from '../../client/virtual-clock.ts';

const partition = { topicId: '00000000-0000-4000-8000-000000000000', partition: 0 };
const at = { topic: 'orders', partition };

async function open() {
  const clock = new VirtualClock({ jumps: false });
  const base = memoryStore({ clock });
  const store: DelayStore = { ...base, offsets: { ...base.offsets }, groups: { ...base.groups } };
  const take = (mayMake = true) =>
    during(clock, takeGroup({ store, clock, random }, 'g', { gateway: 'here', kind: null, mayMake }));
  const read = async () => (await base.offsets.readMany('g', [partition]))[0]!;
  return { clock, base, store, take, read, tenure: (await take())! };
}

const changes = { topics: [], members: [], assignment: new Map(), assignor: null, state: { some: 'state' } };

describe('a tenure', () => {
  it('makes a group, writes it, and loses it to the next', async () => {
    const { clock, base, take, tenure } = await open();
    expect(await base.groups.get('g')).toMatchObject({ kind: 'classic', generation: 1, coordination: { state: null } });
    expect(await during(clock, tenure.write(changes))).toBe(true);
    const next = (await take(false))!;
    expect(next.group).toMatchObject({ generation: 3, coordination: { gateway: 'here', state: { some: 'state' } } });
    expect(await during(clock, tenure.write(changes))).toBe(false);
    expect([tenure.isLost, next.isLost]).toEqual([true, false]);
  });

  it('knows its own write, whose answer was lost, from that of another', async () => {
    const { clock, base, store, tenure } = await open();
    const { update } = base.groups;
    let lost = 0;
    store.groups.update = async (group) => {
      const answer = await update(group);
      lost += 1;
      if (lost === 1) throw new UnansweredError('lost');
      return answer;
    };
    expect(await during(clock, tenure.write(changes))).toBe(true);
    // The next answer is lost too, and what stands then was written by somebody who took the group.
    lost = 0;
    store.groups.update = async (group) => {
      lost += 1;
      if (lost > 1) return update(group);
      const current = (await base.groups.get('g'))!;
      await update({ ...current, coordination: { ...current.coordination!, tenure: 'other' } });
      throw new UnansweredError('lost');
    };
    expect(await during(clock, tenure.write(changes))).toBe(false);
  });

  it('claims a partition before its first commit, once for several at once', async () => {
    const { clock, base, tenure, read } = await open();
    const commits = [1n, 2n, 3n].map((offset) => tenure.commit(at, offset, `${offset}`));
    expect(await during(clock, Promise.all(commits))).toEqual([true, true, true]);
    expect(await read()).toMatchObject({ generation: 1, committed: 3n, metadata: '3', owner: 'here' });
    await base.offsets.claim('g', partition, { topic: 'orders', generation: 9, owner: 'x', committed: null, atMs: 0 });
    expect(await during(clock, tenure.commit(at, 4n, ''))).toBe(false);
    expect(tenure.isLost).toBe(true);
  });

  it('rises above what a group of this name has left', async () => {
    const { clock, base, tenure, read } = await open();
    await base.offsets.claim('g', partition, { topic: 'orders', generation: 70, owner: 'x', committed: null, atMs: 0 });
    expect(await during(clock, tenure.commit(at, 4n, ''))).toBe(true);
    expect(await read()).toMatchObject({ generation: 71, committed: 4n });
    expect(tenure.group.generation).toBe(71);
  });

  it('waits for a commit that is under way before a partition is given to somebody else', async () => {
    const { clock, base, store, tenure, read } = await open();
    await during(clock, tenure.commit(at, 1n, ''));
    const { commit } = base.offsets;
    store.offsets.commit = async (...args) => {
      await clock.sleep(500);
      return commit(...args);
    };
    const slow = tenure.commit(at, 2n, '');
    await clock.advance(10);
    expect(await during(clock, tenure.claim([at]))).toBe(true);
    expect(await read()).toMatchObject({ committed: 2n });
    expect(await slow).toBe(true);
  });

  it('fences a commit whose fate is unknown before a partition is given to somebody else', async () => {
    const { clock, base, store, tenure, read } = await open();
    await during(clock, tenure.commit(at, 1n, ''));
    const { commit } = base.offsets;
    let late: Parameters<typeof commit> | null = null;
    store.offsets.commit = async (...args) => {
      late = args;
      throw new UnansweredError('no answer');
    };
    const before = (await read()).generation;
    await expect(during(clock, tenure.commit(at, 9n, ''))).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' });
    expect(await during(clock, tenure.settle([at]))).toBe(true);
    expect((await commit(...late!)).outcome).toBe('refused');
    expect((await read()).generation).toBeGreaterThan(before);
    expect(await read()).toMatchObject({ committed: 1n });
    store.offsets.commit = commit;
    expect(await during(clock, tenure.commit(at, 2n, ''))).toBe(true);
    expect(await read()).toMatchObject({ committed: 2n });
  });
});
