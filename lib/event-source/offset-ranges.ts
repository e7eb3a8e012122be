/** Sets of offsets as sorted, disjoint ranges that do not touch: what was handled ahead of the committed offset. */

/** `[from, to)`. */
export interface OffsetRange {
  readonly from: bigint;
  readonly to: bigint;
}

/** The set with a range added. */
export function addRange(ranges: readonly OffsetRange[], added: OffsetRange): readonly OffsetRange[] {
  if (added.from >= added.to) return ranges;
  let { from, to } = added;
  const before: OffsetRange[] = [];
  const after: OffsetRange[] = [];
  for (const range of ranges) {
    if (range.to < from) before.push(range);
    else if (range.from > to) after.push(range);
    else {
      from = range.from < from ? range.from : from;
      to = range.to > to ? range.to : to;
    }
  }
  return [...before, { from, to }, ...after];
}

/** Whether an offset is in the set. */
export function includesOffset(ranges: readonly OffsetRange[], offset: bigint): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.to <= offset) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.from <= offset;
}

/** The first offset from `committed` on that is not in the set, and what of the set lies above it. */
export function advance(
  committed: bigint,
  ranges: readonly OffsetRange[],
): { readonly committed: bigint; readonly done: readonly OffsetRange[] } {
  const first = ranges[0];
  if (first === undefined || first.from > committed) return { committed, done: ranges };
  return advance(first.to > committed ? first.to : committed, ranges.slice(1));
}

/** As it is stored: from, to, from, to, … */
export function formatRanges(ranges: readonly OffsetRange[]): readonly string[] {
  return ranges.flatMap(({ from, to }) => [`${from}`, `${to}`]);
}

/** What `formatRanges` made. Throws SyntaxError for what is no number. */
export function parseRanges(stored: readonly string[]): readonly OffsetRange[] {
  return Array.from({ length: stored.length / 2 }, (_, index) => ({
    from: BigInt(stored[index * 2]!),
    to: BigInt(stored[index * 2 + 1]!),
  }));
}
