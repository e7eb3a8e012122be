/** What both servers are asked to do. */
import { consume, createTopic, type ProduceLoad, produce } from './perf-tools.ts';
import { replay } from './replay.ts';
import { replayFetches } from './replay-fetch.ts';

/** What one turn of a workload has come to: a number for each of its figures. */
export interface Measured {
  readonly figures: readonly number[];
  /** Bytes of the values of records that went by; 0 where CPU time for each says nothing. */
  readonly bytes: number;
}

/** See the module comment. */
export interface Workload {
  readonly kind: 'produce' | 'consume' | 'paced' | 'replay' | 'fetch';
  readonly figures: readonly { readonly name: string; readonly unit: string }[];
  run(port: number, turn: number): Promise<Measured>;
}

const PARTITIONS = 4;
const LARGE_BATCHES = { 'linger.ms': 20, 'batch.size': 131_072 };
const ZSTD = { 'compression.type': 'zstd' };

/** Records of a size, about 100 MB of them in a turn. */
const sizes = [
  { name: '100 B', recordBytes: 100, records: 1_000_000, preloaded: 3_000_000 },
  { name: '1 KiB', recordBytes: 1024, records: 120_000, preloaded: 400_000 },
] as const;

const codecs = [
  { name: '', settings: {} },
  { name: ', zstd', settings: ZSTD },
] as const;

const shapes = [
  { name: 'default', settings: {} },
  { name: 'linger 20, 128 KiB', settings: LARGE_BATCHES },
] as const;

let topicCount = 0;

/** A topic that nobody has used. */
async function freshTopic(port: number): Promise<string> {
  const topic = `perf-${++topicCount}`;
  await createTopic(port, topic, PARTITIONS);
  return topic;
}

function produceWorkload(name: string, load: Omit<ProduceLoad, 'topic'>): Workload {
  return {
    kind: 'produce',
    figures: [{ name: `produce ${name}`, unit: 'records/s' }],
    async run(port) {
      const { recordsPerSecond } = await produce(port, { ...load, topic: await freshTopic(port) });
      return { figures: [recordsPerSecond], bytes: load.records * load.recordBytes };
    },
  };
}

const preloadedTopic = (recordBytes: number, codec: string) => `preloaded-${recordBytes}${codec === '' ? '' : '-zstd'}`;

const REPLAYED_KIB = [16, 128] as const;
const replayLoad = (batchKib: number) => {
  return { partitionCount: PARTITIONS, batchBytes: batchKib * 1024, passBytes: 64 * 2 ** 20 };
};
const replayedTopic = (batchKib: number) => `replayed-${batchKib}`;

/**
 * Makes the topics that are consumed, with the batches that a producer with default settings makes: more than two million records, and Kafka is warm behind it. Those that are read by replayed requests have batches of their own
 * sizes.
 */
export async function preload(port: number): Promise<void> {
  for (const { recordBytes, preloaded: records } of sizes) {
    for (const { name, settings } of codecs) {
      const topic = preloadedTopic(recordBytes, name);
      await createTopic(port, topic, PARTITIONS);
      await produce(port, { topic, records, recordBytes, settings });
    }
  }
  for (const batchKib of REPLAYED_KIB) {
    const topic = replayedTopic(batchKib);
    await createTopic(port, topic, PARTITIONS);
    await replay(port, { ...replayLoad(batchKib), topic, passes: 3 });
  }
}

const produces = shapes.flatMap((shape) =>
  sizes.flatMap(({ name, recordBytes, records }) =>
    codecs.map((codec) => {
      const settings = { ...shape.settings, ...codec.settings };
      return produceWorkload(`${name}${codec.name}, ${shape.name}`, { records, recordBytes, settings });
    }),
  ),
);

const consumes = sizes.flatMap(({ name, recordBytes, preloaded }) =>
  codecs.map((codec): Workload => {
    return {
      kind: 'consume',
      figures: [{ name: `consume ${name}${codec.name}`, unit: 'records/s' }],
      async run(port) {
        const rate = await consume(port, preloadedTopic(recordBytes, codec.name), preloaded);
        return { figures: [rate], bytes: preloaded * recordBytes };
      },
    };
  }),
);

/** `linger.ms` is 5 by default: how long the client keeps a record before it sends it. */
const paces = [
  { name: '', settings: {} },
  { name: ', linger 0', settings: { 'linger.ms': 0 } },
].map(({ name, settings }): Workload => {
  return {
    kind: 'paced',
    figures: ['p50', 'p99'].map((quantile) => ({ name: `paced 1,000/s${name}, ${quantile}`, unit: 'ms' })),
    async run(port) {
      const load = { recordBytes: 100, records: 8_000, perSecond: 1_000, warmUp: 2_000, settings };
      const { p50Ms, p99Ms } = await produce(port, { ...load, topic: await freshTopic(port) });
      return { figures: [p50Ms, p99Ms], bytes: 0 };
    },
  };
});

const replays = REPLAYED_KIB.map((batchKib): Workload => {
  return {
    kind: 'replay',
    figures: [{ name: `replayed frames, batches of ${batchKib} KiB`, unit: 'MB/s' }],
    async run(port) {
      const load = { ...replayLoad(batchKib), passes: 4 };
      const { bytesPerSecond, bytes } = await replay(port, { ...load, topic: await freshTopic(port) });
      return { figures: [bytesPerSecond / 1e6], bytes };
    },
  };
});

const fetches = REPLAYED_KIB.map((batchKib): Workload => {
  return {
    kind: 'fetch',
    figures: [{ name: `replayed fetches, batches of ${batchKib} KiB`, unit: 'MB/s' }],
    async run(port) {
      const load = { topic: replayedTopic(batchKib), partitionCount: PARTITIONS, passes: 3 };
      const { bytesPerSecond, bytes } = await replayFetches(port, load);
      return { figures: [bytesPerSecond / 1e6], bytes };
    },
  };
});

/** All of them. */
export const workloads: readonly Workload[] = [...produces, ...consumes, ...paces, ...replays, ...fetches];
