import { describe, expect, it } from 'vitest';
import { emptyHead, type Head } from '../../lib/log/head.ts';
import {
  advanceStartTransition,
  type CommitArgs,
  commitTransition,
  entriesBytes,
  mayCommit,
  noteCleanedTransition,
  raiseFloorTransition,
  trimTailTransition,
} from '../../lib/log/head-transitions.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { commitArgs, entryNumbered, idNumbered } from './contract/fresh.ts';

/** A head with entries 1 to 4 at offsets 10 to 13, the log starting at 5. */
const head: Head = {
  ...emptyHead(idNumbered(0)),
  next: 14n,
  start: 5n,
  tailBase: 10n,
  tail: [1, 2, 3, 4].map((number) => entryNumbered(number)),
  tailBytes: 148,
  ring: 0,
  maxTimestampMs: 99n,
  maxTimestampOffset: 7n,
  appended: 1000n,
  appendedBytes: 2000n,
};

const plain: CommitArgs = commitArgs(5, { known: 12n });
const strict: CommitArgs = { ...plain, form: 'strict', known: 14n };

describe('a commit', () => {
  it.each([
    ['plain', plain],
    ['strict', strict],
  ])('adds to next, tail and sums, rings, and changes nothing else: %s', (_, form) => {
    const entries = [entryNumbered(5), entryNumbered(6, { recordCount: 3 })];
    const args = { ...form, entries, recordCount: 4, checksum: 11n, batchBytes: 22 };
    const { tail } = head;
    expect(commitTransition(head, args)).toEqual({
      outcome: 'done',
      item: {
        ...head,
        next: 18n,
        tail: [...tail, ...entries],
        tailBytes: 222,
        ring: 1,
        appended: 1011n,
        appendedBytes: 2022n,
      },
    });
    expect(head.tail).toBe(tail);
    expect(head.tail).toHaveLength(4);
  });

  it('is refused by nothing without an item, and by a head with that head', () => {
    expect(commitTransition(undefined, plain)).toEqual({ outcome: 'refused', item: undefined });
    expect(commitTransition(head, { ...plain, tailEntriesCap: 0 })).toEqual({ outcome: 'refused', item: head });
  });

  it.each([
    ['plain', plain],
    ['strict', strict],
  ])('needs ids above the floor: %s', (_, args) => {
    expect(mayCommit({ ...head, floor: idNumbered(4) }, args)).toBe(true);
    expect(mayCommit({ ...head, floor: idNumbered(5) }, args)).toBe(false);
    expect(mayCommit({ ...head, floor: idNumbered(6) }, args)).toBe(false);
  });

  it.each([
    ['plain', plain],
    ['strict', strict],
  ])('needs room for one more entry and one more byte: %s', (_, args) => {
    expect(mayCommit(head, { ...args, tailEntriesCap: 5, tailBytesCap: 149 })).toBe(true);
    expect(mayCommit(head, { ...args, tailEntriesCap: 4, tailBytesCap: 149 })).toBe(false);
    expect(mayCommit(head, { ...args, tailEntriesCap: 5, tailBytesCap: 148 })).toBe(false);
  });

  it('needs exactly the known high watermark when it is strict', () => {
    for (const [known, may] of [
      [13n, false],
      [14n, true],
      [15n, false],
    ] as const) {
      expect(mayCommit(head, { ...strict, known })).toBe(may);
    }
  });

  it('needs a tail that reaches down to known when it is plain', () => {
    expect(mayCommit(head, { ...plain, known: 9n })).toBe(false);
    expect(mayCommit(head, { ...plain, known: 10n })).toBe(true);
    expect(mayCommit(head, { ...plain, known: 14n })).toBe(true);
  });

  it('needs a tail without its first entry when it is plain, wherever that stands', () => {
    for (const number of [1, 2, 3, 4]) {
      expect(mayCommit(head, { ...plain, entries: [entryNumbered(number), entryNumbered(9)] })).toBe(false);
    }
    expect(mayCommit(head, { ...plain, entries: [entryNumbered(1, { recordCount: 2 })] })).toBe(true);
    expect(mayCommit(head, { ...strict, entries: [entryNumbered(4)] })).toBe(true);
  });
});

