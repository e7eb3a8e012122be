import { checkOptions, type OptionSchema } from '../log/check-options.ts';
import type { RawBytes } from './received-record.ts';
import type { DeserializerOptions } from './record-decoder.ts';

/** How a reader reads, and what it makes of records. */
export interface TypedReaderOptions<K = RawBytes, V = RawBytes> extends ReaderOptions, DeserializerOptions<K, V> {}

/** How a reader reads ahead, waits and ends. */
export interface ReaderOptions {
  /** Ends the iteration at the high watermarks that the first fetch of each partition saw. Default false: wait for new records. */
  readonly stopAtEnd?: boolean;
  /** Where to go on when the log no longer has (or does not yet have) the offset; 'error' throws OFFSET_OUT_OF_RANGE. Default 'error', so that a gap never goes unnoticed. */
  readonly outOfRange?: 'error' | 'earliest' | 'latest';
  /** Bytes fetched and not yet given out; soft, since whole entries are fetched and one always is. Default 16 MiB. */
  readonly readAheadBytes?: number;
  /** Bytes of one fetch over all partitions, soft. Default 4 MiB. */
  readonly fetchBytes?: number;
  /** Bytes of one fetch for one partition, soft. Default 1 MiB. */
  readonly partitionFetchBytes?: number;
  /** First wait when there is nothing new; it doubles up to `idleMaxMs`. Default 20. */
  readonly idleMinMs?: number;
  /**
   * Longest wait when there is nothing new. Default 1,000. Each look reads one head a partition, half a read unit: at 1,000 ms that is 2.6 million looks and
   * $0.16 a month for a partition; at 10,000 ms $0.016.
   */
  readonly idleMaxMs?: number;
  /** How long a store may fail in a way that may pass before the iteration throws. Default 60,000. */
  readonly retryMs?: number;
}

const DEFAULTS: Required<ReaderOptions> = {
  stopAtEnd: false,
  outOfRange: 'error',
  readAheadBytes: 16 * 1024 * 1024,
  fetchBytes: 4 * 1024 * 1024,
  partitionFetchBytes: 1024 * 1024,
  idleMinMs: 20,
  idleMaxMs: 1000,
  retryMs: 60_000,
};

const MAX_MS = 2 ** 31 - 1;

/** What each option of a reader may be; consumers have them too. */
export const READER_SCHEMA: OptionSchema<TypedReaderOptions> = {
  keyDeserializer: { method: 'deserialize' },
  valueDeserializer: { method: 'deserialize' },
  onDeserializationError: { function: true },
  stopAtEnd: { oneOf: [true, false] },
  outOfRange: { oneOf: ['error', 'earliest', 'latest'] },
  readAheadBytes: { integerFrom: 1, to: Number.MAX_SAFE_INTEGER },
  fetchBytes: { integerFrom: 1, to: Number.MAX_SAFE_INTEGER },
  partitionFetchBytes: { integerFrom: 1, to: Number.MAX_SAFE_INTEGER },
  idleMinMs: { integerFrom: 1, to: MAX_MS },
  idleMaxMs: { integerFrom: 1, to: MAX_MS },
  retryMs: { integerFrom: 0, to: MAX_MS },
};

/** Throws INVALID_CONFIG for an unknown option, naming the nearest, and for a value out of range. */
export function checkReaderOptions<K, V>(options: TypedReaderOptions<K, V> = {}): Required<ReaderOptions> {
  return readerDefaults(checkOptions('reader', options as TypedReaderOptions, READER_SCHEMA));
}

/** The options of a reader among checked options, with their defaults. */
export function readerDefaults(options: ReaderOptions): Required<ReaderOptions> {
  const set = Object.keys(DEFAULTS).map((name) => [name, options[name as keyof ReaderOptions]]);
  return { ...DEFAULTS, ...Object.fromEntries(set.filter(([, value]) => value !== undefined)) };
}
