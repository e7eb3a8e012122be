import { describe, expect, it } from 'vitest';
import { RELEASE_JOB } from '../../lib/deployed/due-release.ts';
import { MillraceError } from '../../lib/errors.ts';
import { parsePullEvent } from '../../lib/event-source/pull-pointer.ts';
import { deployedLog } from './deployed-log.ts';
import { bellRecord, headRecord, minuteRecord, streamRecord } from './stream-records.ts';

async function subscribedLog(modes: Readonly<Record<string, 'push' | 'pull'>> = { pushed: 'push', pulled: 'pull' }) {
  const log = deployedLog();
  const { topicId } = await log.millrace.topics.createTopic({ name: 'orders' });
  log.state.streamIsOff = true;
  for (const [name, mode] of Object.entries(modes)) {
    await log.subscriptions.create({ name, topic: 'orders', target: `target-of-${name}`, options: { mode } });
  }
  const partition = { topicId, partition: 0 };
  const commit = async () => {
    await log.millrace.producer().send({ topic: 'orders', value: 'v' });
    return headRecord(partition, (await log.memory.heads.readMany([partition], { consistent: true }))[0]!);
  };
  return { ...log, partition, commit };
}
const missing = new MillraceError('STORE_MISSING', 'there is no such function');

describe('the router', () => {
  it('has the pump called for what is pushed, and the function itself for what it pulls', async () => {
    const { router, commit, calls } = await subscribedLog();
    const report = await router.handle({ Records: [await commit()] });
    expect(report).toEqual({ rings: 1, woken: 2, booked: 0 });
    expect(calls.map(({ target }) => target).toSorted()).toEqual(['pump', 'target-of-pulled']);
    const requests = calls.map(({ payload }) => parsePullEvent(JSON.parse(payload))!);
    expect(requests.map(({ subscription }) => subscription.group).toSorted()).toEqual(['pulled', 'pushed']);
    expect(requests[0]!.head?.next).toBe(1n);
  });

  it('wakes one for a hundred commits of a partition', async () => {
    const { router, commit, calls } = await subscribedLog({ pushed: 'push' });
    const records = [];
    for (let n = 0; n < 100; n++) records.push(await commit());
    expect(await router.handle({ Records: records })).toMatchObject({ rings: 100, woken: 1 });
    expect(calls).toHaveLength(1);
  });

  it('does not let a function that is gone hold up the others, and says so', async () => {
    const { router, commit, calls, news, state } = await subscribedLog();
    state.refuse = (target) => (target === 'target-of-pulled' ? missing : undefined);
    await router.handle({ Records: [await commit()] });
    expect(calls.map(({ target }) => target)).toEqual(['pump']);
    expect(news).toMatchObject([{ kind: 'throttled', group: 'pulled', error: 'there is no such function' }]);
  });

  it('fails when the pump could not be called, so that the stream tells it again', async () => {
    const { router, commit, state, calls } = await subscribedLog();
    state.refuse = (target) => (target === 'pump' ? new MillraceError('THROTTLED', 'too many') : undefined);
    await expect(router.handle({ Records: [await commit()] })).rejects.toMatchObject({ code: 'THROTTLED' });
    // All the others were woken.
    expect(calls.map(({ target }) => target)).toEqual(['target-of-pulled']);
  });

  it('wakes whom it can although something cannot be booked or read, and is told of it again', async () => {
    const { router, commit, state, calls, partition, clock, errors } = await subscribedLog({ pushed: 'push' });
    const far = bellRecord({ group: 'pushed', partition, stamp: 's', atMs: clock.nowMs() + 3_600_000 });
    const damaged = streamRecord({ pk: 'BELLS', sk: 'x#0#g' }, {});
    state.refuse = (target) => (target === 'scheduler' ? new MillraceError('ACCESS_DENIED', 'no') : undefined);
    const records = [far, damaged, await commit()];
    await expect(router.handle({ Records: records })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(calls.map(({ target }) => target)).toEqual(['pump']);
    expect(errors).toMatchObject([{ code: 'CORRUPT_OBJECT' }]);
  });

  it('sees to a bell at once, or when its time has come', async () => {
    const { router, commit, calls, partition, clock, booked } = await subscribedLog({ pushed: 'push' });
    await commit();
    const bell = { group: 'pushed', partition, stamp: 's' };
    await router.handle({ Records: [bellRecord({ ...bell, atMs: 0 })] });
    await router.handle({ Records: [bellRecord({ ...bell, atMs: clock.nowMs() })] });
    expect(calls.map(({ target }) => target)).toEqual(['pump', 'pump']);
    await router.handle({ Records: [bellRecord({ ...bell, atMs: clock.nowMs() + 1_000 })] });
    expect(calls.at(-1)).toMatchObject({ target: 'releaser' });
    await router.handle({ Records: [bellRecord({ ...bell, atMs: clock.nowMs() + 3_600_000 })] });
    expect(booked.size).toBe(1);
    expect(calls).toHaveLength(3);
  });

  it('calls the releaser for a minute that is near, unless somebody has the job', async () => {
    const { router, calls, partition, clock, store } = await subscribedLog({});
    const minute = { partition, minuteMs: clock.nowMs(), stamp: 's' };
    await router.handle({ Records: [minuteRecord(minute), minuteRecord({ ...minute, stamp: 't' })] });
    expect(calls.map(({ target }) => target)).toEqual(['releaser']);
    await clock.advance(600_000);
    const nowMs = clock.nowMs();
    const seen = (await store.jobs.read(RELEASE_JOB))?.epoch ?? 0;
    await store.jobs.take(RELEASE_JOB, { owner: 'o', seen, nowMs, expiresAtMs: nowMs + 30_000 });
    await router.handle({ Records: [minuteRecord(minute)] });
    expect(calls).toHaveLength(1);
    await clock.advance(30_001);
    await router.handle({ Records: [minuteRecord(minute)] });
    expect(calls).toHaveLength(2);
  });

  it('finds by its sweep what nobody was told of, what waits, and due minutes, and tells lags', async () => {
    const { router, commit, calls, memory, partition, clock, booked, lags } = await subscribedLog({ pushed: 'push' });
    await commit();
    const farMs = clock.nowMs() + 7_200_000;
    await memory.dueMinutes.ring({ partition, minuteMs: farMs, stamp: 's' });
    expect(await router.handle({ sweep: true })).toEqual({ rings: 1, woken: 1, booked: 1 });
    expect(calls.map(({ target }) => target)).toEqual(['pump']);
    expect([...booked.keys()]).toEqual([`due-${farMs}`]);
    expect(lags).toMatchObject([['pushed', { records: 1n }]]);
    // Somebody has the lease: he is looked after when it has run out.
    const group = 'pushed';
    const nowMs = clock.nowMs();
    const [lease] = await memory.leases.readMany([{ group, partition }]);
    const seen = lease?.generation ?? 0;
    await memory.leases.take(group, partition, {
      topic: 'orders',
      owner: 'o',
      seen,
      nowMs,
      expiresAtMs: nowMs + 5_000,
    });
    await router.handle({ sweep: true });
    expect(calls.at(-1)).toMatchObject({ target: 'releaser' });
  });
});
