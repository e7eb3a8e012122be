/**
 * What a request to read a partition says, by its query; one for ranges has `offset` or `timestampMs`, and `maxBytes`: of the record batches, 1 to 268,435,456, default 67,108,864.
 *
 * | parameter | |
 * |---|---|
 * | `offset` | a number, `beginning` or `end` (behind the newest); this or `timestampMs` is needed |
 * | `timestampMs` | from the first record at or after this time on |
 * | `maxRecords` | 1 to 10,000, default 500 |
 * | `maxBytes` | of the answer, 1 to 5,500,000, which is the default; one record is given in any case |
 * | `waitMs` | how long to wait for a record where there is none yet, 0 to 20,000, default 0 |
 * | `encoding` | `text` (the default): what is UTF-8 as text, other bytes as base64. `base64`: all bytes as base64 |
 */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { nearestName } from '../nearest-name.ts';

/** Where to begin. */
export type HttpPosition = bigint | 'beginning' | 'end' | { readonly timestampMs: bigint };

/** See the module comment. */
export interface FetchRequest {
  readonly from: HttpPosition;
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly waitMs: number;
  readonly encoding: 'text' | 'base64';
}

/** See the module comment. */
export interface RangesRequest {
  readonly from: HttpPosition;
  readonly maxBytes: number;
}

/** Lambda: what a function may answer is 6 MB with all around it. Source: "Lambda quotas" in the developer guide. */
export const MAX_ANSWER_BYTES = 5_500_000;
const NAMES = ['offset', 'timestampMs', 'maxRecords', 'maxBytes', 'waitMs', 'encoding'] as const;
const RANGES_NAMES = ['offset', 'timestampMs', 'maxBytes'] as const;
/** Of the record batches that one answer tells of: what the largest segment has, at most. */
const RANGES_BYTES = { most: limits.segmentBytes, absent: 64 * 1024 * 1024 };
const NUMBER = /^\d{1,19}$/;

/** Throws INVALID_REQUEST, with the parameter and what it may be. */
export function parseFetchRequest(query: URLSearchParams): FetchRequest {
  checkNames(query, NAMES);
  const encoding = query.get('encoding') ?? 'text';
  if (encoding !== 'text' && encoding !== 'base64') throw invalid('encoding', encoding, 'Give text or base64.');
  return {
    from: positionOf(query),
    maxRecords: numberOf(query, 'maxRecords', { least: 1, most: 10_000, absent: 500 }),
    maxBytes: numberOf(query, 'maxBytes', { least: 1, most: MAX_ANSWER_BYTES, absent: MAX_ANSWER_BYTES }),
    waitMs: numberOf(query, 'waitMs', { least: 0, most: 20_000, absent: 0 }),
    encoding,
  };
}

/** Throws INVALID_REQUEST, with the parameter and what it may be. */
export function parseRangesRequest(query: URLSearchParams): RangesRequest {
  checkNames(query, RANGES_NAMES);
  return { from: positionOf(query), maxBytes: numberOf(query, 'maxBytes', { least: 1, ...RANGES_BYTES }) };
}

function checkNames(query: URLSearchParams, names: readonly string[]): void {
  for (const name of query.keys()) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    const hint = nearest === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${nearest}?`;
    throw invalid(name, query.get(name), hint);
  }
}

function positionOf(query: URLSearchParams): HttpPosition {
  const [offset, timestampMs] = [query.get('offset'), query.get('timestampMs')];
  if (offset !== null && timestampMs !== null) throw invalid('timestampMs', timestampMs, 'Give offset or timestampMs.');
  if (timestampMs !== null && NUMBER.test(timestampMs)) return { timestampMs: BigInt(timestampMs) };
  if (offset === 'beginning' || offset === 'end') return offset;
  if (offset !== null && NUMBER.test(offset)) return BigInt(offset);
  const [name, value] = timestampMs === null ? ['offset', offset] : ['timestampMs', timestampMs];
  throw invalid(name!, value, 'Give offset=42, offset=beginning, offset=end, or timestampMs=1700000000000.');
}

function numberOf(
  query: URLSearchParams,
  name: string,
  { least, most, absent }: { readonly least: number; readonly most: number; readonly absent: number },
): number {
  const text = query.get(name);
  if (text === null) return absent;
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw invalid(name, text, `Give a whole number from ${least} to ${most}.`);
}

function invalid(name: string, value: string | null | undefined, hint: string): MillraceError {
  const shown =
    value === null || value === undefined ? 'is missing' : `cannot be ${JSON.stringify(value.slice(0, 80))}`;
  return new MillraceError('INVALID_REQUEST', `the parameter ${name} ${shown}`, { value, hint });
}
