/** A day of a large cluster: real writers and real maintenance over a store in memory, whose meter counts as AWS does, under a clock of its own. Deterministic: the same numbers each time, whatever machine. */
import { Appender } from '../../lib/log/appender.ts';
import { chunkKey, chunkToItem } from '../../lib/log/chunk.ts';
import { headKey, headToItem } from '../../lib/log/head.ts';
import { itemSizeBytes } from '../../lib/log/item-size.ts';
import { requestDollars, type StoreUsage, UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { TopicAdmin } from '../../lib/log/topic-admin.ts';
import { runMaintenance } from '../../lib/maintenance/run-maintenance.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { batchOf } from '../log/log-stage.ts';
import { Dice } from '../log/simulation/virtual-time.ts';
import { seededRandom } from '../log/topic-stage.ts';
import { FakeClock } from '../segment/fake-clock.ts';

/** How large it is. */
export interface ClusterOptions {
  readonly partitions: number;
  readonly writers: number;
  /** Of each writer. */
  readonly flushesPerHour: number;
  /** That a flush has a batch for. */
  readonly partitionsPerFlush: number;
  /** Of each batch, before its header. */
  readonly batchBytes: number;
  readonly hours: number;
  readonly retentionHours: number;
}

/** What came of it. */
export interface ClusterDay {
  readonly flushes: number;
  readonly commits: number;
  readonly writers: StoreUsage;
  readonly maintenance: StoreUsage;
  readonly dollars: { readonly writers: number; readonly maintenance: number };
  readonly objects: number;
  readonly objectBytes: number;
  readonly chunks: number;
  /** Bytes of items: median and largest. */
  readonly heads: readonly [median: number, most: number];
  readonly chunkItems: readonly [median: number, most: number];
  /** Records whose partition's high watermark does not count them; there are none. */
  readonly lost: number;
}

const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const TOPIC = 'events';

/** Runs it: writers in turn, some hundreds under way at the same time, and maintenance each hour. */
export async function clusterDay(options: ClusterOptions): Promise<ClusterDay> {
  const day = new Day(options);
  await day.begin();
  for (let hour = 0; hour < options.hours; hour++) {
    day.startWriters();
    for (let round = 0; round < options.flushesPerHour; round++) {
      await day.writeRound();
      day.clock.pass(HOUR_MS / options.flushesPerHour);
    }
    await day.maintain();
    await day.stopWriters();
  }
  return day.end();
}

class Day {
  readonly clock = new FakeClock(START_MS);
  readonly #options: ClusterOptions;
  readonly #random = seededRandom(7);
  readonly #dice = new Dice(7);
  readonly #meter = new UsageMeter();
  readonly #store = memoryStore({ clock: this.clock, meter: this.#meter });
  readonly #writers: Appender[] = [];
  #partitions: readonly PartitionKey[] = [];
  readonly #ends = new Map<number, bigint>();
  readonly #usage = { writers: this.#meter.usage, maintenance: this.#meter.usage };
  #flushes = 0;
  #commits = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { partitions, retentionHours } = this.#options;
    const [store, clock, random] = [this.#store, this.clock, this.#random];
    const admin = new TopicAdmin({ store, clock, random });
    const config = { 'retention.ms': String(retentionHours * HOUR_MS) };
    const { topicId } = await admin.createTopic({ name: TOPIC, partitionCount: partitions, config });
    this.#partitions = Array.from({ length: partitions }, (_, partition) => ({ topicId, partition }));
    this.#usage.writers = this.#usage.maintenance = usageBetween(this.#meter.usage, this.#meter.usage);
  }

  /** Writers live for an hour, so that what they remember of partitions fits into one process. */
  startWriters(): void {
    const [store, clock, random] = [this.#store, this.clock, this.#random];
    for (let writer = 0; writer < this.#options.writers; writer++)
      this.#writers.push(new Appender({ store, clock, random }));
  }

  async stopWriters(): Promise<void> {
    for (const writer of this.#writers.splice(0)) await writer.close();
  }

  /** Each writer flushes once, to partitions of its choice. */
  async writeRound(): Promise<void> {
    const before = this.#meter.usage;
    const batches = batchOf(['x'.repeat(this.#options.batchBytes)], [this.clock.nowMs()], { compression: 'none' });
    const atOnce = 200;
    for (let first = 0; first < this.#writers.length; first += atOnce) {
      await Promise.all(this.#writers.slice(first, first + atOnce).map((writer) => this.#flush(writer, batches)));
    }
    this.#usage.writers = added(this.#usage.writers, usageBetween(before, this.#meter.usage));
  }

  async #flush(writer: Appender, batches: Uint8Array): Promise<void> {
    const chosen = new Set<number>();
    while (chosen.size < this.#options.partitionsPerFlush)
      chosen.add(this.#dice.between(0, this.#partitions.length - 1));
    this.#flushes += 1;
    const requests = [...chosen].map(async (number) => {
      const target = { partition: this.#partitions[number]!, domain: 'shared', inlineMaxBytes: 0 };
      const { baseOffset } = await writer.append({ target, batches });
      const end = this.#ends.get(number) ?? 0n;
      this.#ends.set(number, baseOffset >= end ? baseOffset + 1n : end);
      this.#commits += 1;
    });
    await Promise.all(requests);
  }

  async maintain(): Promise<void> {
    const before = this.#meter.usage;
    const deps = { store: this.#store, clock: this.clock, random: this.#random };
    await runMaintenance(deps, { deadlineMs: Number.POSITIVE_INFINITY });
    this.#usage.maintenance = added(this.#usage.maintenance, usageBetween(before, this.#meter.usage));
  }

  async end(): Promise<ClusterDay> {
    const heads: number[] = [];
    const chunkItems: number[] = [];
    let lost = 0;
    for (const partition of this.#partitions) {
      const head = (await this.#store.heads.read(partition, { consistent: true }))!;
      heads.push(itemSizeBytes(headKey(partition), headToItem(head)));
      if (head.next !== (this.#ends.get(partition.partition) ?? 0n)) lost += 1;
      const query = { order: 'ascending', limit: 10_000, consistent: true } as const;
      for (const chunk of await this.#store.chunks.query(partition, query))
        chunkItems.push(itemSizeBytes(chunkKey(partition, chunk.base), chunkToItem(chunk)));
    }
    const { writers, maintenance } = this.#usage;
    const { objects, objectBytes } = await this.#countObjects();
    return {
      flushes: this.#flushes,
      commits: this.#commits,
      writers,
      maintenance,
      dollars: { writers: requestDollars(writers), maintenance: requestDollars(maintenance) },
      objects,
      objectBytes,
      chunks: chunkItems.length,
      heads: medianAndMost(heads),
      chunkItems: medianAndMost(chunkItems),
      lost,
    };
  }

  async #countObjects() {
    let [objects, objectBytes, after] = [0, 0, null as string | null];
    for (;;) {
      const page = await this.#store.objects.list('', after, 1_000);
      if (page.length === 0) return { objects, objectBytes };
      objects += page.length;
      objectBytes += page.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      after = page.at(-1)!.key;
    }
  }
}

function added(sum: StoreUsage, more: StoreUsage): StoreUsage {
  const names = Object.keys(sum) as (keyof StoreUsage)[];
  return Object.fromEntries(names.map((name) => [name, sum[name] + more[name]])) as unknown as StoreUsage;
}

function medianAndMost(values: number[]): readonly [number, number] {
  const sorted = values.sort((left, right) => left - right);
  return [sorted[Math.floor(sorted.length / 2)] ?? 0, sorted.at(-1) ?? 0];
}
