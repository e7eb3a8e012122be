/** `millrace gc` */
import { systemClock, systemRandom } from '../clock.ts';
import { describeJobs } from '../maintenance/describe-jobs.ts';
import { type ExplainedObject, explainObjects } from '../maintenance/explain-objects.ts';
import { runMaintenance } from '../maintenance/run-maintenance.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, toJson, write } from './cli-io.ts';
import { printRuns, RESTORE_WINDOW, restoreWindowOf, throwFirstProblem } from './maintenance-commands.ts';
import { withProgress } from './maintenance-progress.ts';
import { timeText } from './maintenance-text.ts';
import { table } from './table.ts';

interface GcOptions {
  readonly dryRun?: boolean;
  readonly objects?: boolean;
  readonly restoreWindow?: number;
}

/** What each fate means, in the order in which they are told. */
const FATES: Readonly<Record<ExplainedObject['fate'], string>> = {
  named: 'the log names it',
  fresh: 'younger than an hour: its writer may be about to commit it',
  unnamed: 'nothing names it: the next pass condemns it',
  condemned: 'nothing names it, and nothing can any more: it is deleted when its list is a restore window old',
  unsettled: 'a compaction that was stopped may still come to name it',
  'kept-for-damage': 'a damaged partition may name it',
  held: 'a rebuild could not tell where its records belong: kept until millrace rebuild --discard',
  unknown: 'a topic cannot be read, which may name it',
  foreign: 'nothing that Millrace writes: it is never touched',
};

const HELP = `
Nothing goes by its age. A pass raises the floor of every partition, so that no id below it can be committed any more,
reads what is named, and condemns the rest in a list. What a list condemns is deleted when it is a restore window old,
so that a table that is restored finds all its objects. The first pass only looks at the clock, which counts once it has
been seen for five minutes.`;

/** Adds `gc`. */
export function addGcCommand(program: CliCommand, io: CliIo): void {
  program
    .command('gc')
    .description('Delete objects that nothing names any more: the job collection, run at once.')
    .option('--dry-run', 'change nothing, and tell what becomes of each object, and why')
    .option('--objects', 'with --dry-run: a line for each object; --json always has them')
    .option(...RESTORE_WINDOW)
    .addHelpText('after', HELP)
    .examples(
      'millrace gc --dry-run',
      'millrace gc',
      `millrace gc --dry-run --json | jq -r 'select(.fate == "unnamed").key'`,
    )
    .action(
      action<[], GcOptions>(io, async (context, _, asked) => {
        const { dryRun = false, objects = false } = asked;
        const window = restoreWindowOf(asked);
        if (objects && !dryRun) throw new UsageError('--objects is for --dry-run', 'Add --dry-run.', '--objects');
        if (dryRun) return explain(context, objects, window);
        const stop = io.interrupts();
        const [runs, descriptions] = await context.withStore(async (store) => {
          const deps = { store, clock: systemClock, random: systemRandom };
          const options = { jobs: ['collection'], deadlineMs: Number.POSITIVE_INFINITY, evenIfNotDue: true } as const;
          const run = () => runMaintenance(deps, { ...options, ...window, stop });
          return [await withProgress(context, { deps, jobs: options.jobs }, run), await describeJobs(deps)] as const;
        });
        await printRuns(context, runs, descriptions);
        throwFirstProblem(runs, descriptions);
      }),
    );
}

async function explain(
  context: CliContext,
  isEach: boolean,
  window: { readonly restoreWindowMs?: number },
): Promise<void> {
  const counts = new Map<ExplainedObject['fate'], { objects: number; bytes: number }>();
  await context.withStore(async (store) => {
    const deps = { store, clock: systemClock, random: systemRandom };
    for await (const object of explainObjects(deps, window)) {
      const { key, sizeBytes, fate, deletedAtMs } = object;
      const count = counts.get(fate) ?? { objects: 0, bytes: 0 };
      counts.set(fate, { objects: count.objects + 1, bytes: count.bytes + sizeBytes });
      if (context.json) await write(context.io.stdout, `${toJson(object)}\n`);
      else if (isEach) await write(context.io.stdout, `${eachText({ key, sizeBytes, fate, deletedAtMs })}\n`);
    }
  });
  if (context.json) return;
  const rows = Object.entries(FATES).flatMap(([fate, meaning]) => {
    const count = counts.get(fate as ExplainedObject['fate']);
    return count === undefined ? [] : [[fate, count.objects, count.bytes, meaning]];
  });
  const text = rows.length === 0 ? 'There are no objects.' : table(['fate', 'objects', 'bytes', 'why'], rows);
  await write(context.io.stdout, `${isEach && rows.length > 0 ? '\n' : ''}${text}\n`);
}

function eachText({ key, sizeBytes, fate, deletedAtMs }: ExplainedObject): string {
  const until = deletedAtMs === null ? '' : ` until ${timeText(deletedAtMs)}`;
  return `${key} ${sizeBytes} ${fate}${until}`;
}
