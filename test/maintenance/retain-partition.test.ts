import { describe, expect, it } from 'vitest';
import { EntryCheck } from '../../lib/log/entry-check.ts';
import { usageBetween } from '../../lib/log/meter.ts';
import { planChunk } from '../../lib/log/roll-plan.ts';
import { verifyPartition } from '../../lib/log/verify-partition.ts';
import { needsRetention, retainPartition } from '../../lib/maintenance/retain-partition.ts';
import type { RetentionPolicy } from '../../lib/maintenance/retention-policy.ts';
import { ALL_FAULTS, seededFaults } from '../log/faulty-store.ts';
import { batchOf, type LogStage, type LogStageOptions, large, logStage, START_MS } from '../log/log-stage.ts';

const MINUTE_MS = 60_000;
const AGE: RetentionPolicy = { maxAgeMs: BigInt(MINUTE_MS), minBytes: null };
const NO_LIMIT: RetentionPolicy = { maxAgeMs: null, minBytes: null };

/** Chunks of two entries at minutes 0, 1, 2, … of which every second one has an object; one more entry in the tail. */
async function filled(chunkCount: number, options: LogStageOptions = {}) {
  const stage = await logStage(options);
  for (let number = 0; number < chunkCount; number++) {
    const batch = (name: string) => batchOf([`${name}${number}`], [START_MS + number * MINUTE_MS]);
    await stage.fill([batch('a')]);
    await stage.fill([batchOf([large(`b${number}`)], [START_MS + number * MINUTE_MS])], 0, 0);
    await stage.roll();
  }
  await stage.fill([batchOf(['tail'], [START_MS + chunkCount * MINUTE_MS])]);
  return stage;
}

const retain = (stage: LogStage, policy: RetentionPolicy, minutes = 0) =>
  retainPartition(depsOf(stage), { partition: stage.partition(), policy, nowMs: START_MS + minutes * MINUTE_MS + 1 });
const needs = async (stage: LogStage, policy: RetentionPolicy, minutes = 0) =>
  needsRetention(
    depsOf(stage),
    { partition: stage.partition(), policy, nowMs: START_MS + minutes * MINUTE_MS + 1 },
    await stage.head(),
  );
const depsOf = ({ store, clock, random }: LogStage) => ({ store, clock, random });
const basesOf = async (stage: LogStage) => (await stage.chunks()).map(({ base }) => base);

/** Everything that is left is sound, to the last byte. */
async function expectSound({ base: store, clock, random, partition }: LogStage) {
  const check = new EntryCheck({ store, clock, random }, { domain: 'shared', deep: true });
  expect((await verifyPartition({ store, clock, random }, partition(), check)).damages).toEqual([]);
}

