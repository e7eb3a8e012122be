/**
 * Key compaction while requests are lost, repeated and late, while its workers die at any request, and while several of them believe that they own it. After each step everything that was ever written is compared
 * with what a reader gets, and slow readers, who come to the end within the time for which tombstones stay, end up with what was there.
 */
import { describe, expect, it } from 'vitest';
import { Fetcher } from '../../../lib/log/fetcher.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { cleanJob } from '../../../lib/maintenance/clean/clean-job.ts';
import type { CleanState } from '../../../lib/maintenance/clean/clean-state.ts';
import { trustTime } from '../../../lib/maintenance/trusted-time.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import { fractions, seededFaults } from '../../log/faulty-store.ts';
import { HOUR_MS, MINUTE_MS } from '../maintenance-stage.ts';
import { AT_ONCE, cleanStage, readAs, tableOf } from './clean-stage.ts';

const SEEDS = 60;
/** On a machine that does other things too. */
const TIMEOUT_MS = 240_000;
const STEPS = 80;
const RETENTION_MS = 8 * HOUR_MS;
const FAULTS = ['lost', 'dropped', 'late', 'repeated', 'repeated-late', 'throttled', 'unavailable'] as const;

/** Thrown where a worker dies. */
class Died extends Error {
  override readonly name = 'Died';
}

type Stage = ReturnType<typeof cleanStage>;

/** Somebody who reads the log from its beginning on, one fetch at a time. */
class SlowReader {
  readonly #startedMs: number;
  readonly #table = new Map<string, string>();
  readonly #stage: Stage;
  readonly #partition: PartitionKey;
  #offset = 0n;

  constructor(stage: Stage, partition: PartitionKey) {
    this.#stage = stage;
    this.#partition = partition;
    this.#startedMs = stage.clock.nowMs();
  }