describe('a trim of the tail', () => {
  const args = {
    base: 10n,
    end: 12n,
    count: 2,
    entriesBytes: 74,
    runMaxTimestampMs: 120n,
    runMaxTimestampOffset: 11n,
  };

  it('takes the first entries away and keeps the running maximum, without ringing', () => {
    expect(trimTailTransition({ ...head, ring: 1 }, args)).toEqual({
      outcome: 'done',
      item: {
        ...head,
        tailBase: 12n,
        tail: head.tail.slice(2),
        tailBytes: 74,
        ring: 0,
        maxTimestampMs: 120n,
        maxTimestampOffset: 11n,
      },
    });
  });

  it('needs a tail that begins where the chunk begins', () => {
    for (const tailBase of [9n, 11n]) {
      const other = { ...head, tailBase };
      expect(trimTailTransition(other, args)).toEqual({ outcome: 'refused', item: other });
    }
  });

  it('needs as many entries as the chunk holds', () => {
    expect(trimTailTransition(head, { ...args, count: 4 }).outcome).toBe('done');
    expect(trimTailTransition(head, { ...args, count: 5 })).toEqual({ outcome: 'refused', item: head });
  });

  it('needs a head', () => {
    expect(trimTailTransition(undefined, args)).toEqual({ outcome: 'refused', item: undefined });
  });
});

describe('a rise of the floor', () => {
  it('sets the floor and nothing else, without ringing', () => {
    const item = { ...head, floor: idNumbered(1), ring: 0 };
    expect(raiseFloorTransition({ ...head, ring: 1 }, idNumbered(1))).toEqual({ outcome: 'done', item });
  });

  it('never lowers it, nor sets it again', () => {
    expect(raiseFloorTransition(head, head.floor)).toEqual({ outcome: 'refused', item: head });
    expect(raiseFloorTransition(head, ZERO_ID)).toEqual({ outcome: 'refused', item: head });
    expect(raiseFloorTransition(undefined, idNumbered(1))).toEqual({ outcome: 'refused', item: undefined });
  });
});

describe('the end of a key compaction', () => {
  const args = { cleanedEnd: head.tailBase, cleanedBytes: 70n };

  it('is noted and nothing else, without ringing', () => {
    const item = { ...head, ...args, ring: 0 };
    expect(noteCleanedTransition({ ...head, ring: 1 }, args)).toEqual({ outcome: 'done', item });
  });

  it('never goes back, nor beyond what the chunks hold', () => {
    const noted = { ...head, cleanedEnd: 3n, cleanedBytes: 9n };
    const refused = { outcome: 'refused', item: noted };
    expect(noteCleanedTransition(noted, { ...args, cleanedEnd: 3n })).toEqual(refused);
    expect(noteCleanedTransition(noted, { ...args, cleanedEnd: 2n })).toEqual(refused);
    expect(noteCleanedTransition(noted, { ...args, cleanedEnd: head.tailBase + 1n })).toEqual(refused);
    expect(noteCleanedTransition(undefined, args)).toEqual({ outcome: 'refused', item: undefined });
  });
});

describe('a rise of the log start offset', () => {
  const floor = idNumbered(3);

  it('sets start and floor and nothing else, without ringing', () => {
    const item = { ...head, start: 6n, floor, ring: 0 };
    expect(advanceStartTransition({ ...head, ring: 1 }, { start: 6n, floor })).toEqual({ outcome: 'done', item });
  });

  it('goes up to the high watermark, never beyond', () => {
    expect(advanceStartTransition(head, { start: 14n, floor }).outcome).toBe('done');
    expect(advanceStartTransition(head, { start: 15n, floor })).toEqual({ outcome: 'refused', item: head });
  });

  it('never goes back, nor stays', () => {
    expect(advanceStartTransition(head, { start: 5n, floor })).toEqual({ outcome: 'refused', item: head });
    expect(advanceStartTransition(head, { start: 4n, floor })).toEqual({ outcome: 'refused', item: head });
  });

  it('never lowers the floor; the same floor will do', () => {
    const raised = { ...head, floor };
    expect(advanceStartTransition(raised, { start: 6n, floor }).outcome).toBe('done');
    expect(advanceStartTransition(raised, { start: 6n, floor: idNumbered(2) })).toEqual({
      outcome: 'refused',
      item: raised,
    });
  });

  it('needs a head', () => {
    expect(advanceStartTransition(undefined, { start: 6n, floor })).toEqual({ outcome: 'refused', item: undefined });
  });
});

describe('the bytes of entries', () => {
  it('are those of each, added up', () => {
    expect(entriesBytes([])).toBe(0);
    expect(entriesBytes([new Uint8Array(3), new Uint8Array(4)])).toBe(7);
  });
});
