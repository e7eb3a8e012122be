/** `millrace maintenance …` */
import { systemClock, systemRandom } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { describeJobs, type JobDescription } from '../maintenance/describe-jobs.ts';
import { type JobName, type JobRun, jobNames, runMaintenance } from '../maintenance/run-maintenance.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { parseCount } from './parse-values.ts';
import { table } from './table.ts';

interface RunCliOptions {
  readonly for?: number;
  readonly ifDue?: boolean;
}

/** Longer than anybody waits. */
const FOR_EVER_S = 365 * 86_400;

const RUN_HELP = `
Jobs are: retention (drops records by retention.ms and retention.bytes, deletes what trims have left, finishes
deletions of topics). Without a name all of them are run. Each may be stopped at any time, by Ctrl-C too: the next run
goes on. Several may be run at once; each job is done by one of them. The exit code is 1 when a job failed, or found
damage, which is left as it is.`;

/** Adds `maintenance` and its subcommands. */
export function addMaintenanceCommands(program: CliCommand, io: CliIo): void {
  const maintenance = program
    .command('maintenance')
    .description('Run what keeps a log small: retention and deletion. See how it stands.')
    .examples('millrace maintenance run', 'millrace maintenance status');
  addRun(maintenance, io);
  addStatus(maintenance, io);
  addHelpCommand(maintenance);
}

function addRun(parent: CliCommand, io: CliIo): void {
  parent
    .command('run [job...]')
    .description('Run all jobs, or these, until they are done.')
    .option('--for <seconds>', 'begin nothing new after so long; the next run goes on', parseCount('--for', 1))
    .option('--if-due', 'only what is due, as a schedule runs it: one read for each job that is not')
    .addHelpText('after', RUN_HELP)
    .examples(
      'millrace maintenance run',
      'millrace maintenance run retention --for 60',
      '*/15 * * * * millrace --store file:/var/lib/millrace maintenance run --if-due --for 600',
    )
    .action(
      action<[readonly string[]], RunCliOptions>(io, async (context, [named], { for: forSeconds, ifDue = false }) => {
        const jobs = named.length === 0 ? jobNames : named.map(parseJobName);
        const interrupted = io.interrupts();
        const [runs, descriptions] = await context.withStore(async (store) => {
          const deps = { store, clock: systemClock, random: systemRandom };
          const deadlineMs = systemClock.monotonicMs() + (forSeconds ?? FOR_EVER_S) * 1_000;
          const options = { jobs, deadlineMs, evenIfNotDue: !ifDue, stop: interrupted };
          return [await runMaintenance(deps, options), await describeJobs(deps)] as const;
        });
        await printRuns(context, runs, descriptions);
        throwFirstProblem(runs, descriptions);
      }),
    );
}

function addStatus(parent: CliCommand, io: CliIo): void {
  parent
    .command('status')
    .description('Show when each job ran last, what it did, and what it could not work on.')
    .examples('millrace maintenance status', "millrace maintenance status --json | jq '.[].succeededAtMs'")
    .action(
      action<[], object>(io, async (context) => {
        const jobs = await context.withStore((store) =>
          describeJobs({ store, clock: systemClock, random: systemRandom }),
        );
        await context.print(jobs, () => statusText(jobs));
      }),
    );
}

function parseJobName(text: string): JobName {
  const name = jobNames.find((job) => job === text);
  if (name !== undefined) return name;
  throw new UsageError(`there is no job ${text}`, `Jobs: ${jobNames.join(', ')}.`, text);
}

async function printRuns(
  context: CliContext,
  runs: readonly JobRun[],
  descriptions: readonly JobDescription[],
): Promise<void> {
  const reportOf = (job: JobName) => descriptions.find((one) => one.job === job)?.report ?? null;
  const json = runs.map(({ job, result }) => {
    const { outcome } = result;
    const failure = result.outcome === 'failed' ? { code: result.error.code, message: result.error.message } : {};
    return { job, outcome, ...failure, report: reportOf(job) };
  });
  await context.print(json, () =>
    runs
      .map(({ job, result }) => [`${job}: ${outcomeText(result)}`, ...reportLines(reportOf(job))].join('\n'))
      .join('\n'),
  );
}

function outcomeText(result: JobRun['result']): string {
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

function reportLines(report: JobDescription['report']): readonly string[] {
  if (report === null) return [];
  const { topics, partitions, recordsDropped, chunksRemoved, topicsDeleted, clockMs, damages } = report;
  const lines = [
    `  looked at ${partitions} partitions of ${topics} topics; dropped ${recordsDropped} records, deleted ${chunksRemoved} chunks and ${topicsDeleted} topics`,
  ];
  if (clockMs === 0) {
    lines.push(
      '  no record has gone by its age yet: the clock of this machine counts once it has been seen for five minutes',
    );
  }
  for (const { topic, partition, code, message } of damages.first) {
    lines.push(`  ${topic}${partition === null ? '' : `/${partition}`} is left as it is: ${message} (${code})`);
  }
  if (damages.count > damages.first.length) lines.push(`  … and ${damages.count - damages.first.length} more`);
  return lines;
}

function statusText(jobs: readonly JobDescription[]): string {
  const rows = jobs.map(({ job, succeededAtMs, underWaySinceMs, takenUntilMs, dueAtMs }) => [
    job,
    stateText(underWaySinceMs, takenUntilMs),
    succeededAtMs === null ? 'never' : timeText(succeededAtMs),
    dueAtMs === 0 ? 'now' : timeText(dueAtMs),
  ]);
  const parts = [table(['job', 'state', 'last success', 'due'], rows)];
  for (const { job, report } of jobs) if (report !== null) parts.push([`${job}:`, ...reportLines(report)].join('\n'));
  return parts.join('\n\n');
}

function stateText(underWaySinceMs: number | null, takenUntilMs: number | null): string {
  if (takenUntilMs !== null) return 'running';
  return underWaySinceMs === null ? 'idle' : `unfinished since ${timeText(underWaySinceMs)}`;
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function throwFirstProblem(runs: readonly JobRun[], descriptions: readonly JobDescription[]): void {
  for (const { result } of runs) if (result.outcome === 'failed') throw result.error;
  const count = descriptions
    .filter(({ job }) => runs.some((run) => run.job === job))
    .reduce((sum, { report }) => sum + (report?.damages.count ?? 0), 0);
  if (count === 0) return;
  throw new MillraceError('CORRUPT_OBJECT', `${count} topics or partitions could not be worked on`, {
    value: count,
    hint: 'They are left as they are. Run millrace verify to see what is damaged.',
  });
}
