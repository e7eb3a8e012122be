/** Which bytes a fetch reads: pure. */
import type { LocatedEntry } from './locate.ts';
import { entryDataBytes } from './locate.ts';

/** The entries that one partition of a fetch may read. */
export interface FetchCandidate {
  readonly domain: string;
  readonly entries: readonly LocatedEntry[];
  readonly maxBytes: number;
}

/** One entry's bytes inside a range. */
export interface RangePiece {
  /** Index of the candidate and of its entry. */
  readonly candidate: number;
  readonly entryIndex: number;
  /** Byte in the object. */
  readonly position: number;
  readonly lengthBytes: number;
}

/** One GET. */
export interface FetchRange {
  readonly domain: string;
  readonly id: string;
  readonly level: 0 | 1;
  readonly position: number;
  readonly lengthBytes: number;
  readonly hot: boolean;
  readonly pieces: readonly RangePiece[];
}

/** What a fetch reads. */
export interface FetchPlan {
  /** How many entries of each candidate are read, from its first. */
  readonly entryCounts: readonly number[];
  readonly ranges: readonly FetchRange[];
}

/** Bytes between two wanted pieces that are cheaper to read along than to ask for separately: a GET costs as much as moving about this much within a region. */
const MERGE_GAP_BYTES = 64 * 1024;
/** One GET at most, by level, unless a single entry is larger. Chunks of level 1 stand back to back, and rounding to whole ones shall leave 8 MiB. */
const RANGE_BYTES = [8 * 1024 * 1024, 16 * 1024 * 1024] as const;

/**
 * How many entries each candidate gets: one each in turn, so that no partition starves another, until `maxBytes` is spent. The first entry of all is given whatever its
 * size, so that a fetch always makes progress; a candidate's own `maxBytes` bounds what follows its first.
 */
export function shareBudget(candidates: readonly FetchCandidate[], maxBytes: number): readonly number[] {
  const counts = candidates.map(() => 0);
  const spent = candidates.map(() => 0);
  let total = 0;
  let progress = true;
  while (progress) {
    progress = false;
    for (const [index, { entries, maxBytes: own }] of candidates.entries()) {
      const next = entries[counts[index]!];
      if (!next) continue;
      const bytes = entryDataBytes(next.entry);
      const fitsOwn = counts[index] === 0 || spent[index]! + bytes <= own;
      const fitsAll = total === 0 || total + bytes <= maxBytes;
      if (!fitsOwn || !fitsAll) continue;
      counts[index]! += 1;
      spent[index]! += bytes;
      total += bytes;
      progress = true;
    }
  }
  return counts;
}

/** Merges what stands close together in one object into one range each. Inline entries need no range. */
export function planFetch(candidates: readonly FetchCandidate[], maxBytes: number): FetchPlan {
  const entryCounts = shareBudget(candidates, maxBytes);
  const single = candidates.flatMap(({ domain, entries }, candidate) =>
    entries.slice(0, entryCounts[candidate]).flatMap(({ entry, level, hot }, entryIndex): FetchRange[] => {
      if (entry.kind === 'inline') return [];
      const { id, position, lengthBytes } = entry;
      const pieces = [{ candidate, entryIndex, position, lengthBytes }];
      return [{ domain, id, level, position, lengthBytes, hot, pieces }];
    }),
  );
  const byObject = Map.groupBy(single, ({ domain, id, level }) => `${domain}/${level}/${id}`);
  return { entryCounts, ranges: [...byObject.values()].flatMap(mergeRanges) };
}

function mergeRanges(ranges: readonly FetchRange[]): readonly FetchRange[] {
  const merged: FetchRange[] = [];
  let together: FetchRange[] = [];
  let end = 0;
  for (const range of ranges.toSorted((a, b) => a.position - b.position)) {
    if (together.length > 0 && !fits(together[0]!, end, range)) {
      merged.push(joined(together, end));
      together = [];
    }
    end = together.length === 0 ? endOf(range) : Math.max(end, endOf(range));
    together.push(range);
  }
  if (together.length > 0) merged.push(joined(together, end));
  return merged;
}

const endOf = ({ position, lengthBytes }: FetchRange): number => position + lengthBytes;

/** Whether a range is read along with those before it, which begin with `first` and end at `end`. */
function fits(first: FetchRange, end: number, range: FetchRange): boolean {
  const lengthBytes = Math.max(end, endOf(range)) - first.position;
  return range.position - end <= MERGE_GAP_BYTES && lengthBytes <= RANGE_BYTES[first.level];
}

function joined(ranges: readonly FetchRange[], end: number): FetchRange {
  const [first] = ranges as readonly [FetchRange];
  return {
    ...first,
    lengthBytes: end - first.position,
    hot: ranges.some(({ hot }) => hot),
    pieces: ranges.flatMap(({ pieces }) => pieces),
  };
}
