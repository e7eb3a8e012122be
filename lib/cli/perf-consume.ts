/** `millrace perf consume` */
import type { Millrace } from '../client/millrace.ts';
import type { ReceivedBatch } from '../client/record-stream.ts';
import { systemClock } from '../clock.ts';
import type { StoreUsage } from '../log/meter.ts';
import type { PerfResult } from './perf-report.ts';

/** What is to be read. */
export interface ConsumeLoad {
  readonly topic: string;
  /** It ends at the end of the log, or after about this many. */
  readonly records: number;
  /** Reads as a member of this group. */
  readonly group: string | undefined;
  readonly signal: AbortSignal;
  readonly usage: () => StoreUsage;
}

/** Reads the topic from its beginning, or from where the group is; with a group everything read is committed. */
export async function perfConsume(millrace: Millrace, load: ConsumeLoad): Promise<PerfResult> {
  const { topic, group, signal, usage } = load;
  const startMs = systemClock.monotonicMs();
  const { source, end } = await openSource(millrace, topic, group);
  let [records, bytes] = [0, 0];
  for await (const batch of source) {
    records += batch.records.length;
    bytes += bytesOf(batch);
    if (records >= load.records || signal.aborted) break;
  }
  const elapsedMs = systemClock.monotonicMs() - startMs;
  await end();
  return { records, bytes, elapsedMs, usage: usage() };
}

interface Source {
  readonly source: AsyncIterable<ReceivedBatch>;
  readonly end: () => Promise<void>;
}

async function openSource(millrace: Millrace, topic: string, group: string | undefined): Promise<Source> {
  if (group === undefined) {
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic, from: 'beginning' }]);
    return { source: reader.batches(), end: () => reader.close() };
  }
  const consumer = millrace.consumer({ group, clientId: 'millrace-perf', stopAtEnd: true, heartbeatIntervalMs: 500 });
  await consumer.subscribe([topic]);
  const end = async () => {
    await consumer.commit();
    await consumer.close();
  };
  return { source: consumer.batches(), end };
}

function bytesOf({ records }: ReceivedBatch): number {
  let bytes = 0;
  for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0);
  return bytes;
}
