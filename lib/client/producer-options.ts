import type { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { checkOptions, type OptionSchema } from '../log/check-options.ts';
import { type CompressionType, checkCompression, compressionTypes } from '../record/compression.ts';
import type { Bytes } from './outgoing-record.ts';
import type { Partitioner } from './partitioner.ts';
import type { Serializer } from './serde.ts';

/** How a producer batches, waits and gives up. Names follow Kafka's where one exists. */
export interface ProducerOptions<K = Bytes, V = Bytes> {
  /** 'all' and 1 mean durable (there is no weaker copy to wait for); 0 does not wait: `send` resolves once the record is buffered, with offset −1, and a failure is not told. Default 'all'. */
  readonly acks?: 'all' | 1 | 0;
  /** A batch of one partition leaves when it has this many bytes before compression. Default 128 KiB: a batch is what a reader decompresses at a time, and compression gains little beyond. */
  readonly batchBytes?: number;
  /** A smaller one leaves after this long, as soon as no batch of its partition is under way. Default 0: what is sent while a batch is under way already travels together. */
  readonly lingerMs?: number;
  /** Default: the topic's `compression.type`, and `none` where that says `producer`. */
  readonly compression?: CompressionType;
  /** gzip 1–9, zstd 1–22; needs `compression`. Default: the codec's own. */
  readonly compressionLevel?: number;
  /** Bound of what is buffered and not acknowledged, with what each waiting record costs beside its bytes. Default 32 MiB. */
  readonly bufferMemoryBytes?: number;
  /** How long `send` waits for memory, or for a topic that cannot be read. Default 60,000. */
  readonly maxBlockMs?: number;
  /** How long a batch may wait for its commit before it is given up. Default 30,000. */
  readonly deliveryTimeoutMs?: number;
  /** A segment this large starts although others are in flight. Default 8 MiB. */
  readonly segmentBytes?: number;
  /** Flushes in flight. Default 4. */
  readonly maxPutsInFlight?: number;
  /** Bounds what requests cost, at the price of latency: 1 means at most $13 of PUTs a month. Default: no bound. */
  readonly maxFlushesPerSecond?: number;
  /** Makes bytes of keys; a record without a key has none. Default: text as UTF-8, or bytes. */
  readonly keySerializer?: Serializer<K>;
  /** Makes bytes of values. Default: text as UTF-8, or bytes. */
  readonly valueSerializer?: Serializer<V>;
  /** The partition of a record that names none. Default: by its key as Kafka's Java client does; without a key one that changes with every batch's worth. */
  readonly partitioner?: Partitioner;
  /** Told of records that were sent with `acks: 0` and could not be committed: nobody else waits for them. Default: nobody is told. */
  readonly onSendFailed?: (error: MillraceError, failed: FailedSend) => void;
}

/** Records of one batch that nobody waited for. */
export interface FailedSend {
  readonly topic: string;
  readonly partition: number;
  readonly recordCount: number;
}

/** Options with their defaults; absent ones are left to the appender or the topic. */
export interface CheckedProducerOptions extends ProducerOptions<never, never> {
  readonly acks: 'all' | 1 | 0;
  readonly batchBytes: number;
  readonly lingerMs: number;
  readonly bufferMemoryBytes: number;
  readonly maxBlockMs: number;
}

const DEFAULTS = {
  acks: 'all',
  batchBytes: 128 * 1024,
  lingerMs: 0,
  bufferMemoryBytes: 32 * 1024 * 1024,
  maxBlockMs: 60_000,
} as const;

const MAX_MS = 2 ** 31 - 1;

const SCHEMA: OptionSchema<ProducerOptions> = {
  keySerializer: { method: 'serialize' },
  valueSerializer: { method: 'serialize' },
  partitioner: { function: true },
  onSendFailed: { function: true },
  acks: { oneOf: ['all', 1, 0] },
  batchBytes: { integerFrom: 1, to: limits.batchBytes },
  lingerMs: { integerFrom: 0, to: MAX_MS },
  compression: { oneOf: compressionTypes },
  compressionLevel: { integerFrom: 1, to: 22 },
  bufferMemoryBytes: { integerFrom: 16 * 1024, to: Number.MAX_SAFE_INTEGER },
  maxBlockMs: { integerFrom: 0, to: MAX_MS },
  deliveryTimeoutMs: { integerFrom: 1, to: MAX_MS },
  segmentBytes: { integerFrom: 1024, to: limits.segmentBytes },
  maxPutsInFlight: { integerFrom: 1, to: 1000 },
  maxFlushesPerSecond: { numberAbove: 0 },
};

/** Throws INVALID_CONFIG for an unknown option, naming the nearest, for a value out of range, and for a level that the compression does not have. */
export function checkProducerOptions<K, V>(options: ProducerOptions<K, V> = {}): CheckedProducerOptions {
  const checked = { ...DEFAULTS, ...checkOptions('producer', options as CheckedProducerOptions, SCHEMA) };
  checkCompression(checked.compression ?? 'none', checked.compressionLevel);
  return checked;
}
