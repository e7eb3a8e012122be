/** What tests of the client stand on: a memory store, a clock, and clients of it. */
import { Millrace } from '../../lib/client/millrace.ts';
import type { ReaderOptions } from '../../lib/client/reader-options.ts';
import type { ReceivedRecord } from '../../lib/client/received-record.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';

export interface Stage {
  readonly clock: Clock;
  readonly store: DelayStore;
  readonly millrace: Millrace;
}

export interface StageOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly partitionCount?: number;
  readonly config?: Readonly<Record<string, string>>;
  /** Puts something between the client and the memory store. */
  readonly wrap?: (store: DelayStore, clock: Clock) => DelayStore;
}

/** The topic that every stage has. */
export const TOPIC = 'orders';

/** A client of a fresh store with one topic. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const { clock = systemClock, random = systemRandom, partitionCount = 1, config = {} } = options;
  const memory = memoryStore({ clock });
  const direct = new Millrace({ store: memory, clock, random });
  await direct.topics.createTopic({ name: TOPIC, partitionCount, config });
  const store = options.wrap?.(memory, clock) ?? memory;
  return { clock, store: memory, millrace: new Millrace({ store, clock, random }) };
}

/** Everything that is in the topic, by partition, as a reader of its own sees it now. */
export async function readAll(
  { store, clock }: Pick<Stage, 'store' | 'clock'>,
  options: ReaderOptions = {},
): Promise<readonly ReceivedRecord[]> {
  const millrace = new Millrace({ store, clock, random: systemRandom });
  const reader = millrace.reader({ stopAtEnd: true, ...options });
  await reader.assign([{ topic: TOPIC }]);
  const records: ReceivedRecord[] = [];
  for await (const record of reader) records.push(record);
  await millrace.close();
  return records;
}

/** The code of the error that a promise rejects with, or what it resolved to. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}
