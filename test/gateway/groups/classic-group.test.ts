import { describe, expect, it } from 'vitest';
import { loadClassicGroup } from '../../../lib/gateway/groups/classic-group.ts';
import { nextDeadlineMs, tick } from '../../../lib/gateway/groups/classic-rebalance.ts';
import { ClassicDriver, REBALANCE_MS, SESSION_MS } from './classic-driver.ts';

const { assigned } = ClassicDriver;

describe('joining a classic group', () => {
  it('gives a client an id first, and forgets it when the client does not come back within its session', () => {
    const driver = new ClassicDriver();
    expect(driver.join({ mustKnowMemberId: true }).answer).toMatchObject({
      error: 'MEMBER_ID_REQUIRED',
      memberId: 'm1',
    });
    expect(driver.join({ memberId: 'm1' }).answer).toMatchObject({ error: 'NONE', generation: 1, leader: 'm1' });
    driver.join({ mustKnowMemberId: true });
    driver.heartbeat({ memberId: 'm1' });
    driver.wait(SESSION_MS / 2);
    driver.heartbeat({ memberId: 'm1' });
    driver.wait(SESSION_MS / 2 + 1);
    expect(driver.join({ memberId: 'm3' }).answer).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
  });

  it('waits for others as long as some come, up to the rebalance time-out', () => {
    const driver = new ClassicDriver({ initialRebalanceDelayMs: 3_000 });
    const first = driver.join();
    driver.wait(2_000);
    const second = driver.join();
    driver.wait(2_999);
    expect(first.answer).toBeNull();
    driver.wait(1_001);
    expect([first.answer, second.answer]).toMatchObject([{ generation: 1 }, { generation: 1 }]);
    const endless = new ClassicDriver({ initialRebalanceDelayMs: 3_000 });
    const waiting = endless.join({ rebalanceMs: 7_000 });
    for (let second_ = 0; second_ < 7; second_++) {
      endless.join({ rebalanceMs: 7_000 });
      endless.wait(999);
    }
    expect(waiting.answer).toBeNull();
    endless.wait(10);
    expect(waiting.answer).toMatchObject({ error: 'NONE' });
  });

  it('tells the leader alone what everybody says under the protocol that all have', () => {
    const driver = new ClassicDriver({ initialRebalanceDelayMs: 1_000 });
    const first = driver.join({ protocols: { sticky: 's1', range: 'r1' } });
    const second = driver.join({ protocols: { range: 'r2' } });
    driver.wait(3_000);
    expect(first.answer).toMatchObject({
      protocol: 'range',
      protocolType: 'consumer',
      leader: 'm1',
      members: [
        { memberId: 'm1', metadata: Uint8Array.from(Buffer.from('r1')) },
        { memberId: 'm2', metadata: Uint8Array.from(Buffer.from('r2')) },
      ],
    });
    expect(second.answer).toMatchObject({ leader: 'm1', members: [] });
  });

  it('takes the protocol that most prefer', () => {
    const driver = new ClassicDriver({ initialRebalanceDelayMs: 1_000 });
    driver.join({ protocols: { range: '', sticky: '' } });
    driver.join({ protocols: { sticky: '', range: '' } });
    driver.join({ protocols: { sticky: '', range: '' } });
    driver.wait(3_000);
    expect(driver.group.protocol).toBe('sticky');
  });

  it.each([
    ['another protocol type', { protocolType: 'connect' }],
    ['no protocol in common', { protocols: { sticky: '' } }],
    ['no protocol at all', { protocols: {} }],
    ['no protocol type', { protocolType: '' }],
  ])('refuses a client with %s', (_, changes) => {
    const driver = ClassicDriver.stable(1);
    expect(driver.join(changes).answer).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' });
    expect(driver.group.phase).toBe('stable');
  });

  it('refuses a client when the group is full, those that were given an id included', () => {
    const driver = new ClassicDriver({ maxSize: 2 });
    driver.join();
    driver.join({ mustKnowMemberId: true });
    expect(driver.join({ mustKnowMemberId: true }).answer).toMatchObject({ error: 'GROUP_MAX_SIZE_REACHED' });
  });

  it('refuses a member that it does not know', () => {
    expect(new ClassicDriver().join({ memberId: 'x' }).answer).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
    expect(ClassicDriver.stable(1).join({ memberId: 'x' }).answer).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
  });

  it('forgets a new client that went away while it waited to get in', () => {
    const driver = ClassicDriver.stable(1, () => ({ rebalanceMs: 1_000_000 }));
    const gone = driver.join();
    for (let beat = 0; beat < 300_000 / 5_000; beat++) {
      expect(gone.answer).toBeNull();
      driver.heartbeat({ memberId: 'm1' });
      driver.wait(5_000);
    }
    expect(driver.memberIds).toEqual(['m1']);
  });
});

