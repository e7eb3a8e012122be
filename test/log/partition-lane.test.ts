/** Lanes as their appender drives them: the order of one producer, whatever happens to a part of it. */
import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import type { CommitArgs } from '../../lib/log/head-transitions.ts';
import { type Fault, scriptedFaults } from './faulty-store.ts';
import { batchOf, commitOf, idAt, type LogStage, large, logStage, START_MS } from './log-stage.ts';

const commits = (stage: LogStage) =>
  stage.faulty.calls
    .filter(({ operation }) => operation === 'heads.commit')
    .map((call) => call.arguments[1] as CommitArgs);
const count = (stage: LogStage, operation: string) =>
  stage.faulty.calls.filter((call) => call.operation === operation).length;
const always = (fault: Fault) => Array.from({ length: 200 }, () => fault);

/** The code that each append ends with, or the offset. */
async function outcomes(appends: readonly Promise<{ baseOffset: bigint }>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(appends);
  return settled.map((each) => (each.status === 'fulfilled' ? each.value.baseOffset : each.reason.code));
}

describe('a lane', () => {
  it('commits in the order of the appends although later uploads end earlier', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'objects.put': ['unavailable', 'unavailable'] }) });
    const appender = stage.appender({ segmentBytes: 1 });
    const target = stage.target(0, { inlineMaxBytes: 0 });
    const appends = ['a', 'b', 'c'].map((value) => appender.append({ target, batches: batchOf([value]) }));
    await expect(outcomes(appends)).resolves.toEqual([0n, 1n, 2n]);
    await expect(stage.values()).resolves.toEqual(['0:a', '1:b', '2:c']);
  });

  it('puts what waits into one commit, of a bounded number of entries', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.read': ['unavailable'] }) });
    const appender = stage.appender({ segmentBytes: 1 });
    const appends = Array.from({ length: 20 }, (_, index) =>
      appender.append({ target: stage.target(), batches: batchOf([`${index}`]) }),
    );
    await Promise.all(appends);
    const sizes = commits(stage).map(({ entries }) => entries.length);
    expect(sizes.reduce((a, b) => a + b)).toBe(20);
    expect(sizes.length).toBeLessThan(20);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8);
  });

  it('reads next before the first commit, and again only when what it knows has grown old', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const append = () => appender.append({ target: stage.target(), batches: batchOf(['x']) });
    for (let number = 0; number < 5; number++) await append();
    expect(count(stage, 'heads.read')).toBe(1);
    stage.clock.pass(5_001);
    await append();
    expect(count(stage, 'heads.read')).toBe(2);
  });

  it('uploads again, above the floor, what the floor has passed, and keeps the order', async () => {
    const stage = await logStage({
      async onCall({ operation }) {
        if (operation === 'heads.commit' && commits(stage).length === 1) {
          await stage.base.heads.raiseFloor(stage.partition(), idAt(5_000));
        }
      },
    });
    const appender = stage.appender({ segmentBytes: 1 });
    const large2 = large('b');
    const values = ['a', large2, 'c'];
    const appends = values.map((value) => appender.append({ target: stage.target(), batches: batchOf([value]) }));
    await expect(outcomes(appends)).resolves.toEqual([0n, 1n, 2n]);
    const [first, second] = commits(stage);
    expect(first!.minId < idAt(5_000)).toBe(true);
    expect(second!.minId > idAt(5_000)).toBe(true);
    // The members that waited were not above the floor either: no commit was wasted on them.
    expect(commits(stage).filter(({ minId }) => minId <= idAt(5_000))).toHaveLength(1);
    expect((await stage.values()).map((value) => value.slice(0, 3))).toEqual(['0:a', '1:b', '2:c']);
  });

  it('fails all that is queued, flushed or not, behind what is not committed', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': always('late') }) });
    const appender = stage.appender({ segmentBytes: 1, deliveryTimeoutMs: 500, maxPutsInFlight: 1 });
    const target = stage.target(0, { inlineMaxBytes: 0 });
    const appends = ['a', 'b', 'c', 'd'].map((value) => appender.append({ target, batches: batchOf([value]) }));
    await expect(outcomes(appends)).resolves.toEqual(Array(4).fill('NOT_COMMITTED'));
    await stage.faulty.releaseAll();
    await expect(stage.values()).resolves.toEqual([]);
    await appender.close();
  });

  it('fails what is behind an unknown one too, as not committed', async () => {
    const stage = await logStage({
      partitions: 2,
      plan: scriptedFaults({ 'heads.commit': ['late'], 'heads.raiseFloor': always('dropped') }),
    });
    const appender = stage.appender({ segmentBytes: 1, deliveryTimeoutMs: 1 });
    const unknown = appender.append({ target: stage.target(), batches: batchOf(['a']) });
    // Rides alone, so it is not in the group of the unknown one.
    const behind = appender.append({ target: stage.target(), batches: batchOf(['b']), expectedOffset: 1n });
    const other = appender.append({ target: stage.target(1), batches: batchOf(['other']) });
    await expect(outcomes([unknown, behind, other])).resolves.toEqual(['COMMIT_UNKNOWN', 'NOT_COMMITTED', 0n]);
  });

  it('commits nothing behind an unknown one before that one is fenced', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['late'], 'heads.raiseFloor': [...always('dropped').slice(0, 12)] }),
    });
    const appender = stage.appender({ deliveryTimeoutMs: 1 });
    const append = (value: string) => appender.append({ target: stage.target(), batches: batchOf([value]) });
    await expect(outcomes([append('a')])).resolves.toEqual(['COMMIT_UNKNOWN']);
    const before = stage.faulty.calls.length;
    // However long it takes: the fence comes first.
    while ((await outcomes([append('b')]))[0] !== 0n) expect(stage.faulty.calls.length).toBeLessThan(before + 30);
    const after = stage.faulty.calls.slice(before).map(({ operation }) => operation);
    expect(after.indexOf('heads.raiseFloor')).toBe(0);
    expect(after.lastIndexOf('heads.raiseFloor')).toBeLessThan(after.indexOf('heads.commit'));
    await stage.faulty.releaseAll();
    await expect(stage.values()).resolves.toEqual(['0:b']);
  });

  it('goes on with what is appended after a failure', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['dropped'] }) });
    const appender = stage.appender({ deliveryTimeoutMs: 1 });
    const first = appender.append({ target: stage.target(), batches: batchOf(['a']) });
    await expect(first).rejects.toMatchObject({ code: 'NOT_COMMITTED', retriable: true });
    await expect(appender.append({ target: stage.target(), batches: batchOf(['a']) })).resolves.toEqual({
      baseOffset: 0n,
    });
  });

  it('tells that a topic is gone, also while it is appended to', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await appender.append({ target: stage.target(), batches: batchOf(['a']) });
    await stage.base.heads.remove(stage.partition());
    const gone = appender.append({ target: stage.target(), batches: batchOf(['b']) });
    await expect(gone).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
    await expect(appender.append({ target: stage.target(5), batches: batchOf(['b']) })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });

  it('rolls behind the commit that fills the tail, and acknowledges before that', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const value = 'x'.repeat(10);
    for (let number = 0; number < limits.tailEntries + 4; number++) {
      const target = stage.target(0, { inlineMaxBytes: 0 });
      await appender.append({ target, batches: batchOf([value]) });
    }
    await appender.close();
    const [chunk] = await stage.chunks();
    expect(chunk).toMatchObject({ base: 0n, count: limits.tailEntries });
    expect((await stage.head()).tail).toHaveLength(4);
  });

  it('survives rolls that fail: the next at twice the budget does them', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'chunks.put': ['unavailable'], 'heads.trimTail': ['dropped'] }),
    });
    const appender = stage.appender();
    for (let number = 0; number < 3 * limits.tailEntries; number++) {
      await appender.append({ target: stage.target(0, { inlineMaxBytes: 0 }), batches: batchOf([`${number}`]) });
    }
    await appender.close();
    expect((await stage.head()).tail.length).toBeLessThan(2 * limits.tailEntries);
    await expect(stage.values()).resolves.toHaveLength(3 * limits.tailEntries);
  });
});

