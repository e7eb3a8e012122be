/** `millrace maintenance …` */
import { systemClock, systemRandom } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { describeJobs, type JobDescription } from '../maintenance/describe-jobs.ts';
import { type JobName, type JobRun, jobNames, runMaintenance } from '../maintenance/run-maintenance.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { withProgress } from './maintenance-progress.ts';
import { outcomeText, reportLines, statusText } from './maintenance-text.ts';
import { parseCount } from './parse-values.ts';

interface RunCliOptions {
  readonly for?: number;
  readonly ifDue?: boolean;
  readonly restoreWindow?: number;
}

/** Longer than anybody waits. */
const FOR_EVER_S = 365 * 86_400;
const HOUR_MS = 3_600_000;

const RUN_HELP = `
Jobs are: retention (drops records by retention.ms and retention.bytes, deletes what trims have left, finishes
deletions of topics), compaction (rewrites small pieces of the log into large objects), key-compaction (removes
records behind which others have their keys, in topics whose cleanup.policy holds compact), collection (deletes
objects that nothing names any more). Without a name all of them are run. Each may
be stopped at any time, by Ctrl-C too: the next run goes on. Several may be run at once; each job is done by one of
them. The exit code is 1 when a job failed, or found damage, which is left as it is.`;

/** Ten years: longer than any table can be restored from. */
const MAX_WINDOW_HOURS = 87_600;

/** The option of every command that collects. */
export const RESTORE_WINDOW = [
  '--restore-window <hours>',
  'how long a condemned object stays, for a restore of the table; holds for this run (default: 24)',
  parseCount('--restore-window', 0, MAX_WINDOW_HOURS),
] as const;

/** What the option says; nothing for its default. */
export function restoreWindowOf({ restoreWindow }: { readonly restoreWindow?: number }): {
  readonly restoreWindowMs?: number;
} {
  return restoreWindow === undefined ? {} : { restoreWindowMs: restoreWindow * HOUR_MS };
}

/** Adds `maintenance` and its subcommands. */
export function addMaintenanceCommands(program: CliCommand, io: CliIo): void {
  const maintenance = program
    .command('maintenance')
    .description('Run what keeps a log small: retention, compaction, key compaction and collection. See how it stands.')
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
    .option(...RESTORE_WINDOW)
    .addHelpText('after', RUN_HELP)
    .examples(
      'millrace maintenance run',
      'millrace maintenance run retention --for 60',
      'millrace maintenance run --restore-window 168',
      '*/15 * * * * millrace --store file:/var/lib/millrace maintenance run --if-due --for 600',
    )
    .action(
      action<[readonly string[]], RunCliOptions>(io, async (context, [named], asked) => {
        const { for: forSeconds, ifDue = false } = asked;
        const jobs = named.length === 0 ? jobNames : [...new Set(named.map(parseJobName))];
        if (asked.restoreWindow !== undefined && !jobs.includes('collection'))
          throw new UsageError('--restore-window is for collection', 'Name that job too, or none.', '--restore-window');
        const interrupted = io.interrupts();
        const [runs, descriptions] = await context.withStore(async (store) => {
          const deps = { store, clock: systemClock, random: systemRandom };
          const deadlineMs = systemClock.monotonicMs() + (forSeconds ?? FOR_EVER_S) * 1_000;
          const window = restoreWindowOf(asked);
          const options = { jobs, deadlineMs, evenIfNotDue: !ifDue, stop: interrupted, ...window };
          const runs = await withProgress(context, { deps, jobs }, () => runMaintenance(deps, options));
          return [runs, await describeJobs(deps)] as const;
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

/** Prints what became of jobs and what they did. */
export async function printRuns(
  context: CliContext,
  runs: readonly JobRun[],
  descriptions: readonly JobDescription[],
): Promise<void> {
  const descriptionOf = (job: JobName) => descriptions.find((one) => one.job === job)!;
  const json = runs.map(({ job, result }) => {
    const { outcome } = result;
    const failure = result.outcome === 'failed' ? { code: result.error.code, message: result.error.message } : {};
    return { job, outcome, ...failure, report: descriptionOf(job).report };
  });
  await context.print(json, () =>
    runs
      .map(({ job, result }) => {
        // What is stored is of a pass before, or of somebody else's.
        const isOurs = result.outcome !== 'not-due' && result.outcome !== 'busy';
        return [`${job}: ${outcomeText(result)}`, ...(isOurs ? reportLines(descriptionOf(job)) : [])].join('\n');
      })
      .join('\n'),
  );
}

/** Ends the command with the first failure, or with what was damaged. */
export function throwFirstProblem(runs: readonly JobRun[], descriptions: readonly JobDescription[]): void {
  for (const { result } of runs) if (result.outcome === 'failed') throw result.error;
  for (const described of descriptions) {
    if (described.job !== 'collection' || !runs.some(({ job }) => job === 'collection')) continue;
    const strange = described.report?.strange ?? null;
    if (strange !== null) throw anotherLog(strange);
  }
  const count = descriptions
    .filter(({ job }) => runs.some((run) => run.job === job))
    .reduce((sum, { report }) => sum + (report?.damages.count ?? 0), 0);
  if (count === 0) return;
  const what = count === 1 ? '1 topic or partition' : `${count} topics or partitions`;
  throw new MillraceError('CORRUPT_OBJECT', `${what} could not be worked on`, {
    value: count,
    hint: 'What is damaged is left as it is. Run millrace verify to see what is damaged.',
  });
}

function anotherLog(key: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', 'another log has objects under the same prefix; nothing was deleted', {
    value: key,
    hint: 'Give each log a bucket or a prefix of its own (aws:?bucket=…&prefix=…), and copy the objects of one of them there.',
  });
}
