import type { Failure } from '../event-source/settle-batch.ts';
import type { SubscriptionOptions } from '../event-source/subscription-options.ts';
import { failureOf, type PulledRecord } from './pulled-record.ts';

/** What became of records that were handled one by one. */
export interface RecordsOutcome {
  readonly failed: ReadonlyMap<bigint, Failure>;
  /** Not begun: there was no time, or one before them failed. */
  readonly postponed: ReadonlySet<bigint>;
}

/** How they are handled. */
export interface RunRecordsOptions {
  readonly ordering: SubscriptionOptions['ordering'];
  /** Records at once; those of one key, or of a partition, follow one upon the other all the same. */
  readonly concurrency: number;
  /** No record is begun once this is false. */
  readonly hasTime: () => boolean;
}

/** Handles records one by one, in the order that the subscription asks for. What would overtake a record that failed is not begun. */
export async function runRecords<K, V>(
  records: readonly PulledRecord<K, V>[],
  handle: (record: PulledRecord<K, V>) => unknown,
  { ordering, concurrency, hasTime }: RunRecordsOptions,
): Promise<RecordsOutcome> {
  const failed = new Map<bigint, Failure>();
  const postponed = new Set<bigint>();
  const lines = linesOf(records, ordering);
  const runLine = async (line: readonly PulledRecord<K, V>[]) => {
    let isBroken = false;
    for (const record of line) {
      isBroken ||= !hasTime();
      if (isBroken) {
        postponed.add(record.offset);
        continue;
      }
      try {
        await handle(record);
      } catch (error) {
        failed.set(record.offset, failureOf(error));
        isBroken = true;
      }
    }
  };
  const workers = Array.from({ length: Math.min(concurrency, lines.length) }, async () => {
    for (let line = lines.shift(); line !== undefined; line = lines.shift()) await runLine(line);
  });
  await Promise.all(workers);
  return { failed, postponed };
}

/** Records that follow one upon the other. */
function linesOf<K, V>(
  records: readonly PulledRecord<K, V>[],
  ordering: SubscriptionOptions['ordering'],
): PulledRecord<K, V>[][] {
  if (ordering === 'partition') return [[...records]];
  const lines = new Map<string, PulledRecord<K, V>[]>();
  for (const record of records) {
    const { keyBytes, offset } = record;
    const hasKey = ordering === 'key' && keyBytes !== null;
    const name = hasKey ? `k${Buffer.from(keyBytes).toString('latin1')}` : `o${offset}`;
    const line = lines.get(name) ?? [];
    lines.set(name, line);
    line.push(record);
  }
  return [...lines.values()];
}
