import { describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { Appender } from '../../lib/log/appender.ts';
import { listOffset } from '../../lib/log/list-offsets.ts';
import { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { VirtualClock } from '../client/virtual-clock.ts';
import { type FaultPlan, faultyStore, fractions, scriptedFaults } from './faulty-store.ts';

const NAME = 'orders';

async function openTopic() {
  const store = memoryStore({ clock });
  const admin = new TopicAdmin({ store, clock, random });
  const { topicId, domain } = await admin.createTopic({ name: NAME });
  return { store, admin, target: { partition: { topicId, partition: 0 }, domain } };
}

type Stage = Awaited<ReturnType<typeof openTopic>>;

/** Appends each list of timestamps as one batch, one commit each, and returns all of them. */
async function fill({ store, target }: Stage, batches: readonly (readonly bigint[])[]): Promise<readonly bigint[]> {
  const appender = new Appender({ store, clock, random });
  for (const timestamps of batches) {
    const records = timestamps.map((timestampMs) => ({ key: null, value: null, headers: [], timestampMs }));
    await appender.append({ target: { ...target, inlineMaxBytes: 1024 }, batches: encodeBatch(records) });
  }
  await appender.close();
  return batches.flat();
}

function listIn(store: DelayStore, plan: FaultPlan) {
  const jumping = new VirtualClock({ jumps: true });
  return { store: faultyStore(store, { clock: jumping, plan }).store, clock: jumping, random };
}

describe('offsets by time', () => {
  it('are those of a search through all records, whatever was trimmed', async () => {
    // A trim can cut an entry in two. When the record with the largest timestamp was in the part that went, the partition was said to have no record at all.
    for (let seed = 1; seed <= 20; seed++) {
      const fraction = fractions(seed);
      const upTo = (limit: number) => Math.floor(fraction() * limit);
      const stage = await openTopic();
      const batches = Array.from({ length: 1 + upTo(80) }, () =>
        Array.from({ length: 1 + upTo(4) }, () => BigInt(upTo(1000))),
      );
      const timestamps = await fill(stage, batches);
      for (let look = 0; look < 8; look++) {
        const start = look * upTo(timestamps.length / 8);
        await stage.admin.trimPartition(NAME, 0, BigInt(start));
        const { logStartOffset } = await stage.admin.trimPartition(NAME, 0, 0n);
        const kept = timestamps.slice(Number(logStartOffset));
        const place = (index: number) =>
          index < 0 ? null : { offset: logStartOffset + BigInt(index), timestampMs: kept[index] };
        const timestampMs = BigInt(upTo(1100));
        const byTime = await listOffset({ store: stage.store, clock, random }, stage.target, { timestampMs });
        expect(byTime, `seed ${seed}`).toEqual(place(kept.findIndex((at) => at >= timestampMs)));
        const greatest = kept.reduce((most, at) => (at > most ? at : most), -1n);
        const latest = await listOffset({ store: stage.store, clock, random }, stage.target, { at: 'max-timestamp' });
        expect(latest, `seed ${seed}`).toEqual(place(kept.indexOf(greatest)));
      }
    }
  });
});

describe('a store that is busy', () => {
  it('is asked again', async () => {
    // One throttled read, which every other request survives, ended an assignment or a seek to the end or to a time.
    const stage = await openTopic();
    const timestamps = await fill(
      stage,
      Array.from({ length: 60 }, (_, n) => [BigInt(n)]),
    );
    const plan = scriptedFaults({
      'heads.read': ['throttled', null, 'dropped', 'unavailable'],
      'chunks.query': ['throttled', null, 'lost'],
    });
    const deps = listIn(stage.store, plan);
    expect(await listOffset(deps, stage.target, { at: 'latest' })).toMatchObject({ offset: BigInt(timestamps.length) });
    expect(await listOffset(deps, stage.target, { timestampMs: 7n })).toMatchObject({ offset: 7n });
    expect(plan.unused()).toEqual([]);
  });
});
