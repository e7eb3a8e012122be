import { describe, expect, it } from 'vitest';
import { checkGroupHistory, type GroupEvent, parseEvent } from './check-group-history.ts';

/** `<time> <member> <kind> [partitions] [offset]`, one a line. */
function history(text: string): readonly GroupEvent[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [atMs = '', member = '', ...rest] = line.trim().split(' ');
      if (rest.length > 1) return parseEvent(member, `${atMs} ${rest.join(' ')}`);
      return { atMs: Number(atMs), member, kind: rest[0] as GroupEvent['kind'], partitions: [], offset: -1 };
    });
}

const problemsOf = (text: string, end = 2) => checkGroupHistory(history(text), new Map([[0, end]])).problems;

describe('the checker of groups', () => {
  it('finds nothing in a good history', () => {
    const good = `
      1 a assigned 0
      2 a given 0 0
      3 a committed 0 1
      4 a revoked 0
      5 b assigned 0
      6 b given 0 1
      7 b killed
      8 a assigned 0
      9 a given 0 1`;
    expect(checkGroupHistory(history(good), new Map([[0, 2]]))).toEqual({
      problems: [],
      given: 3,
      repeated: 1,
      moves: 3,
    });
  });

  it.each([
    ['a record that nobody was given', '1 a assigned 0\n2 a given 0 0', /1 of 2 records/],
    ['a record that was skipped', '1 a assigned 0\n2 a given 0 1', /given to nobody/],
    ['records out of order', '1 a assigned 0\n2 a given 0 0\n3 a given 0 1\n4 a given 0 0', /behind 1/],
    [
      'a committed record that comes again',
      '1 a assigned 0\n2 a given 0 0\n3 a committed 0 1\n4 a killed\n5 b assigned 0\n6 b given 0 0\n7 b given 0 1',
      /1 was committed/,
    ],
    ['two owners', '1 a assigned 0\n2 a given 0 0\n3 b assigned 0\n4 b given 0 0\n5 b given 0 1', /a holds it/],
    ['a record for somebody who does not own it', '1 a given 0 0\n2 a given 0 1', /null's/],
    ['a commit of what nobody was given', '1 a assigned 0\n2 a committed 0 2\n3 a given 0 0\n4 a given 0 1', /nobody/],
    [
      'a commit that goes back',
      '1 a assigned 0\n2 a given 0 0\n3 a given 0 1\n4 a committed 0 2\n5 a committed 0 1',
      /back from 2/,
    ],
  ])('finds %s', (_, text, problem) => {
    expect(problemsOf(text).join('\n')).toMatch(problem);
  });

  it('knows that who was stopped may tell late of what was committed before, and finds it out if it was not', () => {
    const late = `
      1 a assigned 0
      2 a given 0 0
      3 a stopped
      4 b assigned 0
      5 b given 0 0
      6 b given 0 1
      7 b committed 0 2
      8 a committed 0 1`;
    expect(problemsOf(late)).toEqual([]);
    expect(problemsOf(`${late}\n9 b killed\n10 c assigned 0\n11 c given 0 1`).join()).toMatch(/2 was committed/);
  });

  it('lets one that was stopped be wrong for as long as it is told, and no longer', () => {
    const zombie = (atMs: number) => `
      1 a stopped
      2 b assigned 0
      3 b given 0 0
      4 a woken
      ${atMs} a assigned 0
      ${atMs + 1} a given 0 0
      ${atMs + 2} b given 0 1`;
    const judge = (atMs: number) => checkGroupHistory(history(zombie(atMs)), new Map([[0, 2]]), { graceMs: 10 });
    expect(judge(5).problems).toEqual([]);
    expect(judge(15).problems.join()).toMatch(/b holds it/);
  });

  // Two runs found one that was stopped between its assignment and the first record.
  it('knows that who was stopped right after its assignment is given what it had fetched, not what was committed since', () => {
    const late = `
      1 a assigned 0
      2 a stopped
      3 b assigned 0
      4 b given 0 0
      5 b committed 0 1
      6 b given 0 1
      7 b committed 0 2
      8 a woken
      9 a given 0 0`;
    expect(checkGroupHistory(history(late), new Map([[0, 2]]), { graceMs: 10 }).problems).toEqual([]);
  });

  // The long run found one that was stopped between its claim and the telling of it.
  it('knows that who was stopped while it claimed begins where the group was then, as long as it may not know better', () => {
    const late = (atMs: number) => `
      1 a stopped
      2 b assigned 0
      3 b given 0 0
      4 b committed 0 1
      5 a woken
      6 b revoked 0
      ${atMs} a assigned 0
      ${atMs + 1} a given 0 0`;
    const judge = (atMs: number) => checkGroupHistory(history(late(atMs)), new Map([[0, 1]]), { graceMs: 10 });
    expect(judge(7).problems).toEqual([]);
    expect(judge(17).problems.join()).toMatch(/1 was committed/);
  });

  it('does not ask that deleted records are given out, nor all of a deleted topic', () => {
    const events = history('1 a assigned 0\n2 a given 0 1\n3 a given 0 3\n4 a committed 0 4');
    const judge = (end: number | null, trim: number) =>
      checkGroupHistory(events, new Map([[0, end]]), { trims: new Map([[0, trim]]) }).problems.join('\n');
    expect(judge(4, 3)).toBe('');
    expect(judge(4, 1)).toMatch(/behind 1/);
    expect(judge(4, 0)).toMatch(/given to nobody/);
    expect(judge(6, 3)).toMatch(/1 of 3 records/);
    expect(judge(null, 3)).toBe('');
  });

  it('does not believe a line that it does not know', () => {
    expect(() => parseEvent('a', '1 given zero')).toThrow(/says/);
  });
});