describe('retention of a partition', () => {
  it('drops what is older and deletes its chunks; what is left is as it was', async () => {
    const stage = await filled(5);
    expect(await retain(stage, AGE, 3)).toEqual({ recordsDropped: 6n, chunksRemoved: 3 });
    expect(await stage.head()).toMatchObject({ start: 6n, next: 11n });
    expect(await basesOf(stage)).toEqual([6n, 8n]);
    expect(await stage.values()).toEqual(
      ['6:a3', '7:b3', '8:a4', '9:b4', '10:tail'].map((value) => expect.stringContaining(value)),
    );
    await expectSound(stage);
    expect(await retain(stage, AGE, 3)).toEqual({ recordsDropped: 0n, chunksRemoved: 0 });
  });

  it('drops a thousand chunks at a time, however many have expired, until it is told to stop', async () => {
    let pages = 0;
    let pagesBefore = 0;
    const stage = await logStage({
      onCall({ operation }) {
        if (operation === 'chunks.query') pages += 1;
        if (operation === 'heads.advanceStart' && pagesBefore === 0) pagesBefore = pages;
      },
    });
    for (let number = 0; number < 1_250; number++) {
      await stage.fill([batchOf(['x'], [START_MS])]);
      await stage.roll();
    }
    const requests = { partition: stage.partition(), policy: AGE, nowMs: START_MS + 2 * MINUTE_MS };
    let looks = 0;
    const isOver = () => {
      looks += 1;
      return looks > 3;
    };
    pages = 0;
    const first = await retainPartition(depsOf(stage), { ...requests, isOver });
    expect(first).toEqual({ recordsDropped: 400n, chunksRemoved: 400 });
    // Ten pages are looked through, and what goes is read once more.
    expect(pagesBefore).toBe(11);
    const rest = await retainPartition(depsOf(stage), requests);
    expect(rest).toEqual({ recordsDropped: 850n, chunksRemoved: 850 });
    await stage.fill([batchOf(['tail'], [START_MS])]);
    expect(await retain(stage, AGE, 2)).toEqual({ recordsDropped: 1n, chunksRemoved: 1 });
    expect(await stage.values()).toEqual([]);
  });

  it('drops all of more than a thousand chunks in one run', async () => {
    const stage = await logStage();
    for (let number = 0; number < 1_050; number++) {
      await stage.fill([batchOf(['x'], [START_MS])]);
      await stage.roll();
    }
    expect(await retain(stage, AGE, 2)).toEqual({ recordsDropped: 1_050n, chunksRemoved: 1_050 });
  });

  it('leaves everything without a limit, however old it is', async () => {
    const stage = await filled(2);
    expect(await needs(stage, NO_LIMIT, 1e6)).toBe(false);
    expect(await retain(stage, NO_LIMIT, 1e6)).toEqual({ recordsDropped: 0n, chunksRemoved: 0 });
    expect(await basesOf(stage)).toEqual([0n, 2n]);
  });

  it('goes by the entry, not by the chunk', async () => {
    const stage = await logStage();
    await stage.fill([0, 1, 2, 3].map((minute) => batchOf([`v${minute}`], [START_MS + minute * MINUTE_MS])));
    await stage.roll();
    expect(await retain(stage, AGE, 2)).toEqual({ recordsDropped: 2n, chunksRemoved: 0 });
    expect(await stage.values()).toEqual(['2:v2', '3:v3']);
    await expectSound(stage);
  });

  it('empties a partition whose last record is too old, its tail too', async () => {
    const stage = await filled(2);
    expect(await retain(stage, AGE, 60)).toEqual({ recordsDropped: 5n, chunksRemoved: 3 });
    expect(await stage.head()).toMatchObject({ start: 5n, next: 5n, tailBase: 5n, tail: [] });
    expect(await basesOf(stage)).toEqual([]);
    await expectSound(stage);
    await stage.fill([batchOf(['after'])]);
    expect(await stage.values()).toEqual(['5:after']);
  });

  it('keeps all behind a record from the future, until its time is over', async () => {
    const stage = await logStage();
    await stage.fill([batchOf(['old']), batchOf(['future'], [START_MS + 600 * MINUTE_MS]), batchOf(['old too'])]);
    await stage.roll();
    await retain(stage, AGE, 300);
    expect(await stage.values()).toEqual(['1:future', '2:old too']);
    await retain(stage, AGE, 601);
    expect(await stage.values()).toEqual([]);
  });

  it('goes by the time of the append where records have none', async () => {
    const stage = await logStage();
    await stage.fill([batchOf(['no time'], [-1])]);
    await stage.roll();
    await retain(stage, AGE, 0.5);
    expect(await stage.values()).toEqual(['0:no time']);
    await retain(stage, AGE, 2);
    expect(await stage.values()).toEqual([]);
  });

  it('keeps so many bytes, and drops what is before them', async () => {
    const stage = await filled(5);
    const bytesOf = async () => {
      const head = await stage.head();
      return head.appendedBytes;
    };
    const pair = Number((await bytesOf()) - 0n) / 5;
    expect(await needs(stage, { maxAgeMs: null, minBytes: await bytesOf() })).toBe(false);
    await retain(stage, { maxAgeMs: null, minBytes: BigInt(Math.floor(pair * 1.5)) });
    // Two pairs hold it, one does not; of the older pair the larger half is enough.
    expect(await stage.values()).toEqual(
      ['7:b3', '8:a4', '9:b4', '10:tail'].map((value) => expect.stringContaining(value)),
    );
    await expectSound(stage);
    await retain(stage, { maxAgeMs: null, minBytes: 0n });
    expect(await stage.values()).toEqual([]);
    expect(await basesOf(stage)).toEqual([]);
  });

  it('deletes what a trim has left below the start', async () => {
    const stage = await filled(4);
    await stage.base.heads.advanceStart(stage.partition(), { start: 5n, floor: (await stage.chunks())[1]!.maxId });
    expect(await needs(stage, NO_LIMIT)).toBe(true);
    expect(await retain(stage, NO_LIMIT)).toEqual({ recordsDropped: 0n, chunksRemoved: 2 });
    expect(await basesOf(stage)).toEqual([4n, 6n]);
    expect(await needs(stage, NO_LIMIT)).toBe(false);
    await expectSound(stage);
  });

  it('rolls what a trim has left in the tail, raises the floor over it, and deletes it', async () => {
    const stage = await filled(1);
    const { floor } = await stage.head();
    await stage.base.heads.advanceStart(stage.partition(), { start: 3n, floor });
    expect(await needs(stage, NO_LIMIT)).toBe(true);
    await retain(stage, NO_LIMIT);
    expect(await basesOf(stage)).toEqual([]);
    const head = await stage.head();
    expect(head).toMatchObject({ start: 3n, tailBase: 3n, tail: [] });
    expect(head.floor > floor).toBe(true);
  });

  it('goes on beside level-1 chunks, by the times of what they were made of', async () => {
    const stage = await filled(3);
    for (const chunk of await stage.chunks()) await stage.compact(chunk);
    await retain(stage, AGE, 2);
    expect(await basesOf(stage)).toEqual([4n]);
    expect(await stage.values()).toEqual(['4:a2', '5:b2', '6:tail'].map((value) => expect.stringContaining(value)));
  });

  it('does nothing where there is no partition, and little where nothing was written', async () => {
    const stage = await logStage({ partitions: 1 });
    const before = stage.meter.usage;
    expect(await needs(stage, AGE)).toBe(false);
    expect(usageBetween(before, stage.meter.usage)).toMatchObject({ readRequests: 1, writeRequests: 0 });
    await stage.base.heads.remove(stage.partition());
    expect(await retain(stage, AGE)).toEqual({ recordsDropped: 0n, chunksRemoved: 0 });
  });

  it('costs a read, a query and an update for what goes, and a deletion for each chunk', async () => {
    const stage = await filled(350);
    const before = stage.meter.usage;
    await retain(stage, AGE, 340);
    const usage = usageBetween(before, stage.meter.usage);
    expect(usage).toMatchObject({ readRequests: 1 + 4 + 5, writeRequests: 340 + 4, gets: 0, lists: 0 });
    const idle = stage.meter.usage;
    expect(await needs(stage, AGE, 340)).toBe(false);
    // The head was read by the test itself.
    expect(usageBetween(idle, stage.meter.usage)).toMatchObject({ readRequests: 1 + 1, writeRequests: 0 });
  });

  it('stops between two pages when it is told to, and goes on the next time', async () => {
    const stage = await filled(250);
    const request = { partition: stage.partition(), policy: AGE, nowMs: START_MS + 240 * MINUTE_MS + 1 };
    const first = await retainPartition(depsOf(stage), { ...request, isOver: () => true });
    expect(first).toEqual({ recordsDropped: 200n, chunksRemoved: 100 });
    expect(await retainPartition(depsOf(stage), request)).toEqual({ recordsDropped: 280n, chunksRemoved: 140 });
  });

  it('says which partition cannot be read, and leaves it as it is', async () => {
    const stage = await filled(3);
    const [first] = await stage.chunks();
    const broken = { ...first!, entries: [new Uint8Array([9])] };
    stage.base.chunks.query = (
      (query) =>
      async (...args: Parameters<typeof query>) => {
        const found = await query(...args);
        return found.map((chunk) => (chunk.base === 0n ? broken : chunk));
      }
    )(stage.base.chunks.query.bind(stage.base.chunks));
    const { clock, random } = stage;
    const request = { partition: stage.partition(), policy: AGE, nowMs: START_MS + 90 * MINUTE_MS };
    const asked = retainPartition({ store: stage.base, clock, random }, request);
    await expect(asked).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
    expect(await stage.head()).toMatchObject({ start: 0n });
    expect(await basesOf(stage)).toEqual([0n, 2n, 4n]);
  });

  it('touches nothing behind a chunk that is missing', async () => {
    const stage = await filled(4);
    const [, second] = await stage.chunks();
    await stage.base.chunks.remove(stage.partition(), second!.base, {
      endAtMost: second!.end,
      maxIdAtMost: second!.maxId,
    });
    await retain(stage, AGE, 60);
    expect(await stage.head()).toMatchObject({ start: 2n, next: 9n });
    expect(await basesOf(stage)).toEqual([4n, 6n]);
  });

  // A roller that had read the head before anybody rolled puts its chunk after retention has deleted the one that was there: keys may come back, offsets may not.
  it('ignores and deletes chunks that a late roller brings back', async () => {
    const stage = await logStage();
    const times = [0, 1, 2, 3].map((minute) => batchOf([`v${minute}`], [START_MS + minute * MINUTE_MS]));
    await stage.fill(times.slice(0, 3));
    const late = planChunk(await stage.head())!;
    expect(late).toMatchObject({ base: 0n, end: 3n });
    const head = await stage.head();
    await stage.base.chunks.put(stage.partition(), planChunk({ ...head, tail: head.tail.slice(0, 1) })!);
    await stage.roll();
    await stage.roll();
    await stage.fill(times.slice(3));
    await retain(stage, AGE, 1);
    expect(await basesOf(stage)).toEqual([1n]);
    expect((await stage.base.chunks.put(stage.partition(), late)).outcome).toBe('done');
    // It reaches into the living: readers, verify and retention take the others.
    expect(await stage.values()).toEqual(['1:v1', '2:v2', '3:v3']);
    await expectSound(stage);
    expect(await needs(stage, AGE, 1)).toBe(true);
    expect(await retain(stage, AGE, 1)).toEqual({ recordsDropped: 0n, chunksRemoved: 0 });
    expect(await stage.values()).toEqual(['1:v1', '2:v2', '3:v3']);
    // Where the start has passed it, it goes with the others.
    expect(await retain(stage, AGE, 3)).toEqual({ recordsDropped: 2n, chunksRemoved: 2 });
    expect(await basesOf(stage)).toEqual([]);
    expect(await stage.values()).toEqual(['3:v3']);
    expect((await stage.base.chunks.put(stage.partition(), late)).outcome).toBe('done');
    await expectSound(stage);
    expect(await needs(stage, AGE, 3)).toBe(true);
    expect(await retain(stage, AGE, 3)).toEqual({ recordsDropped: 0n, chunksRemoved: 1 });
    expect(await stage.values()).toEqual(['3:v3']);
    await expectSound(stage);
  });

  it('comes to the same however its requests fare', { timeout: 60_000 }, async () => {
    for (let seed = 0; seed < 60; seed++) {
      const plan = seededFaults({ seed, probability: 0.3, faults: ALL_FAULTS, atMost: 30 });
      const stage = await filled(4, { plan });
      await retain(stage, AGE, 2);
      expect(await stage.head(), `seed ${seed}`).toMatchObject({ start: 4n, next: 9n });
      expect(await basesOf(stage)).toEqual([4n, 6n]);
      await stage.faulty.releaseAll();
      expect(await basesOf(stage)).toEqual([4n, 6n]);
      await expectSound(stage);
    }
  });

  it('leaves what the next time finishes, wherever it is killed', async () => {
    for (let killAt = 1; ; killAt++) {
      let calls = 0;
      const stage = await filled(4, {
        onCall: () => {
          calls += 1;
          if (calls === killAt) throw new Error('killed');
        },
      });
      const killed = await retain(stage, AGE, 60).catch((error: Error) => error.message);
      if (killed !== 'killed') {
        expect(killAt).toBeGreaterThan(10);
        return;
      }
      await expectSound(stage);
      calls = Number.NEGATIVE_INFINITY;
      await retain(stage, AGE, 60);
      expect(await basesOf(stage)).toEqual([]);
      expect(await stage.head()).toMatchObject({ start: 9n });
      await expectSound(stage);
    }
  });
});
