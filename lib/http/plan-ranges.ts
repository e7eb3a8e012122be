/** Which ranges an answer tells of: pure. */
import type { StoredEntry } from '../log/fetcher.ts';
import type { ObjectRange } from './range-links.ts';

interface RangeOffsets {
  readonly baseOffset: bigint;
  /** First offset behind it. */
  readonly endOffset: bigint;
  /** Whether the record batches carry their own offsets, and may have gaps. If not, they follow each other from `baseOffset` on. */
  readonly stamped: boolean;
}

/** Record batches in an object, or at hand. */
export type PlannedRange = RangeOffsets &
  (({ readonly kind: 'object' } & ObjectRange) | { readonly kind: 'inline'; readonly batches: Uint8Array });

/** Of one link with what is told of it, at most: a token of a session may have 2 KB. */
const LINK_BYTES = 4_096;

/** As many ranges as an answer of `maxAnswerBytes` can tell of, and one in any case. What stands back to back in one object is one range. */
export function planRanges(entries: readonly StoredEntry[], maxAnswerBytes: number): readonly PlannedRange[] {
  const planned: PlannedRange[] = [];
  let answerBytes = 0;
  for (const entry of entries) {
    const range = rangeOf(entry);
    const last = planned.at(-1);
    const joined = last && join(last, range);
    if (joined) {
      planned[planned.length - 1] = joined;
      continue;
    }
    answerBytes += range.kind === 'object' ? LINK_BYTES : LINK_BYTES + Math.ceil(range.batches.length / 3) * 4;
    if (planned.length > 0 && answerBytes > maxAnswerBytes) break;
    planned.push(range);
  }
  return planned;
}

function rangeOf({ entry, key, level, baseOffset, endOffset }: StoredEntry): PlannedRange {
  const offsets = { baseOffset, endOffset, stamped: level === 1 };
  if (entry.kind === 'inline') return { kind: 'inline', ...offsets, batches: entry.batches };
  const { position, lengthBytes } = entry;
  return { kind: 'object', ...offsets, key, position, lengthBytes };
}

/** Between ranges that are not back to back lie bytes of others. */
function join(a: PlannedRange, b: PlannedRange): PlannedRange | null {
  if (a.kind === 'inline' || b.kind === 'inline') return null;
  const isNext = a.key === b.key && a.position + a.lengthBytes === b.position && a.endOffset === b.baseOffset;
  return isNext ? { ...a, lengthBytes: a.lengthBytes + b.lengthBytes, endOffset: b.endOffset } : null;
}
