import { describe, expect, it } from 'vitest';
import { checkLogHistory } from './check-log-history.ts';
import { type LogEvent, logEventLine, parseLogEvent } from './log-event.ts';

/** `sent p a [expectedOffset]`, `acked p a 0`, `refused p a`, `unsent p a`, `unknown p a`, `read r 0 a [highWatermark]`, `trim r 3`, `trimmed r 3`, one a line, all of partition 0. */
function history(text: string): readonly LogEvent[] {
  return text
    .trim()
    .split('\n')
    .map((line): LogEvent => {
      const [kind = '', client = '', third = '', fourth, fifth] = line.trim().split(' ');
      const common = { client, partition: 0 };
      if (kind === 'read') {
        const highWatermark = fifth === undefined ? null : Number(fifth);
        return { kind, ...common, offset: Number(third), value: fourth!, highWatermark };
      }
      if (kind === 'acked') return { kind, ...common, value: third, offset: Number(fourth) };
      if (kind === 'trim' || kind === 'trimmed') return { kind, ...common, offset: Number(third) };
      if (kind === 'sent' && fourth !== undefined)
        return { kind, ...common, value: third, expectedOffset: Number(fourth) };
      return { kind: kind as 'sent' | 'refused' | 'unsent' | 'unknown' | 'gone', ...common, value: third };
    });
}

const kindsOf = (text: string) => checkLogHistory(history(text), 'end').problems.map(({ kind }) => kind);

describe('the judge of logs', () => {
  it('finds nothing in a good history', () => {
    const good = `
      sent p a
      sent p b
      sent q c
      sent q d
      sent q e
      acked p a 0
      acked p b 2
      unknown q c
      refused q d
      read r 0 a 1
      read end 0 a 3
      read end 1 c 3
      read end 2 b 3`;
    expect(checkLogHistory(history(good), 'end')).toEqual({
      problems: [],
      sent: 5,
      acked: 2,
      refused: 1,
      uncertain: 2,
      uncertainCommitted: 1,
      records: 3,
      reads: 4,
    });
  });

  it.each([
    ['lost', 'sent p a\nsent p b\nacked p a 0\nacked p b 1\nread end 0 a'],
    ['duplicated', 'sent p a\nacked p a 0\nread end 0 a\nread end 1 a'],
    ['reordered', 'sent p a\nsent p b\nread end 0 b\nread end 1 a'],
    ['phantom', 'sent p a\nread end 0 a\nread end 1 x'],
    ['phantom', 'sent p a\nacked p x 1\nread end 0 a'],
    ['inconsistent offset', 'sent p a\nsent q b\nacked p a 1\nread end 0 a\nread end 1 b'],
    ['inconsistent offset', 'sent p a\nsent q b\nacked p a 0\nacked q b 0\nread end 0 a\nread end 1 b'],
    ['gap', 'sent p a\nsent p b\nread end 0 a\nread end 2 b'],
    ['gap', 'sent p a\nsent p b\nread r 1 b\nread r 0 a\nread end 0 a\nread end 1 b'],
    ['above the high watermark', 'sent p a\nread r 0 a 0\nread end 0 a'],
    ['changed', 'sent p a\nsent q b\nread r 0 b\nread end 0 a\nread end 1 b'],
    ['refused but committed', 'sent p a\nrefused p a\nread end 0 a'],
    ['refused but committed', 'sent p a\nunsent p a\nread end 0 a'],
    ['overtaken', 'sent p a\nsent p b\nsent p c\nrefused p b\nread end 0 a\nread end 1 c'],
    ['overtaken', 'sent p a\nsent p b\nread end 0 b'],
    ['overtaken', 'sent p a\nsent p b\nunknown p a\nread end 0 b'],
    ['overtaken', 'sent p a\nsent p c\nrefused p a\ntrim x 1\nread end 1 c'],
    ['inconsistent offset', 'sent p a\nsent q b 0\nacked q b 1\nread end 0 a\nread end 1 b'],
    ['gap', 'sent p a\nsent p b\nsent p c\ntrim x 1\nread r 0 a\nread r 2 c\nread end 0 a\nread end 1 b\nread end 2 c'],
    ['gap', 'sent p a\nsent p b\ntrim x 1\nread end 2 b'],
    ['not trimmed', 'sent p a\nsent p b\ntrim x 1\ntrimmed x 1\nread end 0 a\nread end 1 b'],
    ['lost', 'sent p a\nacked p a 1\nsent q b\ntrim x 1\nread end 1 b'],
    ['told twice', 'sent p a\nacked p a 0\nrefused p a\nread end 0 a'],
  ])('finds %s', (kind, text) => {
    expect(kindsOf(text)).toContain(kind);
  });

  it.each([
    ['an uncertain record that is there', 'sent p a\nunknown p a\nread end 0 a'],
    ['an uncertain record that is not there', 'sent p a\nunknown p a\nsent q b\nread end 0 b'],
    ['a record of a producer that died', 'sent p a\nread end 0 a'],
    [
      'a producer that gave up one in the middle',
      'sent p a\nsent p b\nrefused p b\nsent p c\nread end 0 a\nread end 1 c',
    ],
    ['a producer that had no room for one', 'sent p a\nsent p b\nsent p c\nunsent p b\nread end 0 a\nread end 1 c'],
    ['one that was given up before', 'sent p a\nunknown p a\nsent p b\nread end 0 b'],
    ['one whose topic was deleted', 'sent p a\nsent p b\ngone p a\nread end 0 b'],
    ['all that was trimmed', 'sent p a\nacked p a 0\ntrim x 1\nsent q b 0\nread end 1 b'],
    ['an expected offset that was right', 'sent p a 0\nacked p a 0\nread end 0 a'],
    [
      'records that were deleted',
      'sent p a\nsent p b\nsent p c\nacked p a 0\nread r 0 a\ntrim x 2\ntrimmed x 2\nread r 2 c\nread end 2 c',
    ],
    ['a deletion that may not have come to it', 'sent p a\nsent p b\ntrim x 1\nread end 0 a\nread end 1 b'],
    ['records that went before anybody read them', 'sent p a\nsent p b\ntrim x 1\nread end 1 b'],
    ['records of two producers in any order', 'sent p a\nsent q b\nread end 0 b\nread end 1 a'],
    ['a reader that begins in the middle', 'sent p a\nsent p b\nread r 1 b 2\nread end 0 a\nread end 1 b'],
  ])('accepts %s', (_, text) => {
    expect(kindsOf(text)).toEqual([]);
  });

  it('refuses a history that proves nothing', () => {
    expect(() => checkLogHistory(history('sent p a\nread r 0 a'), 'end')).toThrow(/has read nothing/);
    expect(() => checkLogHistory(history('sent p a\nsent p a\nread end 0 a'), 'end')).toThrow(/unique/);
  });

  it('reads what processes print', () => {
    const event = { kind: 'acked', client: 'p', partition: 3, value: 'a', offset: 7 } as const;
    expect(parseLogEvent(logEventLine(event))).toEqual(event);
    expect(() => parseLogEvent('{"kind":"sentt"}')).toThrow(/no event/);
  });
});
