/** What objects say of topics and partitions, summed up: one look at all of them. */
import type { ErrorCode } from '../../errors.ts';
import { canBeRewritten } from '../../log/entry.ts';
import { idTimeMs, type SegmentId, ZERO_ID } from '../../segment/segment-id.ts';
import { type Damaged, NONE_DAMAGED, withDamaged } from './damaged.ts';
import type { FoundRegion } from './rebuild-plan.ts';
import type { WalkedSegment } from './walk-segments.ts';

/** Records that stand in objects of level 0: these do not know their offsets. Some of them may have been rewritten into level 1 since. */
export interface Unplaced {
  readonly objects: number;
  readonly records: number;
  readonly bytes: number;
}

/** A partition by its objects. */
export interface SurveyedPartition {
  readonly partition: number;
  /** The first offset behind all that objects of level 1 tell of it; null: nothing. */
  readonly end: bigint | null;
  /** When the object was made that tells it, ms since 1970. */
  readonly endAtMs: number;
  readonly unplaced: Unplaced;
}

/** A topic by its objects. */
export interface SurveyedTopic {
  readonly topicId: string;
  readonly domain: string;
  /** When its oldest object was made, ms since 1970. */
  readonly sinceMs: number;
  readonly partitions: ReadonlyMap<number, SurveyedPartition>;
}

/** An object that could not be taken in. */
export interface DamagedObject {
  readonly key: string;
  readonly code: ErrorCode;
  readonly message: string;
}

const NOTHING: Unplaced = { objects: 0, records: 0, bytes: 0 };

type OpenTopic = SurveyedTopic & { sinceMs: number; readonly partitions: Map<number, SurveyedPartition> };

/** Sums up. Memory grows with the number of partitions alone. */
export class Survey {
  readonly topics = new Map<string, OpenTopic>();
  /** Objects of each level, and bytes of those of level 0. */
  objects = { level0: 0, level1: 0, level0Bytes: 0 };
  damaged: Damaged<DamagedObject> = NONE_DAMAGED;
  /** The highest id of an object that is not above a limit. */
  highestId: SegmentId = ZERO_ID;
  readonly #highestMost: SegmentId;
  readonly #gapsAbove: SegmentId | null;

  /** `highestMost`: of ids above it none counts as the highest. `gapsAbove`: what has no records and a higher id fills a gap that this very rebuilding has made, and tells nothing; null: it has made none. */
  constructor(highestMost: SegmentId, gapsAbove: SegmentId | null) {
    this.#highestMost = highestMost;
    this.#gapsAbove = gapsAbove;
  }

  /** Takes a segment in; returns its regions where it is of level 1. */
  add(segment: WalkedSegment): readonly FoundRegion[] {
    const { name, index, sizeBytes } = segment;
    if (name.level === 0) this.objects.level0Bytes += sizeBytes;
    this.objects[name.level === 0 ? 'level0' : 'level1'] += 1;
    if (name.id > this.highestId && name.id <= this.#highestMost) this.highestId = name.id;
    if (index instanceof Error) return this.#damage(segment, index.code, index.message);
    if (index.level !== name.level)
      return this.#damage(segment, 'CORRUPT_OBJECT', `its index is of level ${index.level}`);
    const other = index.regions.find(
      ({ topicId }) => (this.topics.get(topicId)?.domain ?? name.domain) !== name.domain,
    );
    if (other !== undefined)
      return this.#damage(segment, 'CORRUPT_OBJECT', `topic ${other.topicId} has another isolation domain`);
    if (index.level === 0) {
      for (const { topicId, partition, recordCount, length } of index.regions)
        this.#addUnplaced(segment, topicId, partition, { objects: 1, records: recordCount, bytes: length });
      return [];
    }
    return index.regions.flatMap((region) => {
      const { topicId, partition, baseOffset, lastOffset, recordCount } = region;
      if (recordCount === 0 && this.#gapsAbove !== null && name.id > this.#gapsAbove) return [];
      const end = lastOffset + 1n;
      if (!canBeRewritten({ base: baseOffset, end }))
        return this.#damage(segment, 'CORRUPT_OBJECT', `a chunk of offsets ${baseOffset} to ${lastOffset}`);
      this.#addEnd(segment, topicId, partition, end);
      return [{ ...region, id: name.id }];
    });
  }

  #damage({ key }: WalkedSegment, code: ErrorCode, message: string): readonly [] {
    this.damaged = withDamaged(this.damaged, { key, code, message });
    return [];
  }

  #addUnplaced(segment: WalkedSegment, topicId: string, partition: number, added: Unplaced): void {
    const { topic, found } = this.#find(segment, topicId, partition);
    const { objects, records, bytes } = found.unplaced;
    const unplaced = {
      objects: objects + added.objects,
      records: records + added.records,
      bytes: bytes + added.bytes,
    };
    topic.partitions.set(partition, { ...found, unplaced });
  }

  #addEnd(segment: WalkedSegment, topicId: string, partition: number, end: bigint): void {
    const { topic, found } = this.#find(segment, topicId, partition);
    if (found.end !== null && found.end > end) return;
    const atMs = idTimeMs(segment.name.id);
    // Of several versions of the last chunk the oldest tells since when there was nothing behind it.
    const endAtMs = found.end === end ? Math.min(found.endAtMs, atMs) : atMs;
    topic.partitions.set(partition, { ...found, end, endAtMs });
  }

  #find({ name }: WalkedSegment, topicId: string, partition: number) {
    const atMs = idTimeMs(name.id);
    const topic = this.topics.get(topicId) ?? { topicId, domain: name.domain, sinceMs: atMs, partitions: new Map() };
    topic.sinceMs = Math.min(topic.sinceMs, atMs);
    this.topics.set(topicId, topic);
    return { topic, found: topic.partitions.get(partition) ?? emptyPartition(partition) };
  }
}

/** A partition of which no object tells anything. */
export function emptyPartition(partition: number): SurveyedPartition {
  return { partition, end: null, endAtMs: 0, unplaced: NOTHING };
}
