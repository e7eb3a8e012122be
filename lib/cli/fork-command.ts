/** `millrace topic fork` */
import { systemClock, systemRandom } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { Topics } from '../log/topics.ts';
import type { ForkPoint } from '../maintenance/fork-plan.ts';
import { type ForkRequest, forkTopic, type TopicFork } from '../maintenance/fork-topic.ts';
import type { CliCommand } from './cli-command.ts';
import { action } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { parseOffset } from './parse-values.ts';
import { table } from './table.ts';

const HELP = `
--at is up to where records are taken:
  0=1200,1=980              of these partitions below these offsets; of the others all
  @2026-11-24T10:00:00Z     of each partition what is before its first record at or after that time
Without it, all that there is when the command begins.

A fork that was interrupted leaves a topic that cannot be used: delete it, and fork again.`;

/** Adds `fork`. */
export function addForkCommand(parent: CliCommand, io: CliIo): void {
  parent
    .command('fork <source> <name>')
    .description('Make a topic with the records of another one, under their offsets. Both live on independently.')
    .option('--at <point>', 'up to where', parseForkPoint)
    .option('--dry-run', 'say what would be taken, and do nothing')
    .addHelpText('after', HELP)
    .examples(
      'millrace topic fork orders rehearsal',
      'millrace topic fork orders rehearsal --at @2026-11-24T10:00:00Z --dry-run',
      'millrace topic fork orders rehearsal --at 0=1200,1=980',
    )
    .action(
      action<[string, string], { at?: ForkPoint; dryRun?: boolean }>(
        io,
        async (context, [source, name], { at, dryRun = false }) => {
          const request: ForkRequest = { source, name, dryRun, ...(at !== undefined && { at }) };
          const fork = await context.withStore((store) =>
            forkTopic({ store, clock: systemClock, random: systemRandom }, request).catch(async (cause: unknown) => {
              throw await explainLeft(store.topics, request, cause);
            }),
          );
          await context.print(fork, () => forkText(fork, dryRun));
        },
      ),
    );
}

/** What was made before a fork failed stays, and is in the way of the next one: the error says so. */
async function explainLeft(
  topics: Pick<Topics, 'get'>,
  { source, name }: ForkRequest,
  cause: unknown,
): Promise<unknown> {
  if (!(cause instanceof MillraceError) || cause.code === 'TOPIC_ALREADY_EXISTS') return cause;
  // A store that fails once more has nothing to add.
  const made = await topics.get(name).catch(() => null);
  if (made?.state !== 'creating' || made.forkOf !== source) return cause;
  const { code, message, value, retriable, hint = '' } = cause;
  const wayOut = `${hint} What was made of ${name} cannot be used: millrace topic delete ${name}`.trimStart();
  return new MillraceError(code, message, { value, retriable, hint: wayOut, cause });
}

/** Reads a point as it is typed. Throws UsageError. */
export function parseForkPoint(text: string): ForkPoint {
  if (text.startsWith('@')) {
    const offset = parseOffset(text);
    if (offset.kind === 'time') return { timestampMs: offset.timestampMs };
  }
  const offsets = new Map<number, bigint>();
  for (const one of text.split(',')) {
    const match = /^(\d{1,9})=(\d{1,18})$/.exec(one);
    const partition = Number(match?.[1]);
    if (match === null || offsets.has(partition)) throw noPoint(text);
    offsets.set(partition, BigInt(match[2]!));
  }
  return { offsets };
}

function noPoint(text: string): UsageError {
  const hint = 'Give offsets of partitions, each once (0=1200,1=980), or a time (@2026-11-24T10:00:00Z).';
  return new UsageError(`--at ${text} is no point to fork at`, hint, text);
}

function forkText({ name, forkOf, partitions }: TopicFork, dryRun: boolean): string {
  const rows = partitions.map(({ partition, logStartOffset, highWatermark, copiedBytes, rewrittenBytes }) => [
    ...[partition, logStartOffset, highWatermark, highWatermark - logStartOffset],
    ...(dryRun ? [] : [copiedBytes, rewrittenBytes]),
  ]);
  const columns = [
    'partition',
    'log start',
    'high watermark',
    'records',
    ...(dryRun ? [] : ['bytes copied', 'bytes rewritten']),
  ];
  const said = dryRun ? `${name} would be a fork of ${forkOf}:` : `Forked ${forkOf}: ${name} is there.`;
  return `${said}\n\n${table(columns, rows)}`;
}
