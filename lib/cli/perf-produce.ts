/** `millrace perf produce` */
import type { Millrace } from '../client/millrace.ts';
import type { ProducerOptions } from '../client/producer-options.ts';
import { type Clock, systemClock, systemRandom } from '../clock.ts';
import type { StoreUsage } from '../log/meter.ts';
import { LatencySample } from './latency-sample.ts';
import { randomValues, Throttle } from './perf-load.ts';
import type { PerfResult } from './perf-report.ts';

/** What is to be sent. */
export interface ProduceLoad {
  readonly topic: string;
  readonly records: number;
  readonly recordBytes: number;
  /** Records a second; 0: as fast as it goes. */
  readonly throughput: number;
  readonly producer: ProducerOptions;
  readonly signal: AbortSignal;
  readonly usage: () => StoreUsage;
  /** Told now and then of what was acknowledged since it was told last. */
  readonly onProgress: (result: PerfResult) => void;
}

/** Between two lines of progress, as in Kafka's tool. */
const PROGRESS_MS = 5_000;

/** Counts acknowledgements, over all and since the last line. */
class Acknowledged {
  readonly #clock: Clock;
  readonly #load: ProduceLoad;
  readonly #startMs: number;
  readonly #all: LatencySample;
  #window: LatencySample;
  #windowMs: number;
  failure: unknown = null;

  constructor(clock: Clock, load: ProduceLoad) {
    this.#clock = clock;
    this.#load = load;
    this.#all = new LatencySample(load.records);
    this.#window = new LatencySample(load.records);
    this.#startMs = clock.monotonicMs();
    this.#windowMs = this.#startMs;
  }

  add(sentMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#all.add(nowMs - sentMs);
    this.#window.add(nowMs - sentMs);
    if (nowMs - this.#windowMs < PROGRESS_MS) return;
    this.#load.onProgress(this.#result(this.#window, nowMs - this.#windowMs));
    this.#window = new LatencySample(this.#load.records);
    this.#windowMs = nowMs;
  }

  get result(): PerfResult {
    return this.#result(this.#all, this.#clock.monotonicMs() - this.#startMs);
  }

  #result(sample: LatencySample, elapsedMs: number): PerfResult {
    const { recordBytes, usage } = this.#load;
    const records = sample.count;
    return { records, bytes: records * recordBytes, elapsedMs, latency: sample.summary, usage: usage() };
  }
}

/** Sends until all is acknowledged, or until the signal. Throws what the first record that failed failed with. */
export async function perfProduce(millrace: Millrace, load: ProduceLoad): Promise<PerfResult> {
  const { topic, records, signal } = load;
  const clock = systemClock;
  const values = randomValues(systemRandom, load.recordBytes);
  const producer = millrace.producer(load.producer);
  const throttle = new Throttle(clock, load.throughput);
  const acknowledged = new Acknowledged(clock, load);
  for (let sent = 0; sent < records && !signal.aborted && acknowledged.failure === null; sent++) {
    const wait = throttle.next(signal);
    if (wait !== null) await wait;
    const sentMs = clock.monotonicMs();
    producer.send({ topic, value: values[sent % values.length]! }).then(
      () => acknowledged.add(sentMs),
      (error: unknown) => {
        acknowledged.failure ??= error;
      },
    );
    await producer.room();
  }
  await producer.close();
  if (acknowledged.failure !== null) throw acknowledged.failure;
  return acknowledged.result;
}
