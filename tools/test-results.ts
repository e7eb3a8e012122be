/** What a run of vitest came to, counted by kind of test and told in a few lines. */

/** One test file of a run. */
export interface FileResult {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly kind: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
}

/** Tests that did not run: which, why, and the command that makes them run. */
export interface Skipped {
  readonly what: string;
  readonly reason: string;
  readonly enable: string;
}

/** Numbers of tests. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The sums over all files. */
export function countTests(files: readonly FileResult[]): Counts {
  const sum = (field: 'passed' | 'failed' | 'skipped') => files.reduce((total, file) => total + file[field], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

/** The last line of a run, as other programs read it. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** The closing summary: one line per kind of test, each failed file, each skipped suite with its way out. */
export function describeRun(files: readonly FileResult[], skipped: readonly Skipped[]): string[] {
  const kinds = [...new Set(files.map((file) => file.kind))].sort();
  const lines = [
    '',
    'Suites',
    ...kinds.map((kind) =>
      describeKind(
        kind,
        files.filter((file) => file.kind === kind),
      ),
    ),
  ];
  const failed = files.filter((file) => file.failed > 0);
  if (failed.length > 0) lines.push('', 'Failed (again alone: npm test -- <file>)');
  for (const file of failed) lines.push(`  ${file.path}: ${file.failed} failed`);
  if (skipped.length > 0) lines.push('', 'Skipped');
  for (const { what, reason, enable } of skipped) lines.push(`  ${what}: ${reason}.`, `    To run it: ${enable}`);
  return lines;
}

function describeKind(kind: string, files: readonly FileResult[]): string {
  const { passed, failed, skipped } = countTests(files);
  const seconds = files.reduce((total, file) => total + file.durationMs, 0) / 1000;
  const parts = [`${passed} passed`.padStart(12)];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return `  ${kind.padEnd(12)}${parts.join(', ')} in ${files.length === 1 ? '1 file' : `${files.length} files`}, ${seconds.toFixed(1)} s`;
}