describe('a rebalance', () => {
  it('begins when somebody comes, and takes out who has not joined within the rebalance time-out', () => {
    const driver = ClassicDriver.stable(2);
    const third = driver.join();
    expect(driver.heartbeat({ memberId: 'm1' })).toBe('REBALANCE_IN_PROGRESS');
    const first = driver.join({ memberId: 'm1' });
    for (let beat = 0; beat < REBALANCE_MS / 5_000; beat++) {
      expect(first.answer).toBeNull();
      driver.heartbeat({ memberId: 'm2' });
      driver.wait(5_000);
    }
    expect(driver.memberIds).toEqual(['m1', 'm3']);
    expect([first.answer, third.answer]).toMatchObject([{ generation: 2, leader: 'm1' }, { leader: 'm1' }]);
  });

  it('gives the assignment to all only when it is stored', () => {
    const driver = new ClassicDriver({ initialRebalanceDelayMs: 1_000 });
    driver.join();
    driver.join();
    driver.wait(2_000);
    const second = driver.sync({ memberId: 'm2' });
    const first = driver.sync({ memberId: 'm1' }, { m1: 'one', m2: 'two' });
    expect([first.answer, second.answer]).toEqual([null, null]);
    expect(driver.heartbeat({ memberId: 'm1' })).toBe('NONE');
    expect(driver.group.unstored!.stored).toMatchObject({ generation: 1, leader: 'm1', protocol: 'range' });
    driver.stored();
    expect([assigned(first), assigned(second)]).toEqual(['one', 'two']);
    expect(assigned(driver.sync({ memberId: 'm2' }))).toBe('two');
  });

  it('that begins while the assignment is being stored sends everybody back to join', () => {
    const driver = ClassicDriver.stable(2);
    const joins = ['m1', 'm2'].map((memberId) => driver.join({ memberId, protocols: { range: 'new' } }));
    expect(joins.map(({ answer }) => answer?.generation)).toEqual([2, 2]);
    const sync = driver.sync({ memberId: 'm1' }, { m1: 'one' });
    driver.join();
    expect(assigned(sync)).toBe('REBALANCE_IN_PROGRESS');
    driver.stored();
    expect(driver.group.phase).toBe('preparing');
  });

  it('takes out who does not ask for its assignment', () => {
    const driver = new ClassicDriver({ initialRebalanceDelayMs: 1_000 });
    driver.join();
    driver.join();
    driver.wait(2_000);
    driver.sync({ memberId: 'm1' }, { m1: 'one' });
    driver.stored();
    for (let beat = 0; beat < 13; beat++) {
      driver.heartbeat({ memberId: 'm1' });
      driver.heartbeat({ memberId: 'm2' });
      driver.wait(5_000);
    }
    expect(driver.memberIds).toEqual(['m1']);
  });

  it('is begun by a leader that joins again, and by a member that says something new, not by one that says the same', () => {
    const same = ClassicDriver.stable(2);
    expect(same.join({ memberId: 'm2' }).answer).toMatchObject({ error: 'NONE', generation: 1, members: [] });
    const news = ClassicDriver.stable(2);
    expect(news.join({ memberId: 'm2', protocols: { range: 'more' } }).answer).toBeNull();
    const leader = ClassicDriver.stable(2);
    expect(leader.join({ memberId: 'm1' }).answer).toBeNull();
    expect([news.group.phase, leader.group.phase]).toEqual(['preparing', 'preparing']);
  });

  it('answers a join that is repeated while the leader is waited for with what was answered before', () => {
    const driver = new ClassicDriver();
    const first = driver.join();
    expect(driver.join({ memberId: 'm1' }).answer).toEqual(first.answer);
  });

  it('ends with an empty group, which is stored, when the last member is silent', () => {
    const driver = ClassicDriver.stable(1);
    driver.wait(SESSION_MS - 1);
    expect(driver.group.phase).toBe('stable');
    driver.wait(1);
    expect(driver.group).toMatchObject({ phase: 'empty', generation: 2, leader: null });
    expect(driver.group.unstored!.stored.members).toEqual([]);
    expect(nextDeadlineMs(driver.group)).toBe(Number.POSITIVE_INFINITY);
  });

  it('does not take those for dead who wait for an answer', () => {
    const driver = ClassicDriver.stable(2);
    const first = driver.join({ memberId: 'm1' });
    for (let beat = 0; beat < 11; beat++) {
      driver.heartbeat({ memberId: 'm2' });
      driver.wait(5_000);
    }
    expect(first.answer).toBeNull();
    expect(driver.memberIds).toEqual(['m1', 'm2']);
  });
});