  /** Null: it goes on. True: it has ended up with what is written below its offset. */
  async readOn(written: readonly string[]): Promise<boolean | null> {
    const { base, clock, random } = this.#stage;
    if (clock.nowMs() - this.#startedMs > RETENTION_MS) return true;
    const target = { partition: this.#partition, domain: 'shared', offset: this.#offset, maxBytes: 1 };
    const [fetched] = await new Fetcher({ store: base, clock, random }).fetch([target], {
      maxBytes: 1,
      consistent: true,
    });
    if (fetched!.outcome === 'failed') throw fetched!.error;
    for (const record of fetched!.batches.flatMap((bytes) => [...decodeBatch(bytes)])) {
      if (record.offset < this.#offset) continue;
      const [key, value] = readAs(record).split(' ')[1]!.split('=');
      if (value === undefined) this.#table.delete(key!);
      else this.#table.set(key!, value);
    }
    this.#offset = fetched!.nextOffset;
    if (this.#offset < fetched!.highWatermark) return null;
    const expected = tableOf(written.slice(0, Number(this.#offset)));
    expect(Object.fromEntries(this.#table)).toEqual(expected);
    return true;
  }
}

function keysBelow(read: readonly string[], end: bigint): string[] {
  const below = read.filter((one) => BigInt(one.split(' ')[0]!) < end);
  return below.map((one) => one.split(' ')[1]!.split('=')[0]!);
}

/** One run of everything from a seed. */
async function runSeed(seed: number) {
  const fraction = fractions(seed);
  const pick = (count: number) => Math.floor(fraction() * count);
  let deathIn = Number.POSITIVE_INFINITY;
  const stage = cleanStage({
    plan: seededFaults({ seed, probability: 0.08, faults: FAULTS }),
    onCall: () => {
      deathIn -= 1;
      if (deathIn < 0) throw new Died();
    },
  });
  const config = { ...AT_ONCE, 'delete.retention.ms': String(RETENTION_MS) };
  const [partition] = await stage.topic('table', { config });
  const written: string[] = [];
  let readers: SlowReader[] = [];
  let states: (CleanState | null)[] = [null];

  const write = async () => {
    const batches = Array.from({ length: 1 + pick(3) }, () =>
      Array.from({ length: 1 + pick(3) }, () =>
        pick(4) === 0 ? `k${pick(6)}` : `k${pick(6)}=${written.length}${pick(1_000)}`,
      ),
    );
    await stage.write(partition!, batches);
    for (const one of batches.flat()) written.push(`${written.length} ${one}`);
  };
  /** One slice of the job for somebody who believes to own it, from a state that was stored some time ago. */
  const slice = async () => {
    const state = states[pick(states.length)]!;
    let looks = pick(2) === 0 ? pick(12) : Number.POSITIVE_INFINITY;
    const save = async (saved: CleanState) => void states.push(saved);
    const end = await cleanJob(stage.deps, {
      mapBytes: [60, 200, 100_000][pick(3)]!,
      readBytes: [1, 400][pick(2)]!,
      objectBytes: 400,
    }).run({
      epoch: 1,
      state,
      isAskedFor: true,
      isOver: () => --looks < 0,
      isSaveDue: () => pick(2) === 0,
      save,
    });
    states.push(end.state);
  };
  const clean = async () => {
    if (pick(2) === 0) deathIn = pick(40);
    const workers = Array.from({ length: 1 + pick(2) }, slice);
    for (const result of await Promise.allSettled(workers)) {
      if (result.status === 'fulfilled') continue;
      const { reason } = result;
      const isExpected = reason instanceof Died || reason.cause instanceof Died || reason.retriable === true;
      if (!isExpected) throw reason;
    }
    deathIn = Number.POSITIVE_INFINITY;
    states = states.slice(-6);
  };
  const late = async () => {
    const waiting = stage.faulty.late.filter((one) => one.state === 'waiting');
    const one = waiting[pick(waiting.length)];
    await one?.release().catch(() => {});
  };

  for (let step = 0; step < STEPS; step++) {
    const actions = [write, write, () => stage.compact().catch(() => {}), clean, clean, late];
    await actions[pick(actions.length)]!();
    stage.clock.pass(pick(30 * MINUTE_MS));
    if (pick(4) === 0) readers.push(new SlowReader(stage, partition!));
    const going: SlowReader[] = [];
    for (const reader of readers) {
      let end: boolean | null = null;
      for (let fetches = pick(3); fetches > 0 && end === null; fetches--) end = await reader.readOn(written);
      if (end === null) going.push(reader);
    }
    readers = going;
    const read = await stage.read(partition!);
    expect(tableOf(read), `seed ${seed}, step ${step}`).toEqual(tableOf(written));
    for (const one of read) expect(written[Number(one.split(' ')[0])]).toBe(one);
    const keys = keysBelow(read, (await stage.head(partition!)).cleanedEnd);
    expect(new Set(keys).size, `seed ${seed}, step ${step}: a key is twice in what is clean`).toBe(keys.length);
  }
  return { stage, partition: partition!, written };
}

describe('key compaction among faults', () => {
  it(
    'never loses the last record of a key, never brings one back, and lets slow readers know what went',
    async () => {
      let removed = 0;
      for (let seed = 0; seed < SEEDS; seed++) {
        const { stage, partition, written } = await runSeed(seed);
        removed += written.length - (await stage.read(partition)).length;
        expect(await stage.damages(), `seed ${seed}`).toEqual([]);
      }
      // Runs that remove nothing would prove nothing.
      expect(removed).toBeGreaterThan(SEEDS * 20);
    },
    TIMEOUT_MS,
  );

  it('comes to its end when the faults do', async () => {
    const { stage, partition } = await runSeed(1_000);
    await stage.faulty.releaseAll();
    const calm = { ...stage.deps, store: stage.base };
    stage.clock.pass(HOUR_MS);
    const now = stage.clock.nowMs();
    const seenTime = trustTime(trustTime(null, now - HOUR_MS), now);
    const slice = {
      epoch: 1,
      state: null,
      isAskedFor: true,
      isOver: () => false,
      isSaveDue: () => false,
      save: async () => {},
    };
    const first = await cleanJob(calm).run(slice);
    stage.clock.pass(10 * MINUTE_MS);
    const end = await cleanJob(calm).run({ ...slice, state: { ...first.state, seenTime } });
    expect(end.isDone).toBe(true);
    const { cleanedEnd, tailBase } = await stage.head(partition);
    const [uncompacted] = (await stage.chunks(partition)).filter(({ level }) => level === 0);
    expect(cleanedEnd).toBe(uncompacted?.base ?? tailBase);
    expect(cleanedEnd).toBeGreaterThan(0n);
  });
});
