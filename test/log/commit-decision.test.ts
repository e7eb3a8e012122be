import { describe, expect, it } from 'vitest';
import {
  type CommitProgress,
  decideAbsent,
  decideFenced,
  decideRefusal,
  findGroup,
} from '../../lib/log/commit-decision.ts';
import { emptyHead, type Head } from '../../lib/log/head.ts';
import { commitOf, entryAt, idAt } from './log-stage.ts';

const headWith = (changes: Partial<Head>): Head => ({ ...emptyHead(idAt(0)), ...changes });

/** A commit of entries 5 and 6 that knew offset 10. */
const progress = (changes: Partial<CommitProgress> = {}, form: 'plain' | 'strict' = 'plain'): CommitProgress => ({
  args: commitOf([5, 6], { known: 10n, form }),
  unanswered: true,
  gap: false,
  ...changes,
});

describe('findGroup', () => {
  const entries = [entryAt(1, 3), entryAt(2, 4), entryAt(3, 5)];

  it('finds where a group starts by its first member', () => {
    expect(findGroup(100n, entries, [entryAt(2, 4), entryAt(3, 5)])).toBe(103n);
  });

  it('counts back from a later member, when a roll has cut the group', () => {
    expect(findGroup(100n, entries, [entryAt(9, 7), entryAt(1, 3)])).toBe(93n);
    expect(findGroup(100n, entries, [entryAt(8, 7), entryAt(9, 2), entryAt(2, 4)])).toBe(94n);
  });

  it('finds nothing among others', () => {
    expect(findGroup(100n, entries, [entryAt(4)])).toBeNull();
    expect(findGroup(100n, [], [entryAt(4)])).toBeNull();
  });

  it('compares whole entries, not ids', () => {
    expect(findGroup(0n, [entryAt(4, 2)], [entryAt(4, 1)])).toBeNull();
  });
});

