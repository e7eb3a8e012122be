/** `millrace subscription replay` */
import { systemClock } from '../clock.ts';
import type { EventSourceTools } from '../connect/event-source-tools.ts';
import type { DeadLetter } from '../event-source/dead-letter.ts';
import type { ReplayRequest, ReplayState } from '../event-source/replays.ts';
import type { StartingPosition } from '../event-source/subscription-request.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, write } from './cli-io.ts';
import { table } from './table.ts';

interface ReplayFlags {
  readonly from?: string;
  readonly to?: string;
  readonly partition?: string;
  readonly function?: string;
  readonly rate?: number;
  readonly deadLetters?: boolean;
  readonly dryRun?: boolean;
  readonly continue?: boolean;
  readonly cancel?: boolean;
}

/** Between two looks at how far it is. */
const LOOK_MS = { local: 200, paid: 2_000 } as const;
/** Nothing has happened for so long: a word about why that may be. */
const QUIET_MS = 10_000;
const SHOWN_FAILURES = 20;

/** Adds `replay`. `positionOf` reads a position as it is typed, `help` says what it may be. */
export function addReplayCommand(
  parent: CliCommand,
  io: CliIo,
  { positionOf, help }: { readonly positionOf: (text: string) => StartingPosition; readonly help: string },
): void {
  parent
    .command('replay <name>')
    .description('Give records to the function once more, without touching how far the subscription is.')
    .option('--from <position>', 'the first record')
    .option('--to <position>', 'the first record that is not given (default: end, as it is now)')
    .option('-p, --partition <list>', 'only these: 0,2')
    .option('--function <function>', 'to another function')
    .option('--rate <n>', 'records a second', rate)
    .option('--dead-letters', 'what fails goes to the dead letters of the subscription, and is not told here')
    .option('--dry-run', 'say what would be given, and do nothing')
    .option('--continue', 'go on with one that was interrupted')
    .option('--cancel', 'give up one that was interrupted')
    .addHelpText('after', help)
    .examples(
      'millrace subscription replay billing --from 2h --dry-run',
      'millrace subscription replay billing --from @2026-11-24T10:00:00Z --to @2026-11-24T11:00:00Z',
      'millrace subscription replay billing --from 1200 --to 1300 -p 0 --function bill-corrected',
      'millrace subscription replay billing --continue',
    )
    .action(
      action<[string], ReplayFlags>(io, async (context, [name], flags) => {
        checkFlags(name, flags);
        await context.withEventSource(async (tools) => {
          if (flags.cancel) {
            const state = await tools.replays.end(name);
            return context.print({ ...state, state: 'cancelled' }, () => `Gave up the replay.\n${placesText(state)}`);
          }
          if (flags.continue) return watch(context, tools, await tools.replays.resume(name));
          const started = await tools.replays.start(name, requestOf(flags, positionOf));
          if (flags.dryRun) return context.print(started, () => `Would be given:\n${placesText(started)}`);
          return watch(context, tools, started);
        });
      }),
    );
}

function checkFlags(name: string, { from, continue: goesOn, cancel, ...others }: ReplayFlags): void {
  const kinds = [from !== undefined, goesOn === true, cancel === true].filter(Boolean).length;
  const isBare = Object.values(others).every((value) => value === undefined);
  if (kinds === 1 && (from !== undefined || isBare)) return;
  throw new UsageError(
    kinds === 0 ? 'it is not said where the replay begins' : 'these flags do not go together',
    `Give --from, or --continue, or --cancel: millrace subscription replay ${name} --from 1h`,
    name,
  );
}

function requestOf(
  { from, to, partition, function: target, rate: recordsPerSecond, deadLetters, dryRun = false }: ReplayFlags,
  positionOf: (text: string) => StartingPosition,
): ReplayRequest {
  return {
    from: positionOf(from!),
    dryRun,
    ...(to !== undefined && { to: positionOf(to) }),
    ...(partition !== undefined && { partitions: partition.split(',').map(Number) }),
    ...(target !== undefined && { target }),
    ...(recordsPerSecond !== undefined && { recordsPerSecond }),
    ...(deadLetters && { failures: 'dead-letters' as const }),
  };
}

