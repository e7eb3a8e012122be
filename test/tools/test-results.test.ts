import { describe, expect, it } from 'vitest';
import { countsLine, countTests, describeRun, type FileResult } from '../../tools/test-results.ts';

const file = (path: string, changes: Partial<FileResult> = {}): FileResult => ({
  path,
  kind: 'unit',
  passed: 1,
  failed: 0,
  skipped: 0,
  durationMs: 500,
  ...changes,
});

describe('the summary of a test run', () => {
  it('adds up all files and ends in the line that other programs read', () => {
    const counts = countTests([file('a', { passed: 3, skipped: 2 }), file('b', { passed: 4, failed: 1 })]);
    expect(counts).toEqual({ passed: 7, failed: 1, skipped: 2 });
    expect(countsLine(counts)).toBe('7 passed, 1 failed, 2 skipped');
  });

  it('has a line for each kind of test', () => {
    const lines = describeRun(
      [file('a'), file('b', { kind: 'property', passed: 2 }), file('c', { durationMs: 1500 })],
      [],
    );
    expect(lines.filter((line) => line.startsWith('  '))).toEqual([
      '  property        2 passed in 1 file, 0.5 s',
      '  unit            2 passed in 2 files, 2.0 s',
    ]);
  });

  it('names each failed file', () => {
    const lines = describeRun([file('test/a.test.ts', { failed: 2 }), file('test/b.test.ts')], []);
    expect(lines).toContain('  test/a.test.ts: 2 failed');
    expect(lines.join()).not.toContain('test/b.test.ts');
  });

  it('names each skipped suite with its reason and the way to run it', () => {
    const skipped = {
      what: 'test/aws/a.emulator.test.ts',
      reason: 'Go is not installed',
      enable: 'install Go, then npm test',
    };
    const lines = describeRun([file('a')], [skipped]);
    expect(lines.slice(-2)).toEqual([
      '  test/aws/a.emulator.test.ts: Go is not installed.',
      '    To run it: install Go, then npm test',
    ]);
  });

  it('says nothing of failures and skips when there are none', () => {
    expect(describeRun([file('a')], []).join()).not.toMatch(/failed|skipped/i);
  });
});
