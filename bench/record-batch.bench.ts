/**
 * Record batches beside @platformatic/kafka, in one process and run.
 *
 * The two sides alternate turns, so that a noisy machine disturbs both alike; a figure is the median of a side's turns. Theirs never
 * verifies a CRC when it decodes. `node bench/record-batch.bench.ts [--json]`.
 */

import { type CompressionType, compressionTypes } from '../lib/record/compression.ts';
import { type DecodedBatch, decodeBatch } from '../lib/record/decode-batch.ts';
import { encodeBatch } from '../lib/record/encode-batch.ts';
import type { RecordData } from '../lib/record/record.ts';
import { Reader } from '../node_modules/@platformatic/kafka/dist/protocol/reader.js';
import { createRecordsBatch, readRecordsBatch } from '../node_modules/@platformatic/kafka/dist/protocol/records.js';
import { compare } from './compare.ts';

/** One comparison; speeds in records a second. */
export interface BenchRow {
  readonly name: string;
  readonly valueBytes: number;
  readonly compression: CompressionType;
  readonly oursPerSecond: number;
  readonly theirsPerSecond: number;
  readonly ratio: number;
  /** What the project promises, where it promises something. */
  readonly aim: number | undefined;
}

const BATCH_BYTES = 256 * 1024;

/** Values that compress about as well as JSON does (three to four times). */
function values(count: number, bytes: number): Buffer[] {
  let state = 42;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const words = Array.from({ length: 200 }, () =>
    Array.from({ length: 3 + random(9) }, () => String.fromCharCode(97 + random(26))).join(''),
  );
  return Array.from({ length: count }, () => {
    let text = '';
    while (text.length < bytes)
      text += `"${words[random(200)]}":${random(3) === 0 ? random(1_000_000) : `"${words[random(200)]}"`},`;
    return Buffer.from(text.slice(0, bytes));
  });
}

/** Uses what was made, so that nothing is optimised away. */
let sink = 0;

function eager(batch: DecodedBatch): void {
  for (let index = 0; index < batch.recordCount; index++) {
    sink += (batch.key(index)?.length ?? 0) + (batch.value(index)?.length ?? 0);
  }
}

const AIMS: Record<string, number | undefined> = {
  'encode 100': 8,
  'encode 1024': 3,
  'decode lazily, no CRC 100': 5,
  'decode lazily, no CRC 1024': 5,
  'decode lazily, CRC verified 100': 2,
};

function rowsOf(valueBytes: number, compression: CompressionType): BenchRow[] {
  const count = Math.floor(BATCH_BYTES / (valueBytes + 16));
  const timestamp = 1_790_000_000_000n;
  const records: RecordData[] = values(count, valueBytes).map((value, index) => ({
    key: Buffer.from(`key-${index % 1000}`),
    value,
    headers: [],
    timestampMs: timestamp + BigInt(index >> 4),
  }));
  const messages = records.map(({ key, value, timestampMs }) => ({
    key,
    value,
    topic: 't',
    partition: 0,
    timestamp: timestampMs,
  }));
  const encodeTheirs = () => createRecordsBatch(messages as never, { compression } as never).buffer;
  const bytes = encodeBatch(records, { compression });
  const input = Buffer.from(encodeTheirs());
  const decodeTheirs = () => {
    sink += readRecordsBatch(Reader.from(input)).records.length;
  };
  const decodeOurs = (verify: boolean) => () => {
    sink += decodeBatch(bytes, { verify }).recordCount;
  };
  const cases: [name: string, ours: () => void, theirs: () => void][] = [
    [
      'encode',
      () => {
        sink += encodeBatch(records, { compression }).length;
      },
      () => {
        sink += encodeTheirs().length;
      },
    ],
    ['decode lazily, no CRC', decodeOurs(false), decodeTheirs],
    ['decode lazily, CRC verified', decodeOurs(true), decodeTheirs],
    ['decode, all keys and values, CRC verified', () => eager(decodeBatch(bytes)), decodeTheirs],
  ];
  return cases.map(([name, oursRun, theirsRun]) => {
    const { ours, theirs } = compare(oursRun, theirsRun);
    const aim =
      compression === 'none'
        ? AIMS[`${name} ${valueBytes}`]
        : name === 'encode' || name.startsWith('decode lazily')
          ? 1
          : undefined;
    return {
      name,
      valueBytes,
      compression,
      oursPerSecond: ours * count,
      theirsPerSecond: theirs * count,
      ratio: ours / theirs,
      aim,
    };
  });
}

/** Runs all comparisons; about a minute. */
export function benchRecordBatch(compressions: readonly CompressionType[] = compressionTypes): BenchRow[] {
  const rows = compressions.flatMap((compression) =>
    [100, 1024].flatMap((valueBytes) => rowsOf(valueBytes, compression)),
  );
  if (sink === 0) throw new RangeError('nothing was measured');
  return rows;
}

function print(rows: readonly BenchRow[]): void {
  const millions = (speed: number) => (speed / 1e6).toFixed(2).padStart(8);
  console.log('M records/s'.padEnd(60), '    ours   theirs   ratio     aim');
  for (const { name, valueBytes, compression, oursPerSecond, theirsPerSecond, ratio, aim } of rows) {
    const label = `${compression.padEnd(7)}${String(valueBytes).padStart(5)} B  ${name}`;
    console.log(
      label.padEnd(60),
      millions(oursPerSecond),
      millions(theirsPerSecond),
      ratio.toFixed(2).padStart(7),
      aim === undefined ? '' : `≥ ${aim}`.padStart(7),
    );
  }
}

if (import.meta.main) {
  const chosen = compressionTypes.filter((type) => process.argv.includes(type));
  const rows = benchRecordBatch(chosen.length > 0 ? chosen : compressionTypes);
  if (process.argv.includes('--json')) console.log(JSON.stringify(rows, undefined, 2));
  else print(rows);
}