describe('requests of members', () => {
  it.each([
    ['an unknown member', { memberId: 'x' }, 'UNKNOWN_MEMBER_ID'],
    ['an old generation', { memberId: 'm1', generation: 0 }, 'ILLEGAL_GENERATION'],
    ['a later generation', { memberId: 'm1', generation: 2 }, 'ILLEGAL_GENERATION'],
    ['an instance that is not there', { memberId: 'm1', instanceId: 'x' }, 'UNKNOWN_MEMBER_ID'],
  ])('are refused from %s', (_, sender, error) => {
    const driver = ClassicDriver.stable(1);
    expect(driver.heartbeat(sender)).toBe(error);
    expect(driver.commit(sender)).toBe(error);
    expect(assigned(driver.sync(sender))).toBe(error);
  });

  // The gateway was ended between a generation and its assignment: whoever heard of the generation was told that it is none, and gave up what it had.
  it('go on with what they have when a generation was begun that was never stored', () => {
    const driver = ClassicDriver.inherited(ClassicDriver.stable(2));
    const later = { memberId: 'm1', generation: 2 };
    expect(driver.heartbeat(later)).toBe('REBALANCE_IN_PROGRESS');
    expect(driver.commit(later)).toBe('REBALANCE_IN_PROGRESS');
    expect(assigned(driver.sync(later))).toBe('REBALANCE_IN_PROGRESS');
    expect(driver.heartbeat({ ...later, memberId: 'x' })).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.heartbeat({ memberId: 'm1', generation: 0 })).toBe('ILLEGAL_GENERATION');
    expect(driver.heartbeat({ memberId: 'm2' })).toBe('NONE');
    // Once a generation has begun here there is none that this gateway does not know.
    driver.join({ memberId: 'm1', protocols: { range: 'other' } });
    driver.join({ memberId: 'm2' });
    expect(driver.group.generation).toBe(2);
    expect(driver.heartbeat({ memberId: 'm1', generation: 3 })).toBe('ILLEGAL_GENERATION');
  });

  it('are signs of life also under a generation that was never stored', () => {
    const driver = ClassicDriver.inherited(ClassicDriver.stable(2));
    driver.wait(SESSION_MS - 1);
    driver.heartbeat({ memberId: 'm1', generation: 2 });
    driver.wait(1);
    expect(driver.memberIds).toEqual(['m1']);
  });

  it('may commit while others are waited for, but not once they know of the next generation', () => {
    const driver = ClassicDriver.stable(1);
    expect(driver.commit({ memberId: 'm1' })).toBeNull();
    driver.join();
    expect(driver.commit({ memberId: 'm1' })).toBeNull();
    driver.join({ memberId: 'm1' });
    expect(driver.commit({ memberId: 'm1' })).toBe('REBALANCE_IN_PROGRESS');
  });

  it('commit without being a member only while there are none', () => {
    const none = { memberId: '', generation: -1 };
    expect(new ClassicDriver().commit(none)).toBeNull();
    expect(ClassicDriver.stable(1).commit(none)).toBe('UNKNOWN_MEMBER_ID');
  });

  it('leave by member id, by instance id, and before they have joined', () => {
    const driver = ClassicDriver.stable(2, (place) => ({ instanceId: place === 0 ? null : 'i' }));
    expect(driver.leave('x')).toBe('UNKNOWN_MEMBER_ID');
    expect(driver.leave('m1', 'i')).toBe('FENCED_INSTANCE_ID');
    expect(driver.leave('', 'i')).toBe('NONE');
    expect(driver.memberIds).toEqual(['m1']);
    const { answer } = driver.join({ mustKnowMemberId: true });
    expect(driver.leave(answer!.memberId)).toBe('NONE');
    expect(driver.leave('m1')).toBe('NONE');
    expect(driver.group.phase).toBe('empty');
  });
});