describe('an expected offset', () => {
  const append = (stage: LogStage, appender: ReturnType<LogStage['appender']>, value: string, expectedOffset: bigint) =>
    appender.append({ target: stage.target(), batches: batchOf([value]), expectedOffset });

  it('is kept by appends one after another, without a read between', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const appends = [0n, 1n, 2n].map((offset) => append(stage, appender, `${offset}`, offset));
    await expect(outcomes(appends)).resolves.toEqual([0n, 1n, 2n]);
    expect(count(stage, 'heads.read')).toBe(1);
  });

  it('is a mismatch at once, with nothing sent, when it is not the end', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    for (const wrong of [1n, 7n]) {
      await expect(append(stage, appender, 'a', wrong)).rejects.toMatchObject({
        code: 'OFFSET_MISMATCH',
        value: { expectedOffset: wrong, highWatermark: 0n },
      });
    }
    expect(commits(stage)).toEqual([]);
  });

  it('is compared with a fresh next, not with what the lane knew', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await append(stage, appender, 'a', 0n);
    await stage.base.heads.commit(stage.partition(), commitOf([1], { known: 1n, minId: idAt(1) }));
    await expect(append(stage, appender, 'b', 2n)).resolves.toEqual({ baseOffset: 2n });
  });

  it('is a mismatch when another writer comes between the read and the commit', async () => {
    const stage = await logStage({
      async onCall({ operation }) {
        const isFirst = operation === 'heads.commit' && commits(stage).length === 1;
        if (isFirst) await stage.base.heads.commit(stage.partition(), commitOf([1], { known: 0n }));
      },
    });
    await expect(append(stage, stage.appender(), 'a', 0n)).rejects.toMatchObject({
      code: 'OFFSET_MISMATCH',
      value: { highWatermark: 1n },
    });
  });

  /**
   * A strict part whose upload ended in the same turn as the commit before it was compared with what the lane knew from that commit, and a writer that was right was told
   * that it was not.
   */
  it('is compared with a fresh next in whatever turn its upload ends', async () => {
    for (let turns = 0; turns < 24; turns++) {
      const stage = await logStage();
      const commit = Promise.withResolvers<void>();
      const put = Promise.withResolvers<void>();
      let commitCount = 0;
      const appender = stage.appender({
        store: {
          ...stage.store,
          objects: {
            ...stage.base.objects,
            put: (key, bytes) => put.promise.then(() => stage.base.objects.put(key, bytes)),
          },
          heads: {
            ...stage.base.heads,
            async commit(partition, args) {
              const answer = await stage.base.heads.commit(partition, args);
              if (++commitCount === 1) await commit.promise;
              return answer;
            },
          },
        },
        segmentBytes: 1,
      });
      const first = appender.append({ target: stage.target(), batches: batchOf(['a']) });
      const second = appender.append({ target: stage.target(), batches: batchOf([large('b')]), expectedOffset: 2n });
      await new Promise(setImmediate);
      await stage.base.heads.commit(stage.partition(), commitOf([1], { known: 1n, minId: idAt(1) }));
      commit.resolve();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      put.resolve();
      await expect(outcomes([first, second]), `${turns} turns`).resolves.toEqual([0n, 2n]);
    }
  });

  it('takes what is behind it along', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const strict = append(stage, appender, 'a', 5n);
    const plain = appender.append({ target: stage.target(), batches: batchOf(['b']) });
    await expect(outcomes([strict, plain])).resolves.toEqual(['OFFSET_MISMATCH', 'NOT_COMMITTED']);
  });

  it('is met by an append whose answer was lost', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['lost', 'lost'] }) });
    await expect(append(stage, stage.appender(), 'a', 0n)).resolves.toEqual({ baseOffset: 0n });
  });
});

describe('a clock that is far ahead', () => {
  it('puts nothing into the log that would push the floor into the future', async () => {
    const stage = await logStage();
    stage.clock.wallMs = START_MS + 10 * limits.clockAheadMs;
    const appender = stage.appender({ deliveryTimeoutMs: 5_000 });
    stage.store.serverClock.observe(START_MS);
    await appender.append({ target: stage.target(), batches: batchOf([large('a')]) }).catch(() => {});
    for (const { minId } of commits(stage)) expect(minId < idAt(2 * limits.clockAheadMs)).toBe(true);
  });
});
