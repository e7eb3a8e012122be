/** `millrace perf end-to-end` */
import type { Millrace } from '../client/millrace.ts';
import type { Reader } from '../client/reader.ts';
import { systemClock, systemRandom } from '../clock.ts';
import type { StoreUsage } from '../log/meter.ts';
import { LatencySample } from './latency-sample.ts';
import { randomValues, Throttle } from './perf-load.ts';
import type { PerfResult } from './perf-report.ts';

/** What is to be sent and read at once. */
export interface EndToEndLoad {
  readonly topic: string;
  readonly records: number;
  readonly recordBytes: number;
  /** Records a second. */
  readonly rate: number;
  /** Longest wait of the reader between two looks. */
  readonly idleMaxMs: number;
  readonly signal: AbortSignal;
  readonly usage: () => StoreUsage;
}

/** Says which record of which run it is. */
const HEADER = 'perf';

/** Sends records one by one and reads them at the tail: the time from `send` to the loop that gets each. What others send to the topic is passed over. */
export async function perfEndToEnd(millrace: Millrace, load: EndToEndLoad): Promise<PerfResult> {
  const { records, recordBytes, idleMaxMs, usage } = load;
  const run = Buffer.from(systemRandom.bytes(8)).toString('hex');
  const reader = millrace.reader({ idleMinMs: Math.min(20, idleMaxMs), idleMaxMs });
  await reader.assign([{ topic: load.topic, from: 'end' }]);
  const sentMs: number[] = [];
  const latency = new LatencySample(records);
  const startMs = systemClock.monotonicMs();
  const reading = readTail(reader, run, (sequence) => {
    latency.add(systemClock.monotonicMs() - sentMs[sequence]!);
    return latency.count < records;
  });
  // Whoever is still sending hears of it below.
  reading.catch(() => {});
  try {
    await sendOneByOne(millrace, run, load, sentMs);
    // Ended early, what was acknowledged last may not have been read: it is not waited for.
    if (!load.signal.aborted) await reading;
  } finally {
    await reader.close();
  }
  await reading;
  const elapsedMs = systemClock.monotonicMs() - startMs;
  return {
    records: latency.count,
    bytes: latency.count * recordBytes,
    elapsedMs,
    latency: latency.summary,
    usage: usage(),
  };
}

async function readTail(reader: Reader, run: string, onRecord: (sequence: number) => boolean): Promise<void> {
  for await (const record of reader) {
    const [from, sequence] = record.headerText(HEADER)?.split('/') ?? [];
    if (from === run && !onRecord(Number(sequence))) return;
  }
}

async function sendOneByOne(millrace: Millrace, run: string, load: EndToEndLoad, sentMs: number[]): Promise<void> {
  const { topic, records, rate, signal } = load;
  const [value] = randomValues(systemRandom, load.recordBytes);
  const producer = millrace.producer();
  const throttle = new Throttle(systemClock, rate);
  let failure: unknown = null;
  for (let sequence = 0; sequence < records && !signal.aborted && failure === null; sequence++) {
    await throttle.next(signal);
    sentMs.push(systemClock.monotonicMs());
    producer.send({ topic, value: value!, headers: { [HEADER]: `${run}/${sequence}` } }).catch((error) => {
      failure ??= error;
    });
  }
  await producer.close();
  if (failure !== null) throw failure;
}