function rate(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0) return value;
  throw new UsageError(`--rate ${text} is no rate`, 'Give records a second: 5, or 0.1 for one in ten.', text);
}

/** Looks until it is done; who interrupts it is told how to go on. */
async function watch(context: CliContext, { replays }: EventSourceTools, begun: ReplayState): Promise<void> {
  const { io } = context;
  const interrupted = io.interrupts();
  const line = progressLine(context);
  const lookMs = context.isLocal ? LOOK_MS.local : LOOK_MS.paid;
  let state = begun;
  let movedMs = systemClock.monotonicMs();
  let isTold = false;
  while (state.state !== 'done' && !interrupted.aborted) {
    line.show(state);
    await systemClock.sleep(lookMs, interrupted);
    const now = await replays.describe(state.name);
    if (doneOf(now) !== doneOf(state)) movedMs = systemClock.monotonicMs();
    const isQuiet = systemClock.monotonicMs() - movedMs > QUIET_MS;
    if (isQuiet && !isTold) line.say(quietText(now, context.isLocal));
    isTold ||= isQuiet;
    state = now;
  }
  line.end();
  const failures = await replays.failures(state.name);
  if (state.state === 'done') await replays.end(state.name);
  else state = await replays.pause(state.name);
  const told = { ...state, failures: state.failures === 'told' ? failures.map(failureJson) : 'dead-letters' };
  await context.print(told, () => resultText(state, failures));
}

function progressLine({ io, json }: CliContext) {
  const isShown = !json && 'isTTY' in io.stderr && io.stderr.isTTY === true;
  let isOpen = false;
  const end = () => {
    if (isOpen) io.stderr.write('\n');
    isOpen = false;
  };
  return {
    show(state: ReplayState) {
      if (!isShown) return;
      io.stderr.write(`\r${doneOf(state)} of ${totalOf(state)} offsets`);
      isOpen = true;
    },
    say(text: string) {
      end();
      if (!json) void write(io.stderr, `${text}\n`).catch(() => {});
    },
    end,
  };
}

const doneOf = ({ partitions }: ReplayState): bigint =>
  partitions.reduce((sum, { from, position }) => sum + position - from, 0n);
const totalOf = ({ partitions }: ReplayState): bigint => partitions.reduce((sum, { from, to }) => sum + to - from, 0n);

function quietText({ partitions, target }: ReplayState, isLocal: boolean): string {
  const error = partitions.find((one) => one.error !== '')?.error;
  if (error !== undefined) return `Nothing has moved for a while; what went wrong last: ${error}`;
  return isLocal
    ? `Nothing has moved for a while. Functions run in millrace dev: does it run on this store, and has it ${target}?`
    : `Nothing has moved for a while. Look at the log of ${target}.`;
}

function placesText({ topic, partitions }: ReplayState): string {
  const rows = partitions.map(({ partition, from, to, position }) => [`${topic}-${partition}`, from, to, position]);
  return table(['partition', 'from', 'to', 'done up to'], rows);
}

function resultText(state: ReplayState, failures: readonly DeadLetter[]): string {
  const { name, target } = state;
  const isDone = state.state === 'done';
  const head = isDone
    ? `Gave ${doneOf(state)} offset${doneOf(state) === 1n ? '' : 's'} to ${target}.`
    : `Interrupted; go on with: millrace subscription replay ${name} --continue`;
  const rows = failures
    .slice(0, SHOWN_FAILURES)
    .map(({ origin, attempts, error }) => [`${origin.topic}-${origin.partition}@${origin.offset}`, attempts, error]);
  const more = failures.length > SHOWN_FAILURES ? [`and ${failures.length - SHOWN_FAILURES} more`] : [];
  const failed =
    failures.length === 0 ? [] : [`${failures.length} failed:`, table(['record', 'attempts', 'error'], rows), ...more];
  const elsewhere =
    state.failures === 'dead-letters' ? [`What failed is among the dead letters: millrace dlq list ${name}`] : [];
  return [head, ...(isDone ? [] : [placesText(state)]), ...failed, ...elsewhere].join('\n');
}

function failureJson({ origin, attempts, reason, error }: DeadLetter): object {
  return { ...origin, attempts, reason, error };
}
