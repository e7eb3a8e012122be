import { describe, expect, it } from 'vitest';
import type { Head } from '../../lib/log/head.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { scriptedFaults } from './faulty-store.ts';
import { commitOf, idAt, type LogStage, type LogStageOptions, logStage } from './log-stage.ts';

async function commit(stage: LogStage, from: number, to: number): Promise<Head> {
  for (let number = from; number <= to; number++) {
    await stage.base.heads.commit(stage.partition(), commitOf([number], { known: 1_000n, tailEntriesCap: 1_000 }));
  }
  return stage.head();
}

async function filled(count: number, options: LogStageOptions = {}): Promise<{ stage: LogStage; head: Head }> {
  const stage = await logStage(options);
  return { stage, head: await commit(stage, 1, count) };
}

const extents = async (stage: LogStage) => (await stage.chunks()).map(({ base, end, count }) => [base, end, count]);

describe('a roll', () => {
  it('moves the tail into a chunk: the chunk first', async () => {
    const { stage, head } = await filled(3);
    const rolled = await rollTail(stage.store, stage.partition(), head);
    expect(stage.faulty.calls.map(({ operation }) => operation)).toEqual(['chunks.put', 'heads.trimTail']);
    expect(rolled).toEqual(await stage.head());
    expect(rolled).toMatchObject({ tailBase: 3n, tail: [], tailBytes: 0, next: 3n, ring: 0, maxTimestampMs: 3n });
    expect(await extents(stage)).toEqual([[0n, 3n, 3]]);
    expect((await stage.chunks())[0]!.entries).toEqual(head.tail);
  });

  it('does nothing to an empty tail', async () => {
    const { stage, head } = await filled(0);
    await expect(rollTail(stage.store, stage.partition(), head)).resolves.toBeNull();
    expect(stage.faulty.calls).toEqual([]);
  });

  it('leaves behind in the tail what came after', async () => {
    const { stage, head } = await filled(3);
    await commit(stage, 4, 5);
    await rollTail(stage.store, stage.partition(), head);
    expect(await stage.head()).toMatchObject({ tailBase: 3n, next: 5n, tail: [expect.anything(), expect.anything()] });
  });

  it('takes a tail of more than a hundred entries in several chunks', async () => {
    const { stage, head } = await filled(150);
    const first = await rollTail(stage.store, stage.partition(), head);
    expect(first).toMatchObject({ tailBase: 100n, next: 150n });
    await rollTail(stage.store, stage.partition(), first!);
    expect(await extents(stage)).toEqual([
      [0n, 100n, 100],
      [100n, 150n, 50],
    ]);
    expect((await stage.head()).tail).toEqual([]);
  });

  it('adopts a smaller chunk that another has put', async () => {
    const { stage, head } = await filled(5);
    const early = { ...head, tail: head.tail.slice(0, 2) };
    const crashed = rollTail({ ...stage.base, heads: failing(stage) }, stage.partition(), early);
    await expect(crashed).rejects.toThrow('crash');
    expect((await stage.head()).tailBase).toBe(0n);
    await rollTail(stage.store, stage.partition(), head);
    expect(await stage.head()).toMatchObject({ tailBase: 2n, next: 5n });
    expect(await extents(stage)).toEqual([[0n, 2n, 2]]);
  });

  it('completes the roll of a larger chunk from an older tail', async () => {
    const { stage, head } = await filled(2);
    const later = await commit(stage, 3, 5);
    await expect(rollTail({ ...stage.base, heads: failing(stage) }, stage.partition(), later)).rejects.toThrow('crash');
    await rollTail(stage.store, stage.partition(), head);
    expect(await stage.head()).toMatchObject({ tailBase: 5n, tail: [] });
    expect(await extents(stage)).toEqual([[0n, 5n, 5]]);
  });

  it('completes the roll of a chunk that compaction has replaced meanwhile', async () => {
    const { stage, head } = await filled(3);
    await expect(rollTail({ ...stage.base, heads: failing(stage) }, stage.partition(), head)).rejects.toThrow('crash');
    const [chunk] = await stage.chunks();
    const reference = chunk!.entries[0]!;
    await stage.base.chunks.replace(stage.partition(), 0n, { version: 0, end: 3n, reference });
    await rollTail(stage.store, stage.partition(), head);
    expect(await stage.head()).toMatchObject({ tailBase: 3n, tail: [] });
  });

  it('is harmless when another has rolled the same tail', async () => {
    const { stage, head } = await filled(3);
    await stage.roll();
    const rolledOnce = await stage.head();
    await expect(rollTail(stage.store, stage.partition(), head)).resolves.toBeNull();
    expect(await stage.head()).toEqual(rolledOnce);
    await commit(stage, 4, 8);
    await expect(rollTail(stage.store, stage.partition(), head)).resolves.toBeNull();
    expect(await stage.head()).toMatchObject({ tailBase: 3n, next: 8n });
  });

  it('is harmless when its requests are repeated, lost or late', async () => {
    const { stage, head } = await filled(3, {
      plan: scriptedFaults({ 'chunks.put': ['late', 'repeated'], 'heads.trimTail': ['late', 'repeated-late'] }),
    });
    for (let attempt = 0; attempt < 4; attempt++) {
      await rollTail(stage.store, stage.partition(), head).catch(() => {});
    }
    await commit(stage, 4, 6);
    await stage.roll();
    await stage.faulty.releaseAll();
    expect(await extents(stage)).toEqual([
      [0n, 3n, 3],
      [3n, 6n, 3],
    ]);
    expect(await stage.head()).toMatchObject({ tailBase: 6n, tail: [], tailBytes: 0, next: 6n });
  });

  it('keeps the largest timestamp, over chunks whose own are smaller', async () => {
    const stage = await logStage();
    await commit(stage, 1, 3);
    await stage.roll();
    const old = commitOf([2], { known: 3n, minId: idAt(2) });
    await stage.base.heads.commit(stage.partition(), { ...old, entries: old.entries });
    await stage.roll();
    const [, second] = await stage.chunks();
    expect(second).toMatchObject({ maxTimestampMs: 2n, runMaxTimestampMs: 3n, runMaxTimestampOffset: 2n });
    expect(await stage.head()).toMatchObject({ maxTimestampMs: 3n, maxTimestampOffset: 2n });
  });
});

/** Heads of a process that crashes before it trims. */
function failing({ base }: LogStage) {
  return {
    ...base.heads,
    trimTail() {
      return Promise.reject(new RangeError('crash'));
    },
  };
}
