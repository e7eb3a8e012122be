import { describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { MillraceError } from '../../lib/errors.ts';
import type { ObservedGroup } from '../../lib/group/groups.ts';
import { Membership } from '../../lib/group/membership.ts';
import { checkMembershipOptions } from '../../lib/group/membership-options.ts';
import { openStage, TOPIC } from '../client/client-stage.ts';
import { during } from '../client/consumer-stage.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

async function stage() {
  const clock = new VirtualClock({ jumps: false });
  const { store } = await openStage({ clock, partitionCount: 2 });
  const join = async (name: string, over: DelayStore = store) => {
    const events: string[] = [];
    const options = { group: 'g', clientId: name, sessionTimeoutMs: 10_000, heartbeatIntervalMs: 1_000 };
    const membership = new Membership({ store: over, clock, random }, checkMembershipOptions(options), {
      revoke: async (partitions) => void events.push(`revoke ${partitions.length}`),
      assign: async (partitions) => void events.push(`assign ${partitions.length}`),
      lose: (partitions, { code }) => void events.push(`lose ${partitions.length} ${code}`),
      fail: ({ code }) => void events.push(`fail ${code}`),
    });
    await during(clock, membership.start([TOPIC]));
    return { membership, events };
  };
  const members = async () => (await store.groups.get('g'))!.members.map(({ clientId }) => clientId);
  return { clock, store, join, members };
}

describe('a member', () => {
  it('does not take another for dead by an old look', async () => {
    const { clock, store, join, members } = await stage();
    let frozen: ObservedGroup | null = null;
    const { observe } = store.groups;
    const stale: DelayStore = {
      ...store,
      groups: {
        ...store.groups,
        observe: async (name, options) => {
          const seen = await observe.call(store.groups, name, options);
          if (options.consistent) return seen;
          // Eventually consistent, and a very long eventually: but of the one who looks.
          if (frozen === null && seen.group?.members.length === 2) frozen = seen;
          return frozen ?? seen;
        },
      },
    };
    await join('b');
    await join('a', stale);
    await clock.advance(60_000);
    expect(frozen).not.toBeNull();
    expect(await members()).toEqual(['b', 'a']);
  });

  it('does not take another out when it has waited long for the answer that showed it silent', async () => {
    const { clock, store, join, members } = await stage();
    const never = new Promise<never>(() => {});
    let isCut = false;
    const cut: DelayStore = {
      ...store,
      heartbeats: { ...store.heartbeats, beat: (...args) => (isCut ? never : store.heartbeats.beat(...args)) },
    };
    let looks = 0;
    const slow: DelayStore = {
      ...store,
      groups: {
        ...store.groups,
        observe: async (name, options) => {
          const seen = await store.groups.observe(name, options);
          if (isCut && options.consistent) looks += 1;
          if (isCut && options.consistent && looks === 1) await clock.sleep(40_000);
          return seen;
        },
      },
    };
    const { membership } = await join('b', cut);
    await join('a', slow);
    await clock.advance(5_000);
    isCut = true;
    await clock.advance(12_000);
    expect(looks).toBe(1);
    // It is heard again while the other waits.
    for (let beat = 0; beat < 60; beat++) {
      await store.heartbeats.beat('g', membership.memberId!, { count: 1_000 + beat, generation: 2, atMs: 0 });
      await clock.advance(1_000);
    }
    expect(await members()).toContain('b');
  });

  // The simulation found a consumer that came back while it was given up: two loops beat for it from then on, and it could not be closed.
  it('runs once, although it starts again while its former run waits for an answer', async () => {
    const { clock, store, join, members } = await stage();
    let isSlow = false;
    let beats = 0;
    const slow: DelayStore = {
      ...store,
      heartbeats: {
        ...store.heartbeats,
        beat: async (...args) => {
          beats += 1;
          if (isSlow) await clock.sleep(3_000);
          return store.heartbeats.beat(...args);
        },
      },
    };
    const { membership } = await join('a', slow);
    await clock.advance(2_000);
    isSlow = true;
    await clock.advance(1_500);
    const given = membership.abandon(new MillraceError('UNKNOWN_MEMBER_ID', 'it hangs'));
    const started = membership.start([TOPIC]);
    await clock.advance(100);
    isSlow = false;
    await during(clock, Promise.all([given, started]));
    await clock.advance(5_000);
    beats = 0;
    await clock.advance(10_000);
    expect(beats).toBeLessThan(12);
    await during(clock, membership.stop({ leave: true }));
    expect(await members()).toEqual([]);
    beats = 0;
    await clock.advance(10_000);
    expect(beats).toBe(0);
  });

  it('writes its heartbeat again when somebody has swept it away', async () => {
    const { clock, store, join, members } = await stage();
    const { membership, events } = await join('a');
    await join('b');
    await clock.advance(3_000);
    await store.heartbeats.remove('g', membership.memberId!);
    await clock.advance(30_000);
    expect(await members()).toEqual(['a', 'b']);
    expect(events).toEqual(['assign 2', 'revoke 1']);
  });

  it('begins a new life under a new id when it was taken out, in the place that it had', async () => {
    const { clock, store, join } = await stage();
    const { membership, events } = await join('a');
    const before = membership.memberId;
    const group = (await store.groups.get('g'))!;
    await store.groups.update({ ...group, members: [], assignment: new Map(), generation: 5 });
    await clock.advance(5_000);
    expect(events).toEqual(['assign 2', 'lose 2 UNKNOWN_MEMBER_ID', 'assign 2']);
    expect(membership.memberId).not.toBe(before);
  });

  it('asks for one write and one read a beat when nothing happens', async () => {
    const { clock, store, join } = await stage();
    const calls: string[] = [];
    const counted = <P extends object>(name: string, port: P): P =>
      new Proxy(port, {
        get: (target, method) => {
          const value: unknown = Reflect.get(target, method);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]) => {
            calls.push(`${name}.${String(method)}`);
            return Reflect.apply(value, target, args);
          };
        },
      });
    const over: DelayStore = {
      ...store,
      groups: counted('groups', store.groups),
      heartbeats: counted('heartbeats', store.heartbeats),
      offsets: counted('offsets', store.offsets),
    };
    await join('a', over);
    await clock.advance(5_000);
    calls.length = 0;
    await clock.advance(20_000);
    const beats = calls.filter((call) => call === 'heartbeats.beat').length;
    expect(beats).toBeGreaterThanOrEqual(19);
    expect(beats).toBeLessThanOrEqual(23);
    expect(calls.filter((call) => call === 'groups.observe').length).toBe(beats);
    expect(new Set(calls)).toEqual(new Set(['heartbeats.beat', 'groups.observe']));
  });
});
