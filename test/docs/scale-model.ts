/** What a steady load asks of S3 and DynamoDB, by arithmetic: for loads that no machine could try. `scale-model.test.ts` compares it with what writers really ask for, where that can be tried. */
import { limits } from '../../lib/limits.ts';
import { prices } from '../../lib/prices.ts';
import { SEGMENT_SHARDS } from '../../lib/segment/segment-key.ts';

/** A load that never stops, in records of 1 KB, keys spread evenly over all partitions. */
export interface SteadyLoad {
  readonly bytesPerSecond: number;
  readonly partitions: number;
  readonly lingerMs: number;
}

/** What it asks for each second. */
export interface SteadyRequests {
  readonly producers: number;
  readonly flushes: number;
  /** Partitions in a flush, on average. */
  readonly partitionsPerFlush: number;
  readonly commits: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  /** Write units of one head. */
  readonly headWriteUnits: number;
}

const RECORD_BYTES = 1_000;
/** What one producer is given to write, MB a second: far below what it can. */
const PRODUCER_BYTES = 20e6;
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** A producer reads a head before it commits to it when it has not done so for five seconds. */
const KNOWN_SECONDS = 5;
const MONTH_SECONDS = 30 * 86_400;

/** What AWS allows, each second, before anybody asked for more. Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html and https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html. */
export const awsRates = {
  /** One item, as large as it may be: a partition of DynamoDB. */
  itemWriteUnits: 1_000,
  /** A table on demand in a new account. */
  tableWriteUnits: 40_000,
  puts: 3_500 * SEGMENT_SHARDS.length,
  gets: 5_500 * SEGMENT_SHARDS.length,
} as const;

/** A commit writes the head, a unit; for each full tail a roll writes a chunk and the head once more. */
export const WRITE_UNITS_PER_COMMIT = 1 + 2 / limits.tailEntries;

/** See the top of this file. */
export function steadyRequests({ bytesPerSecond, partitions, lingerMs }: SteadyLoad): SteadyRequests {
  const producers = Math.max(1, Math.ceil(bytesPerSecond / PRODUCER_BYTES));
  const records = bytesPerSecond / RECORD_BYTES / producers;
  const perFlush = Math.max(1, Math.min(records * (lingerMs / 1_000), SEGMENT_BYTES / RECORD_BYTES));
  const flushes = (producers * records) / perFlush;
  const partitionsPerFlush = partitions * (1 - (1 - 1 / partitions) ** perFlush);
  const commits = flushes * partitionsPerFlush;
  const isForgotten = commits / producers / partitions < 1 / KNOWN_SECONDS;
  const writeUnits = commits * WRITE_UNITS_PER_COMMIT;
  return {
    producers,
    flushes,
    partitionsPerFlush,
    commits,
    writeUnits,
    readUnits: isForgotten ? commits : 0,
    headWriteUnits: writeUnits / partitions,
  };
}

/** Dollars of 30 days of these requests. */
export function monthDollars({ flushes, writeUnits, readUnits }: SteadyRequests): number {
  const perSecond =
    flushes * prices.s3PutPerMillion +
    writeUnits * prices.dynamoWriteUnitPerMillion +
    readUnits * prices.dynamoReadUnitPerMillion;
  return (perSecond / 1e6) * MONTH_SECONDS;
}

/** Dollars a month to keep `days` of the load, however it is divided. */
export function storageDollars(bytesPerSecond: number, days: number): number {
  return ((bytesPerSecond * 86_400 * days) / 1e9) * prices.s3PerGbMonth;
}
