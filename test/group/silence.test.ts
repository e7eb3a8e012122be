import { describe, expect, it } from 'vitest';
import { emptyGroup, type GroupMember } from '../../lib/group/group.ts';
import { Silence } from '../../lib/group/silence.ts';

const member = (id: string): GroupMember => ({
  id,
  instanceId: null,
  clientId: 'x',
  topics: ['t'],
  pattern: null,
  assignors: ['range'],
  sessionMs: 1_000,
});
const group = { ...emptyGroup('g', 'id'), members: [member('a'), member('b')] };
const seen = (counts: Readonly<Record<string, number>>) => ({
  group,
  heartbeats: Object.entries(counts).map(([memberId, count]) => ({ memberId, count, generation: 1, atMs: 0 })),
});

describe('silence', () => {
  it('is counted from when an unchanged heartbeat was first seen, for others only', () => {
    const silence = new Silence(5_000);
    silence.note(seen({ a: 1, b: 7 }), 10_000);
    expect(silence.deadMembers(seen({}), 'a', 11_000)).toEqual([]);
    silence.note(seen({ a: 1, b: 7 }), 11_001);
    expect(silence.deadMembers(seen({}), 'a', 11_001)).toEqual(['b']);
    expect(silence.deadMembers(seen({}), null, 11_001)).toEqual(['a', 'b']);
    silence.note(seen({ a: 1, b: 8 }), 11_002);
    expect(silence.deadMembers(seen({}), 'a', 11_900)).toEqual([]);
  });

  it('of a member without a heartbeat is counted too', () => {
    const silence = new Silence(5_000);
    silence.note(seen({ a: 1 }), 0);
    silence.note(seen({ a: 2 }), 1_001);
    expect(silence.deadMembers(seen({}), 'a', 1_001)).toEqual(['b']);
  });

  it('does not count while the observer was blind: after an outage nobody is dead yet', () => {
    const silence = new Silence(5_000);
    silence.note(seen({ a: 1, b: 1 }), 0);
    silence.note(seen({ a: 1, b: 1 }), 900);
    silence.note(seen({ a: 1, b: 1 }), 60_900);
    expect(silence.deadMembers(seen({}), 'a', 60_900)).toEqual([]);
    silence.note(seen({ a: 1, b: 1 }), 61_050);
    expect(silence.deadMembers(seen({}), 'a', 61_050)).toEqual(['b']);
  });

  it('of heartbeats of nobody in the group sweeps them away after a minute', () => {
    const silence = new Silence(50_000);
    silence.note(seen({ a: 1, stray: 1 }), 0);
    silence.note(seen({ a: 2, stray: 1 }), 40_000);
    expect(silence.strayHeartbeats(seen({ a: 2, stray: 1 }), 60_000)).toEqual([]);
    expect(silence.strayHeartbeats(seen({ a: 2, stray: 1 }), 60_001)).toEqual(['stray']);
  });
});
