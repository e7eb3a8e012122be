/** Maintenance as people read it. */
import type { CleanReport } from '../maintenance/clean/clean-state.ts';
import type { CompactionReport } from '../maintenance/compaction-state.ts';
import type { JobDescription } from '../maintenance/describe-jobs.ts';
import type { RetentionReport } from '../maintenance/retention-job.ts';
import type { JobRun } from '../maintenance/run-maintenance.ts';
import { table } from './table.ts';

/** What became of a job. */
export function outcomeText(result: JobRun['result']): string {
  switch (result.outcome) {
    case 'done':
      return 'done';
    case 'unfinished':
      return 'the time is over; the next run goes on';
    case 'not-due':
      return `not due before ${timeText(result.dueAtMs)}`;
    case 'busy':
      return `somebody else is at it, until ${timeText(result.untilMs)} or longer`;
    case 'lost':
      return 'another has taken it over';
    case 'failed':
      return `failed: ${result.error.message} (${result.error.code})`;
  }
}

/** What a job did, and what it could not work on. */
export function reportLines(described: JobDescription): readonly string[] {
  if (described.report === null) return [];
  const { clockMs, damages } = described.report;
  const lines = linesOf(described);
  if (clockMs === 0) {
    lines.push('  nothing goes by its age yet: a clock counts once it has been seen for five minutes');
  }
  for (const { topic, partition, code, message } of damages.first) {
    lines.push(`  ${topic}${partition === null ? '' : `/${partition}`} is left as it is: ${message} (${code})`);
  }
  if (damages.count > damages.first.length) lines.push(`  … and ${damages.count - damages.first.length} more`);
  return lines;
}

/** How far a job is that is at work, in one line. */
export function progressText(described: JobDescription): string {
  const lines = described.report === null ? [] : linesOf(described).map((line) => line.trim());
  return [described.job, lines.length === 0 ? 'begins' : lines.join(', ')].join(': ');
}

function linesOf(described: JobDescription): string[] {
  if (described.job === 'retention') return retentionLines(described.report!);
  if (described.job === 'compaction') return compactionLines(described.report!);
  return described.job === 'key-compaction' ? cleanLines(described.report!) : collectionLines(described);
}

function cleanLines(report: CleanReport): string[] {
  const { topics, partitions, cleaned, recordsRemoved, chunksRewritten, objects, bytesWritten } = report;
  const rewritten = `rewrote ${counted(chunksRewritten, 'chunk')} into ${counted(objects, 'object')} (${bytesWritten} bytes)`;
  return [
    `  looked at ${counted(partitions, 'partition')} of ${counted(topics, 'topic')} compacted by key`,
    `  removed ${counted(recordsRemoved, 'record')} in ${counted(cleaned, 'cleaning')}, ${rewritten}`,
  ];
}

function compactionLines({ topics, partitions, chunks, objects, bytes, waiting = 0 }: CompactionReport): string[] {
  const left = `  ${counted(waiting, 'partition')} left with what is too young to be rewritten, or too little`;
  return [
    `  looked at ${counted(partitions, 'partition')} of ${counted(topics, 'topic')}`,
    `  rewrote ${counted(chunks, 'chunk')} into ${counted(objects, 'object')} (${bytes} bytes)`,
    ...(waiting > 0 ? [left] : []),
  ];
}

function retentionLines(report: RetentionReport): string[] {
  const { topics, partitions, recordsDropped, chunksRemoved, topicsDeleted } = report;
  return [
    `  looked at ${counted(partitions, 'partition')} of ${counted(topics, 'topic')}`,
    `  dropped ${counted(recordsDropped, 'record')}, deleted ${counted(chunksRemoved, 'chunk')} and ${counted(topicsDeleted, 'topic')}`,
  ];
}

function collectionLines({ report, waiting }: Extract<JobDescription, { job: 'collection' }>): string[] {
  const { partitions, listed, named, condemned, condemnedBytes, deleted } = report!;
  const { keptForDamage, held = 0, foreign, blockedBy, strange, isRebuilding = false } = report!;
  const lines = [
    `  read ${counted(named, 'name')} in ${counted(partitions, 'partition')}, listed ${counted(listed, 'object')}`,
    `  condemned ${counted(condemned, 'object')} (${condemnedBytes} bytes), deleted ${deleted}`,
  ];
  const oldest = waiting[0];
  if (oldest !== undefined) {
    const { objects } = waiting.at(-1)!;
    const wait = objects === 1 ? 'waits' : 'wait';
    lines.push(`  ${counted(objects, 'object')} ${wait} to be deleted, the first since ${timeText(oldest.atMs)}`);
  }
  if (keptForDamage > 0) lines.push(`  kept ${counted(keptForDamage, 'object')} that a damaged partition may name`);
  if (held > 0) lines.push(`  kept ${counted(held, 'object')} whose records a rebuild could not place`);
  if (isRebuilding) lines.push('  nothing is condemned until the log is rebuilt: run millrace rebuild to its end');
  if (foreign > 0) lines.push(`  left ${counted(foreign, 'object')} that Millrace did not write`);
  if (strange !== null)
    lines.push(`  nothing is condemned: another log has objects under this prefix, such as ${strange}`);
  if (blockedBy !== null) lines.push(`  nothing is condemned as long as topic ${blockedBy} cannot be read`);
  return lines;
}

/** `1 object`, `2 objects`. */
export function counted(count: number | string, noun: string): string {
  return `${count} ${noun}${String(count) === '1' ? '' : 's'}`;
}

/** How jobs stand. */
export function statusText(jobs: readonly JobDescription[]): string {
  const rows = jobs.map(({ job, succeededAtMs, underWaySinceMs, takenUntilMs, dueAtMs, damage }) => [
    job,
    damage === undefined ? stateText(underWaySinceMs, takenUntilMs) : 'damaged',
    succeededAtMs === null ? 'never' : timeText(succeededAtMs),
    dueAtMs === 0 ? 'now' : timeText(dueAtMs),
  ]);
  const parts = [table(['job', 'state', 'last success', 'due'], rows)];
  for (const job of jobs) if (job.damage !== undefined) parts.push(damageText(job));
  for (const job of jobs) if (job.report !== null) parts.push([`${job.job}:`, ...reportLines(job)].join('\n'));
  return parts.join('\n\n');
}

function damageText({ job, damage }: JobDescription): string {
  const why = `${job} does not run: its item cannot be read: ${damage!.message} (${damage!.code})`;
  return `${why}\nDelete the item JOBS / ${job} of the table of the log, and the job begins anew.`;
}

function stateText(underWaySinceMs: number | null, takenUntilMs: number | null): string {
  if (takenUntilMs !== null) return 'running';
  return underWaySinceMs === null ? 'idle' : `unfinished since ${timeText(underWaySinceMs)}`;
}

/** A time as people and programs read it. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
