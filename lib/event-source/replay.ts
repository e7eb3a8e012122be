/** Records that are given again to a function while its group stays where it is: what a subscription is for that reads a range of a topic, and ends. */

/** Offsets of one partition: `[from, to)`. */
export interface ReplayRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** See the top of this file. */
export interface Replay {
  /** Group of the subscription whose records they are. */
  readonly of: string;
  /** By partition; the others are not read. */
  readonly ranges: readonly ReplayRange[];
  /** Where in their topic the records begin that it gives up; null: they go to the dead letters of its subscription. */
  readonly failuresFrom: bigint | null;
}

/** Partitions of one replay: an item of about 50 KB, which every commit to the topic reads. */
export const MAX_REPLAY_PARTITIONS = 1_000;

type Stored = readonly [of: string, failuresFrom: string | null, ...ranges: readonly [number, string, string][]];

/** The stored form. */
export function formatReplay({ of, ranges, failuresFrom }: Replay): string {
  const stored: Stored = [
    of,
    failuresFrom === null ? null : `${failuresFrom}`,
    ...ranges.map(({ partition, from, to }) => [partition, `${from}`, `${to}`] as [number, string, string]),
  ];
  return JSON.stringify(stored);
}

/** Throws SyntaxError and TypeError for a text that `formatReplay` did not make. */
export function parseReplay(text: string): Replay {
  const [of, failuresFrom, ...ranges] = JSON.parse(text) as Stored;
  return {
    of,
    failuresFrom: failuresFrom === null ? null : BigInt(failuresFrom),
    ranges: ranges.map(([partition, from, to]) => ({ partition, from: BigInt(from), to: BigInt(to) })),
  };
}

/** What a subscription is to see of a partition: for a replay its range, for all others what there is. */
export function visibleRange<R extends { readonly start: bigint; readonly next: bigint }>(
  { replay }: { readonly replay?: Replay },
  partition: number,
  head: R,
): Pick<R, 'start' | 'next'> {
  if (replay === undefined) return head;
  const range = replay.ranges.find((one) => one.partition === partition);
  if (range === undefined) return { start: head.start, next: head.start };
  return {
    start: range.from > head.start ? range.from : head.start,
    next: range.to < head.next ? range.to : head.next,
  };
}