describe('a refused commit', () => {
  it('is for a topic that is gone when there is no head', () => {
    expect(decideRefusal(progress(), undefined)).toEqual({ kind: 'gone' });
    expect(decideFenced(progress(), undefined)).toEqual({ kind: 'gone' });
  });

  it('case 1: is done when any of its entries stands in the tail, whatever else holds', () => {
    const tail = [entryAt(1, 3), entryAt(5), entryAt(6)];
    const head = headWith({ tailBase: 20n, next: 25n, tail, floor: idAt(9) });
    expect(decideRefusal(progress({ gap: true }), head)).toEqual({ kind: 'done', baseOffset: 23n });
    expect(decideRefusal(progress({ unanswered: false }), head)).toEqual({ kind: 'done', baseOffset: 23n });
    expect(decideRefusal(progress({}, 'strict'), head)).toEqual({ kind: 'done', baseOffset: 23n });
    const cut = headWith({ tailBase: 20n, next: 21n, tail: [entryAt(6)] });
    expect(decideRefusal(progress(), cut)).toEqual({ kind: 'done', baseOffset: 19n });
  });

  it('case 2: rolls a tail that is full by entries or by bytes, before it judges anything else', () => {
    const tail = Array.from({ length: 90 }, (_, index) => entryAt(100 + index));
    const byEntries = headWith({ tailBase: 20n, next: 110n, tail, floor: idAt(9) });
    expect(decideRefusal(progress(), byEntries)).toEqual({ kind: 'roll', head: byEntries });
    expect(decideRefusal(progress({ unanswered: false }), byEntries)).toEqual({ kind: 'roll', head: byEntries });
    const byBytes = headWith({ next: 10n, tailBytes: 128 * 1024 });
    expect(decideRefusal(progress(), byBytes)).toEqual({ kind: 'roll', head: byBytes });
    const almost = headWith({ tailBase: 20n, next: 109n, tail: tail.slice(1), tailBytes: 128 * 1024 - 1 });
    expect(decideRefusal(progress(), almost).kind).toBe('search');
  });

  it('case 3: is certainly absent when every attempt was answered', () => {
    const rolled = headWith({ tailBase: 30n, next: 40n, floor: idAt(4) });
    expect(decideRefusal(progress({ unanswered: false }), rolled)).toEqual({ kind: 'again', known: 40n });
    const fenced = headWith({ tailBase: 30n, next: 40n, floor: idAt(5) });
    expect(decideRefusal(progress({ unanswered: false }), fenced)).toEqual({ kind: 'not-committed', floor: idAt(5) });
    expect(decideRefusal(progress({ unanswered: false, gap: true }, 'strict'), rolled)).toEqual({
      kind: 'mismatch',
      next: 40n,
    });
  });

  it('case 4: is looked for in the chunks when the tail begins above what was known', () => {
    const head = headWith({ tailBase: 11n, next: 40n, floor: idAt(9) });
    expect(decideRefusal(progress(), head)).toEqual({ kind: 'search', head });
    expect(decideRefusal(progress({}, 'strict'), head)).toEqual({ kind: 'search', head });
    expect(decideRefusal(progress(), headWith({ tailBase: 10n, next: 40n })).kind).not.toBe('search');
  });

  it('case 5: can never land under a floor at its smallest id; a gap makes that unknown', () => {
    const head = headWith({ tailBase: 10n, next: 40n, floor: idAt(5) });
    expect(decideRefusal(progress(), head)).toEqual({ kind: 'not-committed', floor: idAt(5) });
    expect(decideRefusal(progress({ gap: true }), head)).toEqual({ kind: 'unknown' });
    expect(decideAbsent(progress({}, 'strict'), head)).toEqual({ kind: 'not-committed', floor: idAt(5) });
    expect(decideAbsent(progress({ gap: true }, 'strict'), head)).toEqual({ kind: 'unknown' });
  });

  it('case 6: plain goes again from the next that was read, and a gap stays for later', () => {
    const head = headWith({ tailBase: 30n, next: 40n, floor: idAt(4) });
    expect(decideAbsent(progress(), head)).toEqual({ kind: 'again', known: 40n });
    expect(decideAbsent(progress({ gap: true }), head)).toEqual({ kind: 'again', known: 40n });
  });

  it('case 6: an expected offset is a mismatch, or unknown behind a gap', () => {
    const head = headWith({ tailBase: 30n, next: 40n, floor: idAt(4) });
    expect(decideAbsent(progress({}, 'strict'), head)).toEqual({ kind: 'mismatch', next: 40n });
    expect(decideAbsent(progress({ gap: true }, 'strict'), head)).toEqual({ kind: 'unknown' });
  });
});

describe('a commit behind its fence', () => {
  const floor = idAt(5);

  it('is done when the answer of the fence shows it', () => {
    const head = headWith({ tailBase: 10n, next: 12n, tail: [entryAt(5), entryAt(6)], floor });
    expect(decideFenced(progress(), head)).toEqual({ kind: 'done', baseOffset: 10n });
  });

  it('is looked for in the chunks that the tail was rolled into', () => {
    const head = headWith({ tailBase: 11n, next: 12n, floor });
    expect(decideFenced(progress(), head)).toEqual({ kind: 'search', head });
  });

  it('is not committed when it is absent, unknown when a part could not be read', () => {
    const head = headWith({ tailBase: 10n, next: 12n, floor });
    expect(decideFenced(progress(), head)).toEqual({ kind: 'not-committed', floor });
    expect(decideFenced(progress({ gap: true }), head)).toEqual({ kind: 'unknown' });
    expect(decideFenced(progress({ gap: true }, 'strict'), head)).toEqual({ kind: 'unknown' });
  });

  it('does not roll a full tail: nothing more is sent', () => {
    const tail = Array.from({ length: 90 }, (_, index) => entryAt(100 + index));
    const head = headWith({ tailBase: 10n, next: 100n, tail, floor });
    expect(decideFenced(progress(), head)).toEqual({ kind: 'not-committed', floor });
  });
});
