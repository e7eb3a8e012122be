/** What a month of a workload is made of, and what one flush of it asks of the stores: not by a formula, but by a sample that is written to a store in memory, whose meter counts as AWS does. */
import { systemClock as clock } from '../clock.ts';
import { connect } from '../connect/connect.ts';
import { type StoreUsage, UsageMeter, usageBetween } from '../log/meter.ts';
import { memoryStore } from '../memory/memory-store.ts';

/** See the module comment. */
export interface Workload {
  /** On average, while there are any. */
  readonly recordsPerSecond: number;
  /** Bytes of key and value together. */
  readonly recordBytes: number;
  readonly partitions: number;
  readonly producers: number;
  /** How long a producer gathers records. */
  readonly lingerMs: number;
  /** In which records come. */
  readonly hoursPerDay: number;
  /** That are subscribed. */
  readonly functions: number;
  readonly mode: 'push' | 'pull';
  readonly retentionDays: number;
}

/** A month has 30 days. */
export const DAYS = 30;

/** Sums of a month. */
export interface MonthOfWork {
  readonly records: number;
  /** Of all producers. */
  readonly flushes: number;
  /** Partitions that a flush has records for, on average. */
  readonly partitionsPerFlush: number;
  /** What one flush asks of the stores. */
  readonly perFlush: StoreUsage;
}

/** Between one and twenty rolls of a head, and no more than takes a moment. */
const SAMPLE = { least: 32, most: 320, bytes: 32 * 1024 * 1024 } as const;
const KEY_CHARACTERS = 8;

/** Records of one flush of one producer: those of its linger, or one. */
export function recordsPerFlush({ recordsPerSecond, producers, lingerMs }: Workload): number {
  return Math.max(1, (recordsPerSecond / producers) * (lingerMs / 1000));
}

/** Writes a sample and multiplies it. */
export async function monthOfWork(workload: Workload): Promise<MonthOfWork> {
  const records = workload.recordsPerSecond * workload.hoursPerDay * 3_600 * DAYS;
  const perFlush = recordsPerFlush(workload);
  const sample = await writeSample(workload, perFlush);
  return { records, flushes: records / perFlush, ...sample };
}

async function writeSample(
  { recordBytes, partitions }: Workload,
  perFlush: number,
): Promise<Pick<MonthOfWork, 'partitionsPerFlush' | 'perFlush'>> {
  const meter = new UsageMeter();
  const millrace = await connect({ store: memoryStore({ clock, meter }) }, { clock });
  await millrace.topics.createTopic({ name: 'sample', partitionCount: partitions });
  const producer = millrace.producer({ lingerMs: 60_000 });
  const value = Buffer.alloc(Math.max(0, recordBytes - KEY_CHARACTERS));
  const flushes = Math.round(Math.min(SAMPLE.most, Math.max(SAMPLE.least, SAMPLE.bytes / (perFlush * recordBytes))));
  let sent = 0;
  let touched = 0;
  const flush = async (number: number) => {
    const seen = new Set<number>();
    // Of 12.5 records a flush every other one has 13.
    for (const end = Math.floor((number + 1) * perFlush); sent < end; sent++) {
      const key = String(sent).padStart(KEY_CHARACTERS, '0').slice(-KEY_CHARACTERS);
      void producer.send({ topic: 'sample', key, value }).then(({ partition }) => seen.add(partition));
    }
    await producer.flush();
    touched += seen.size;
  };
  await flush(0);
  touched = 0;
  // The first one has looked the topic and its partitions up.
  const before = meter.usage;
  for (let number = 1; number <= flushes; number++) await flush(number);
  const usage = usageBetween(before, meter.usage);
  await millrace.close();
  const each = Object.entries(usage).map(([name, count]) => [name, count / flushes]);
  return { partitionsPerFlush: touched / flushes, perFlush: Object.fromEntries(each) as unknown as StoreUsage };
}
