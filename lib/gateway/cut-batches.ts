/** How much of what was read goes into an answer: pure. */

/** What is left of an answer. */
export interface Room {
  /** Of the whole answer. */
  readonly bytes: number;
  /** Of the partition. */
  readonly ownBytes: number;
  /** Nothing is in the answer yet: then the first batch is put in whatever its size, or who asks would never get on (KIP-74). */
  readonly isFirst: boolean;
}

/** Splits record batches into those that fit and those that do not; the first that does not fit ends it. */
export function cutBatches(batches: readonly Uint8Array[], room: Room) {
  let bytes = 0;
  const end = batches.findIndex(({ length }, index) => {
    bytes += length;
    const isGiven = index === 0 && room.isFirst;
    // Its first batch is given to a partition above its own bound, not above that of the answer.
    const fitsOwn = index === 0 || bytes <= room.ownBytes;
    return !isGiven && !(fitsOwn && bytes <= room.bytes);
  });
  if (end < 0) return { taken: batches, left: [] };
  return { taken: batches.slice(0, end), left: batches.slice(end) };
}
