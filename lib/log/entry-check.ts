/** Whether the bytes that an entry names are those that were written: the object, its index, and when looked into deeply every checksum and record. */
import type { Clock, Random } from '../clock.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import { parseBatchHeader } from '../record/batch-header.ts';
import { type DecodedBatch, decodeBatch } from '../record/decode-batch.ts';
import { claimIndex } from '../segment/claim-index.ts';
import { readSegmentIndex, type SegmentIndex } from '../segment/decode-segment.ts';
import { findRegion } from '../segment/find-region.ts';
import { type Region, verifyRegion } from '../segment/region.ts';
import { segmentKey } from '../segment/segment-key.ts';
import { batchChecksum } from './batch-summary.ts';
import type { ReferenceEntry } from './entry.ts';
import type { Damage } from './index-check.ts';
import type { LocatedEntry } from './locate.ts';
import type { LogStore } from './log-store.ts';
import { openEntry } from './open-entry.ts';
import type { PartitionKey } from './partition-key.ts';
import { repeatRequest } from './repeat-request.ts';

/** What checks need. */
export interface EntryCheckDeps {
  readonly store: Pick<LogStore, 'objects' | 'prefix'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** What was found in an entry: nothing that is wrong, and the sum of its batches' checksums where they were read. */
export interface CheckedEntry {
  readonly damage: Damage | null;
  readonly checksum: bigint | null;
}

/** Indexes of objects that are kept: neighbouring entries of all partitions of a topic stand in the same ones. */
const KEPT_INDEXES = 1_000;

/** What says that bytes are not as they were written; anything else is the store's own trouble. */
const DAMAGE_CODES: readonly string[] = [
  'CORRUPT_OBJECT',
  'CORRUPT_MESSAGE',
  'OBJECT_MISSING',
  'UNSUPPORTED_FORMAT',
  'MESSAGE_TOO_LARGE',
  'UNSUPPORTED_COMPRESSION_TYPE',
];

/** Whether an error is about what is stored. */
export function isDamage(error: MillraceError): boolean {
  return DAMAGE_CODES.includes(error.code);
}

/** Checks entries of partitions that share objects; each object's index is read once while it is remembered. */
export class EntryCheck {
  readonly #deps: EntryCheckDeps;
  readonly #domain: string;
  readonly #isDeep: boolean;
  /** By object key, the one used last at the end. */
  readonly #indexes = new Map<string, Promise<SegmentIndex>>();
  /** Objects whose index was read. */
  objectCount = 0;

  constructor(deps: EntryCheckDeps, { domain, deep }: { readonly domain: string; readonly deep: boolean }) {
    this.#deps = deps;
    this.#domain = domain;
    this.#isDeep = deep;
  }

  /** Two requests for an object that is not remembered, and one for the bytes when looked into deeply. Throws what the store throws. */
  async check(partition: PartitionKey, located: LocatedEntry): Promise<CheckedEntry> {
    const object = located.entry.kind === 'reference' ? this.#keyOf(located.entry, located.level) : null;
    try {
      if (object === null)
        return { damage: null, checksum: checkBatches(located, inlineBytes(located), 'the head or chunk') };
      const region = await this.#region(object, partition, located);
      if (!this.#isDeep) return { damage: null, checksum: null };
      const { position, lengthBytes } = located.entry as ReferenceEntry;
      const bytes = await this.#get(object, position, lengthBytes);
      // Of a slice, the checksums of its batches speak.
      if (lengthBytes === region.length) verifyRegion(bytes, region);
      return { damage: null, checksum: checkBatches(located, bytes, object) };
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error)) throw error;
      const { baseOffset: fromOffset, endOffset } = located;
      return { damage: { code: error.code, fromOffset, endOffset, object, message: error.message }, checksum: null };
    }
  }

