import { describe, expect, it } from 'vitest';
import { MillraceError, UnansweredError } from '../../lib/errors.ts';
import { type CommitDeadlines, commitGroup } from '../../lib/log/commit-group.ts';
import type { CommitArgs } from '../../lib/log/head-transitions.ts';
import { type Operation, scriptedFaults } from './faulty-store.ts';
import { commitOf, idAt, type LogStage, type LogStageOptions, logStage } from './log-stage.ts';

/** Another writer's entries, one commit each. */
async function othersCommit(stage: LogStage, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) await stage.base.heads.commit(stage.partition(), commitOf([number], { known: 1_000n }));
}

/** Runs `action` just before the `count`th request of a kind. */
function rightBefore(
  operation: Operation,
  count: number,
  action: () => Promise<unknown>,
): NonNullable<LogStageOptions['onCall']> {
  let seen = 0;
  return async (call) => {
    if (call.operation === operation && ++seen === count) await action();
  };
}

function run(stage: LogStage, args: CommitArgs, deadlines: Partial<CommitDeadlines> = {}) {
  const { store, clock, random } = stage;
  return commitGroup({ store, clock, random }, stage.partition(), args, {
    deliverByMs: 30_000,
    settleByMs: 60_000,
    ...deadlines,
  });
}

const requests = (stage: LogStage) => stage.faulty.calls.map(({ operation }) => operation);
/** What was sent with each commit attempt. */
const attempts = (stage: LogStage) =>
  stage.faulty.calls
    .filter(({ operation }) => operation === 'heads.commit')
    .map((call) => call.arguments[1] as CommitArgs);

