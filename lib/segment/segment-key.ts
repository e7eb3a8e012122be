/**
 * The key of a segment object: `<prefix>/<domain>/<level>/<shard>/<hour>/<ulid>`, or without `<prefix>/` when the prefix is empty.
 *
 * | part | |
 * |---|---|
 * | prefix | the store's own; words of letters, digits and `!_.*'()=-`, joined by `/` |
 * | domain | isolation domain: 1 to 64 of `a-z0-9-` |
 * | level | `0` written by producers, `1` by compaction |
 * | shard | one hex digit: the low four bits of the CRC-32C of the id's 16 bytes |
 * | hour | UTC hour of the id's own time, `yyyymmddhh` |
 * | ulid | the segment's id |
 *
 * The shards spread writes over S3's prefixes and bound a listing where listings are not ordered (S3 Express). All but the first three parts follow from
 * the id, so an entry that holds the id names the object.
 */
import { hasCode, MillraceError } from '../errors.ts';
import { crc32c } from '../record/crc32c.ts';
import { parseDomain } from './domain.ts';
import { encodeId, idTimeMs, type SegmentId } from './segment-id.ts';

/** Who writes a segment: 0 producers, 1 compaction. */
export type SegmentLevel = 0 | 1;

/** What a key says. */
export interface SegmentName {
  /** May be empty; without a slash at either end. */
  readonly prefix: string;
  readonly domain: string;
  readonly level: SegmentLevel;
  readonly id: SegmentId;
}

/** A name with the parts of its key that follow from the id. */
export interface ParsedSegmentKey extends SegmentName {
  /** One hex digit in lower case. */
  readonly shard: string;
  /** `yyyymmddhh`, UTC. */
  readonly hour: string;
}

/** Every shard, in the order of keys: a full listing of a domain and level asks for each. */
export const SEGMENT_SHARDS: readonly string[] = [...'0123456789abcdef'];

/** S3: keys are at most 1,024 bytes; the other parts take 107. */
const PREFIX_LIMIT = 900;
/** The characters that S3 calls safe, and `=`. Files are stored under the same names, so no part may be `.` or `..`. */
const PREFIX_PATTERN = /^(?!\.{1,2}(\/|$))[A-Za-z0-9!_.*'()=-]+(\/(?!\.{1,2}(\/|$))[A-Za-z0-9!_.*'()=-]+)*$/;

/** Checks the prefix of a store's keys and returns it; it may be empty. Throws INVALID_REQUEST. */
export function parsePrefix(text: string): string {
  if (text === '') return text;
  if (typeof text !== 'string' || text.length > PREFIX_LIMIT || !PREFIX_PATTERN.test(text)) {
    throw new MillraceError('INVALID_REQUEST', 'not a prefix of keys', {
      value: text,
      hint: `Use words of letters, digits and !_.*'()=- joined by single slashes, ${PREFIX_LIMIT} characters at most, and none of them "." or "..".`,
    });
  }
  return text;
}

/** The shard of an id: one hex digit. Throws INVALID_REQUEST. */
export function shardOf(id: SegmentId): string {
  return SEGMENT_SHARDS[crc32c(encodeId(id)) & 0xf]!;
}

/** The UTC hour of an id's time, `yyyymmddhh`; years above 9999 have five digits. Throws INVALID_REQUEST. */
export function hourOf(id: SegmentId): string {
  const time = new Date(idTimeMs(id));
  const pad = (value: number, digits: number) => String(value).padStart(digits, '0');
  const day = pad(time.getUTCFullYear(), 4) + pad(time.getUTCMonth() + 1, 2) + pad(time.getUTCDate(), 2);
  return day + pad(time.getUTCHours(), 2);
}

/** What the keys of a domain's level begin with, slash included: listings and grants use it. Throws INVALID_REQUEST. */
export function segmentKeyPrefix(name: Omit<SegmentName, 'id'>): string {
  if (name.level !== 0 && name.level !== 1) {
    throw new MillraceError('INVALID_REQUEST', `not a level of segments: ${name.level}`, {
      value: name.level,
      hint: 'Levels are 0 (written by producers) and 1 (written by compaction).',
    });
  }
  const prefix = parsePrefix(name.prefix);
  return `${prefix}${prefix === '' ? '' : '/'}${parseDomain(name.domain)}/${name.level}/`;
}

/** The key of a segment. Throws INVALID_REQUEST when a part is not valid. */
export function segmentKey(name: SegmentName): string {
  return `${segmentKeyPrefix(name)}${shardOf(name.id)}/${hourOf(name.id)}/${name.id}`;
}

/** Reads a key, such as a listing returns. Throws INVALID_REQUEST for anything that `segmentKey` does not make. */
export function parseSegmentKey(key: string): ParsedSegmentKey {
  const name = nameIn(key);
  const expected = keyOrNull(name);
  if (expected !== key) {
    throw new MillraceError('INVALID_REQUEST', 'not the key of a segment', {
      value: key,
      hint: 'Keys are <prefix>/<domain>/<level>/<shard>/<hour>/<ulid>, shard and hour as the id has them; others keep such objects in the bucket.',
    });
  }
  return { ...name, shard: shardOf(name.id), hour: hourOf(name.id) };
}

/** The parts of a key where a segment's key has them, unchecked. */
function nameIn(key: string): SegmentName {
  const parts = String(key).split('/');
  const [domain = '', level = '', , , id = ''] = parts.slice(-5);
  return { prefix: parts.slice(0, -5).join('/'), domain, level: level === '1' ? 1 : 0, id };
}

/** The key of a name, or null when a part is not valid. */
function keyOrNull(name: SegmentName): string | null {
  try {
    return segmentKey(name);
  } catch (error) {
    if (hasCode(error, 'INVALID_REQUEST')) return null;
    throw error;
  }
}