describe('static members', () => {
  const withStatic = () => ClassicDriver.stable(2, (place) => ({ instanceId: `i${place}` }));

  it('that allow a rebalance no time are waited for, and not without a pause', () => {
    const driver = ClassicDriver.stable(2, (place) => ({ instanceId: place === 0 ? 'i0' : null, sessionMs: 100_000 }));
    for (const member of driver.group.members.values()) member.rebalanceMs = 0;
    driver.leave('m2');
    const beganMs = driver.nowMs;
    for (let look = 0; look < 30; look++) {
      driver.nowMs = Math.max(driver.nowMs, nextDeadlineMs(driver.group));
      tick(driver.group, driver.nowMs);
    }
    expect(driver.nowMs - beganMs).toBeGreaterThan(25_000);
    expect(driver.memberIds).toEqual(['m1']);
  });

  it('that start again get what they had, and nobody else notices', () => {
    const driver = withStatic();
    const again = driver.join({ instanceId: 'i1' });
    expect(again.answer).toBeNull();
    driver.stored();
    expect(again.answer).toMatchObject({ error: 'NONE', memberId: 'm3', generation: 1, leader: 'm1', members: [] });
    expect(assigned(driver.sync({ memberId: 'm3', instanceId: 'i1' }))).toBe('assigned 1');
    expect(driver.group.phase).toBe('stable');
  });

  it('fence their former life, also its request that waits', () => {
    const driver = withStatic();
    const former = driver.join({ memberId: 'm1', instanceId: 'i0' });
    driver.join({ instanceId: 'i0' });
    expect(former.answer).toMatchObject({ error: 'FENCED_INSTANCE_ID' });
    expect(driver.heartbeat({ memberId: 'm1', instanceId: 'i0' })).toBe('FENCED_INSTANCE_ID');
    expect(driver.commit({ memberId: 'm1', instanceId: 'i0' })).toBe('FENCED_INSTANCE_ID');
    expect(driver.join({ memberId: 'm1', instanceId: 'i0' }).answer).toMatchObject({ error: 'FENCED_INSTANCE_ID' });
  });

  it('that lead are told to leave the assignment as it is, or that their former self leads', () => {
    const able = withStatic();
    const told = able.join({ instanceId: 'i0' });
    able.stored();
    expect(told.answer).toMatchObject({ leader: 'm3', skipAssignment: true, members: [{}, {}] });
    const older = withStatic();
    const follows = older.join({ instanceId: 'i0', maySkipAssignment: false });
    older.stored();
    expect(follows.answer).toMatchObject({ memberId: 'm3', leader: 'm1', skipAssignment: false, members: [] });
  });

  it('are told when what they said could not be stored', () => {
    const driver = withStatic();
    const again = driver.join({ instanceId: 'i1' });
    driver.stored('NOT_COORDINATOR');
    expect(again.answer).toMatchObject({ error: 'NOT_COORDINATOR' });
  });

  it('are waited for over the rebalance time-out, for as long as their session lasts', () => {
    const driver = ClassicDriver.stable(2, (place) => ({ instanceId: place === 0 ? 'i0' : null, sessionMs: 100_000 }));
    const second = driver.join({ memberId: 'm2', protocols: { range: 'more' }, sessionMs: 100_000 });
    driver.wait(REBALANCE_MS);
    expect(second.answer).toMatchObject({
      generation: 2,
      leader: 'm2',
      members: [{ memberId: 'm1' }, { memberId: 'm2' }],
    });
    driver.sync({ memberId: 'm2' }, { m1: 'one', m2: 'two' });
    driver.stored();
    driver.heartbeat({ memberId: 'm2' });
    driver.wait(50_000);
    expect(driver.memberIds).toEqual(['m2']);
  });

  it('alone, that have all stopped, keep the group waiting until their sessions are over', () => {
    const driver = ClassicDriver.stable(2, (place) => ({ instanceId: place === 0 ? 'i0' : null, sessionMs: 200_000 }));
    driver.leave('m2');
    driver.wait(REBALANCE_MS * 2);
    expect(driver.group).toMatchObject({ phase: 'preparing', generation: 1 });
    driver.wait(REBALANCE_MS * 2);
    expect(driver.group.phase).toBe('empty');
  });
});

it('another gateway goes on with a group as it was stored, and gives every member its session', () => {
  const driver = ClassicDriver.stable(2, (place) => ({ instanceId: place === 0 ? 'i0' : null }));
  driver.join({ instanceId: 'i0' });
  const { stored } = driver.group.unstored!;
  const there = new ClassicDriver();
  there.nowMs = 5_000_000;
  const group = loadClassicGroup(JSON.parse(JSON.stringify(stored)), driver.group.settings, there.nowMs);
  Object.assign(there.group, group);
  Object.assign(there, { group });
  expect(there.heartbeat({ memberId: 'm2' })).toBe('NONE');
  expect(assigned(there.sync({ memberId: 'm3', instanceId: 'i0' }))).toBe('assigned 0');
  expect(there.heartbeat({ memberId: 'm1', instanceId: 'i0' })).toBe('FENCED_INSTANCE_ID');
  there.wait(SESSION_MS - 1);
  expect(there.memberIds).toEqual(['m3', 'm2']);
  there.heartbeat({ memberId: 'm2' });
  there.wait(1);
  expect(there.group.phase).toBe('preparing');
});