describe('a commit', () => {
  it('takes one request and tells where its first record stands', async () => {
    const stage = await logStage();
    await othersCommit(stage, [1, 2]);
    const result = await run(stage, commitOf([5, 6, 7], { known: 2n }));
    expect(result).toMatchObject({ outcome: 'committed', baseOffset: 2n, next: 5n });
    expect(result).toHaveProperty('tail.entries.length', 5);
    expect(requests(stage)).toEqual(['heads.commit']);
  });

  it('is found in the tail when the answer was lost, and stands there once', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['lost', 'lost'] }) });
    await expect(run(stage, commitOf([5, 6]))).resolves.toEqual({
      outcome: 'committed',
      baseOffset: 0n,
      next: 2n,
      tail: null,
    });
    expect((await stage.head()).next).toBe(2n);
    const [first, ...others] = attempts(stage);
    expect(others).toHaveLength(2);
    for (const other of others) expect(other).toEqual(first);
  });

  it('goes again when it was throttled, without a read', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['throttled', 'unavailable'] }) });
    await expect(run(stage, commitOf([5]))).resolves.toMatchObject({ outcome: 'committed', baseOffset: 0n });
    expect(requests(stage)).toEqual(['heads.commit', 'heads.commit', 'heads.commit']);
  });

  it('keeps `known` over unanswered attempts, so that none of them can land twice', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['late', 'dropped'] }),
      onCall: rightBefore('heads.commit', 3, () => othersCommit(stage, [1, 2])),
    });
    await expect(run(stage, commitOf([5]))).resolves.toMatchObject({ outcome: 'committed', baseOffset: 2n });
    expect(attempts(stage).map(({ known }) => known)).toEqual([0n, 0n, 0n]);
    await stage.faulty.releaseAll();
    expect((await stage.head()).next).toBe(3n);
  });

  it('is found in a chunk when the tail was rolled past it', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['lost'] }),
      onCall: rightBefore('heads.commit', 2, async () => {
        await othersCommit(stage, [10]);
        await stage.roll();
        await othersCommit(stage, [11]);
        await stage.roll();
      }),
    });
    await othersCommit(stage, [1]);
    await expect(run(stage, commitOf([5, 6], { known: 1n }))).resolves.toEqual({
      outcome: 'committed',
      baseOffset: 1n,
      next: 5n,
      tail: null,
    });
    expect(requests(stage)).toEqual(['heads.commit', 'heads.commit', 'chunks.query']);
  });

  it('goes again from the new next when it is in no chunk, and its late attempts are dead', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['late'] }),
      onCall: rightBefore('heads.commit', 2, async () => {
        await othersCommit(stage, [10]);
        await stage.roll();
      }),
    });
    await expect(run(stage, commitOf([5]))).resolves.toMatchObject({ outcome: 'committed', baseOffset: 1n });
    expect(attempts(stage).map(({ known }) => known)).toEqual([0n, 0n, 1n]);
    await stage.roll();
    await stage.faulty.releaseAll();
    expect((await stage.head()).next).toBe(2n);
  });

  it('rolls a full tail and sends the same attempt again', async () => {
    const stage = await logStage();
    await othersCommit(stage, [1, 2, 3]);
    const result = await run(stage, commitOf([5], { known: 3n, tailEntriesCap: 3 }));
    expect(result).toMatchObject({ outcome: 'committed', baseOffset: 3n });
    expect(requests(stage)).toEqual(['heads.commit', 'chunks.put', 'heads.trimTail', 'heads.commit']);
    expect(attempts(stage)[1]).toEqual(attempts(stage)[0]);
    expect(await stage.chunks()).toHaveLength(1);
  });

  it('is told to upload again when the floor has passed it', async () => {
    const stage = await logStage();
    await stage.base.heads.raiseFloor(stage.partition(), idAt(5));
    await expect(run(stage, commitOf([5, 9]))).resolves.toEqual({ outcome: 'refloored', floor: idAt(5) });
    expect(requests(stage)).toEqual(['heads.commit']);
  });

  it('is unknown when the floor has passed it and compaction has replaced where it may stand', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['dropped'] }),
      onCall: rightBefore('heads.commit', 2, () => rollAndCompact(stage)),
    });
    const result = await run(stage, commitOf([5]));
    expect(result).toMatchObject({ outcome: 'unknown', fence: null });
  });

  it('is a mismatch of its expected offset when it is certainly absent, unknown behind a gap', async () => {
    const answered = await logStage();
    await othersCommit(answered, [1]);
    await expect(run(answered, commitOf([5], { form: 'strict' }))).resolves.toEqual({ outcome: 'mismatch', next: 1n });
    const behindGap = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['dropped'] }),
      onCall: rightBefore('heads.commit', 2, () => rollAndCompact(behindGap)),
    });
    // Its id is above the floor that the compaction raised.
    await expect(run(behindGap, commitOf([50_000], { form: 'strict' }))).resolves.toMatchObject({ outcome: 'unknown' });
  });

  it('is for nobody when the topic is gone', async () => {
    const stage = await logStage();
    await stage.base.heads.remove(stage.partition());
    await expect(run(stage, commitOf([5]))).resolves.toEqual({ outcome: 'gone' });
  });

  it('keeps a gap over `again`, so that a floor later makes it unknown', async () => {
    let attempt = 0;
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['lost', null, 'dropped'] }),
      async onCall({ operation }) {
        if (operation !== 'heads.commit') return;
        attempt += 1;
        // The first attempt has landed; compaction hides it without a floor above the group's own id.
        if (attempt === 2) {
          await stage.roll();
          await replaceAll(stage);
        }
        if (attempt === 4) await stage.base.heads.raiseFloor(stage.partition(), idAt(60_000));
      },
    });
    await expect(run(stage, commitOf([50_000]))).resolves.toMatchObject({ outcome: 'unknown' });
    expect(attempt).toBeGreaterThanOrEqual(3);
  });
});

/** Puts a level-1 reference into every chunk, without the floor that compaction would raise. */
async function replaceAll(stage: LogStage): Promise<void> {
  for (const chunk of await stage.chunks()) {
    const args = { version: chunk.version, end: chunk.end, reference: chunk.entries[0]! };
    await stage.base.chunks.replace(stage.partition(), chunk.base, args);
  }
}

async function rollAndCompact(stage: LogStage): Promise<void> {
  await othersCommit(stage, [20]);
  await stage.roll();
  await stage.base.heads.raiseFloor(stage.partition(), idAt(20));
  await replaceAll(stage);
}