  /** What the object says of the partition, or of the chunk that was rewritten, held against the entry. */
  async #region(object: string, { topicId, partition }: PartitionKey, located: LocatedEntry): Promise<Region> {
    const entry = located.entry as ReferenceEntry;
    const index = await this.#index(object);
    const { baseOffset } = located;
    const region = findRegion(index, { topicId, partition, baseOffset });
    const say = (what: string) => new MillraceError('CORRUPT_OBJECT', what, { value: object });
    if (index.level !== located.level) throw say(`it is of level ${index.level} instead of ${located.level}`);
    if (region === undefined)
      throw say(
        `its index has ${located.level === 1 ? `no chunk at ${baseOffset}` : 'nothing'} of partition ${partition} of ${topicId}`,
      );
    const stands = `${region.position}+${region.length}`;
    const named = `${entry.position}+${entry.lengthBytes}`;
    const isSlice = located.level === 0 && stands !== named && holds(region, entry);
    if (stands !== named && !isSlice)
      throw say(`its index has the partition at bytes ${stands}, the log names ${named}`);
    // A reference of level 1 counts the offsets of its chunk, from which records may have been removed.
    const count = 'lastOffset' in region ? Number(region.lastOffset - baseOffset) + 1 : region.recordCount;
    if (!isSlice && count !== entry.recordCount)
      throw say(`its index says ${count} records, the log says ${entry.recordCount}`);
    const isTime = isSlice
      ? region.maxTimestampMs >= entry.maxTimestampMs
      : region.maxTimestampMs === entry.maxTimestampMs;
    if (isTime) return region;
    throw say(`its index says a largest timestamp of ${region.maxTimestampMs}, the log says ${entry.maxTimestampMs}`);
  }

  #index(object: string): Promise<SegmentIndex> {
    const known = this.#indexes.get(object);
    const index = known ?? this.#readIndex(object);
    this.#indexes.delete(object);
    this.#indexes.set(object, index);
    if (this.#indexes.size > KEPT_INDEXES) this.#indexes.delete(this.#indexes.keys().next().value!);
    return index;
  }

  async #readIndex(object: string): Promise<SegmentIndex> {
    this.objectCount += 1;
    const { answer: size } = await repeatRequest(this.#deps, () => this.#deps.store.objects.size(object));
    if (size === null) throw missing(object);
    const read = (position: number, length: number) => this.#get(object, position, length);
    return claimIndex(await readSegmentIndex({ size, read }), this.#domain);
  }

  async #get(object: string, position: number, lengthBytes: number): Promise<Uint8Array> {
    const get = () => this.#deps.store.objects.get(object, position, lengthBytes);
    const { answer } = await repeatRequest(this.#deps, get);
    if (answer === null) throw missing(object);
    return answer;
  }

  #keyOf({ id }: ReferenceEntry, level: 0 | 1): string {
    return segmentKey({ prefix: this.#deps.store.prefix, domain: this.#domain, level, id });
  }
}

/** A copy: offsets are stamped into it. */
function inlineBytes({ entry }: LocatedEntry): Uint8Array {
  return entry.kind === 'inline' ? entry.batches.slice() : new Uint8Array(0);
}

/** Every checksum, every length, every record of the batches; returns the sum for conservation. Throws CORRUPT_OBJECT, CORRUPT_MESSAGE. */
function checkBatches(located: LocatedEntry, bytes: Uint8Array, source: string): bigint {
  let checksum = 0n;
  let maxTimestampMs = -1n;
  for (const { bytes: batch } of openEntry(located, bytes, () => source)) {
    const header = parseBatchHeader(batch);
    checkRecords(decodeBatch(batch, { verify: false }));
    checksum += batchChecksum(header.crc, header.recordCount);
    if (header.maxTimestampMs > maxTimestampMs) maxTimestampMs = header.maxTimestampMs;
  }
  const stated = located.entry.maxTimestampMs;
  if (maxTimestampMs === stated) return checksum;
  throw new MillraceError(
    'CORRUPT_OBJECT',
    `its batches say a largest timestamp of ${maxTimestampMs}, the log says ${stated}`,
  );
}

function checkRecords(batch: DecodedBatch): void {
  for (let index = 0; index < batch.recordCount; index++) {
    batch.key(index);
    batch.value(index);
    batch.headers(index);
  }
}

function missing(object: string): MillraceError {
  return new MillraceError('OBJECT_MISSING', 'there is no such object in the store', { value: object });
}

/** Batches of idempotent producers have an entry each, and those of one flush share a region. */
function holds({ position, length }: Region, entry: ReferenceEntry): boolean {
  return entry.position >= position && entry.position + entry.lengthBytes <= position + length;
}