describe('giving up', () => {
  const soon = { deliverByMs: 1, settleByMs: 5_000 };

  it('needs no fence when nothing was left unanswered', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['throttled'] }) });
    const result = await run(stage, commitOf([5]), soon);
    expect(result).toMatchObject({ outcome: 'not-committed', error: { code: 'NOT_COMMITTED' } });
    expect(requests(stage)).toEqual(['heads.commit']);
  });

  it('fences what may still land: it is not committed, and never will be', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['late'] }) });
    await expect(run(stage, commitOf([9, 5]), soon)).resolves.toMatchObject({ outcome: 'not-committed' });
    expect(requests(stage)).toEqual(['heads.commit', 'heads.raiseFloor']);
    expect((await stage.head()).floor).toBe(idAt(5));
    await stage.faulty.releaseAll();
    expect((await stage.head()).next).toBe(0n);
  });

  it('finds behind the fence what has landed', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['lost'] }) });
    await expect(run(stage, commitOf([5, 6]), soon)).resolves.toMatchObject({ outcome: 'committed', baseOffset: 0n });
  });

  it('finds what lands between the last attempt and the fence', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['late'] }),
      onCall: rightBefore('heads.raiseFloor', 1, () => stage.faulty.releaseAll()),
    });
    await expect(run(stage, commitOf([5]), soon)).resolves.toMatchObject({ outcome: 'committed', baseOffset: 0n });
  });

  it('repeats an unanswered fence until it is answered', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['late'], 'heads.raiseFloor': ['lost', 'dropped', 'throttled'] }),
    });
    await expect(run(stage, commitOf([5]), soon)).resolves.toMatchObject({ outcome: 'not-committed' });
    expect(requests(stage).filter((operation) => operation === 'heads.raiseFloor')).toHaveLength(4);
  });

  it('is unknown, with the fence still to be raised, when no fence is answered in time', async () => {
    const faults = Array.from({ length: 100 }, () => 'dropped' as const);
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['late'], 'heads.raiseFloor': faults }) });
    await expect(run(stage, commitOf([9, 5]), soon)).resolves.toMatchObject({ outcome: 'unknown', fence: idAt(5) });
    expect(stage.clock.monotonicMs()).toBeLessThan(10_000);
  });

  it('looks in the chunks behind the fence', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['lost'], 'chunks.query': ['throttled', 'lost'] }),
      onCall: rightBefore('heads.raiseFloor', 1, () => stage.roll()),
    });
    await expect(run(stage, commitOf([5]), soon)).resolves.toMatchObject({ outcome: 'committed', baseOffset: 0n });
  });

  it('is unknown when a part of the chunks cannot be read behind the fence', async () => {
    const stage = await logStage({
      plan: scriptedFaults({ 'heads.commit': ['dropped'] }),
      onCall: rightBefore('heads.raiseFloor', 1, () => rollAndCompact(stage)),
    });
    await expect(run(stage, commitOf([50_000]), soon)).resolves.toMatchObject({ outcome: 'unknown', fence: null });
  });

  it('tells the reason of a store that refuses for good', async () => {
    const denied = new MillraceError('ACCESS_DENIED', 'no');
    const stage = await logStage({
      onCall({ operation }) {
        if (operation === 'heads.commit') throw denied;
      },
    });
    await expect(run(stage, commitOf([5]))).resolves.toEqual({ outcome: 'not-committed', error: denied });
  });

  it('may have landed when the store fails as no store should', async () => {
    const stage = await logStage();
    const { commit } = stage.store.heads;
    const heads = {
      ...stage.store.heads,
      async commit(...args: Parameters<typeof commit>): ReturnType<typeof commit> {
        await commit(...args);
        throw new TypeError('a defect behind the effect');
      },
    };
    const odd = { ...stage, store: { ...stage.store, heads } };
    await expect(run(odd, commitOf([5]))).resolves.toMatchObject({ outcome: 'committed', baseOffset: 0n });
  });

  it('is decided also when the head that refuses it is damaged', async () => {
    // An entry in the tail was cut short. Looking for the group among the entries threw, the lane of the partition never ran again, no append of it was ever settled, and
    // the unhandled rejection ended the process.
    for (const lost of [false, true]) {
      const stage = await logStage();
      const damaged = { ...(await stage.head()), tail: [new Uint8Array(5)] };
      let attempt = 0;
      const heads = {
        ...stage.store.heads,
        async commit() {
          attempt += 1;
          if (lost && attempt === 1) throw new UnansweredError('no answer');
          return { outcome: 'refused', item: damaged } as const;
        },
        raiseFloor: async () => ({ outcome: 'done', item: damaged }) as const,
      };
      const result = await run({ ...stage, store: { ...stage.store, heads } }, commitOf([5]));
      const expected = lost
        ? { outcome: 'unknown', fence: null, cause: { code: 'CORRUPT_OBJECT' } }
        : { outcome: 'not-committed', error: { code: 'CORRUPT_OBJECT' } };
      expect(result).toMatchObject(expected);
    }
  });
});
