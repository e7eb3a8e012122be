/** `millrace dlq …` */
import type { DeadLetter } from '../event-source/dead-letter.ts';
import type { RedriveReport } from '../event-source/dead-letters.ts';
import { failureHeader, withoutFailureHeaders } from '../event-source/failed-record.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, write } from './cli-io.ts';
import { collect, parseCount } from './parse-values.ts';
import { filtersOf } from './subscription-options-flags.ts';
import { table } from './table.ts';

interface Selection {
  readonly filter?: readonly string[];
  readonly limit?: number;
}

const decoder = new TextDecoder();
const SHOWN_CHARACTERS = 60;
const DEFAULT_LIST = 50;

/** Adds `dlq` and its subcommands. */
export function addDlqCommands(program: CliCommand, io: CliIo): void {
  const dlq = program
    .command('dlq')
    .description('Look at dead letters: records that a function could not handle. Send them back, or discard them.')
    .examples('millrace dlq list billing', 'millrace dlq redrive billing --rate 10');
  addLook(dlq, io);
  addRedrive(dlq, io);
  addDiscard(dlq, io);
  addHelpCommand(dlq);
}

function withSelection(command: CliCommand): CliCommand {
  command
    .option('--filter <pattern>', 'event pattern as JSON, repeatable: one must match', collect)
    .option('-n, --limit <n>', 'at most so many', parseCount('--limit', 1));
  return command;
}

function selectionOf({ filter, limit }: Selection): { filters?: readonly object[]; limit?: number } {
  return { ...(filter && { filters: filtersOf(filter) }), ...(limit !== undefined && { limit }) };
}

function addLook(parent: CliCommand, io: CliIo): void {
  withSelection(parent.command('list <subscription>'))
    .description(`List dead letters, oldest first; ${DEFAULT_LIST} unless -n says more.`)
    .examples(
      'millrace dlq list billing',
      `millrace dlq list billing --filter '{"headers":{"millrace-error":[{"prefix":"TypeError"}]}}'`,
    )
    .action(
      action<[string], Selection>(io, async (context, [name], options) => {
        const selection = { limit: DEFAULT_LIST, ...selectionOf(options) };
        const letters = await context.withEventSource(({ deadLetters }) => deadLetters.list(name, selection));
        if (context.json) await context.print(letters.map(letterJson), () => '');
        else if (letters.length > 0) await write(io.stdout, `${listText(letters)}\n`);
      }),
    );
  parent
    .command('show <subscription> <id>')
    .description('Show one dead letter whole. <id> is what `dlq list` shows.')
    .examples('millrace dlq show billing 0-42')
    .action(
      action<[string, string], object>(io, async (context, [name, id]) => {
        const letters = await context.withEventSource(({ deadLetters }) => deadLetters.list(name));
        const letter = letters.find((one) => idOf(one) === id);
        if (letter === undefined) {
          throw new UsageError(`subscription ${name} has no dead letter ${id}`, `See millrace dlq list ${name}.`, id);
        }
        await context.print(letterJson(letter), () => showText(letter));
      }),
    );
}

function addRedrive(parent: CliCommand, io: CliIo): void {
  withSelection(parent.command('redrive <subscription>'))
    .description('Send dead letters back to the function, with their keys and headers.')
    .option('--rate <n>', 'records a second', parseCount('--rate', 1))
    .option(
      '--max-redrives <n>',
      'those that were sent back so often stay (default: 3)',
      parseCount('--max-redrives', 1),
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .examples('millrace dlq redrive billing --dry-run', 'millrace dlq redrive billing --rate 10 -n 100')
    .action(
      action<[string], Selection & { rate?: number; maxRedrives?: number; dryRun?: boolean }>(
        io,
        async (context, [name], { rate, maxRedrives, dryRun = false, ...selection }) => {
          const progress = redriveProgress(context);
          const report = await context.withEventSource(({ deadLetters }) =>
            deadLetters.redrive(name, {
              ...selectionOf(selection),
              dryRun,
              onSent: progress.sent,
              ...(rate !== undefined && { recordsPerSecond: rate }),
              ...(maxRedrives !== undefined && { maxRedrives }),
            }),
          );
          progress.end();
          await context.print({ subscription: name, dryRun, ...report }, () => reportText(report, 'sent back', dryRun));
        },
      ),
    );
}

function addDiscard(parent: CliCommand, io: CliIo): void {
  withSelection(parent.command('discard <subscription>'))
    .description('Mark dead letters as done with. They stay in their topic as long as it keeps them.')
    .option('--dry-run', 'say what would be done, and do nothing')
    .examples(`millrace dlq discard billing --filter '{"value":{"test":[true]}}'`)
    .action(
      action<[string], Selection & { dryRun?: boolean }>(
        io,
        async (context, [name], { dryRun = false, ...selection }) => {
          const request = { ...selectionOf(selection), dryRun };
          const report = await context.withEventSource(({ deadLetters }) => deadLetters.discard(name, request));
          await context.print({ subscription: name, dryRun, ...report }, () => reportText(report, 'discarded', dryRun));
        },
      ),
    );
}

/** Says on a terminal how many were sent. */
function redriveProgress({ io, json }: CliContext): { readonly sent: () => void; readonly end: () => void } {
  const isShown = !json && 'isTTY' in io.stderr && io.stderr.isTTY === true;
  let count = 0;
  return {
    sent: () => {
      count += 1;
      if (isShown) io.stderr.write(`\r${count} sent back`);
    },
    end: () => {
      if (isShown && count > 0) io.stderr.write('\n');
    },
  };
}

/** Its place among the dead letters. */
function idOf({ record }: DeadLetter): string {
  return `${record.partition}-${record.offset}`;
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes);
}

function letterJson(letter: DeadLetter): object {
  const { record, stack, ...rest } = letter;
  return {
    id: idOf(letter),
    ...rest,
    stack,
    key: textOf(record.keyBytes),
    value: textOf(record.valueBytes),
    headers: withoutFailureHeaders(record.headers).map(({ key, value }) => ({ key, value: textOf(value) })),
  };
}

function listText(letters: readonly DeadLetter[]): string {
  const rows = letters.map((letter) => {
    const { topic, partition, offset } = letter.origin;
    const key = textOf(letter.record.keyBytes) ?? '-';
    return [
      idOf(letter),
      `${topic}-${partition}@${offset}`,
      key,
      letter.attempts,
      letter.redrives,
      shortened(letter.error),
    ];
  });
  return table(['id', 'origin', 'key', 'attempts', 'redrives', 'error'], rows);
}

function shortened(text: string): string {
  const line = text.split('\n')[0]!;
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS - 1)}…` : line || '-';
}

function showText(letter: DeadLetter): string {
  const { origin, attempts, redrives, reason, error, stack, failedAtMs, record } = letter;
  const headers = withoutFailureHeaders(record.headers).map(({ key, value }) => `  ${key}: ${textOf(value) ?? 'null'}`);
  return [
    `id         ${idOf(letter)}`,
    `origin     ${origin.topic}-${origin.partition}@${origin.offset}`,
    `given up   ${new Date(failedAtMs).toISOString()} by ${failureHeader(record, 'group') ?? '?'}`,
    `reason     ${reason}, ${attempts} attempt${attempts === 1 ? '' : 's'}, sent back ${redrives} time${redrives === 1 ? '' : 's'}`,
    `error      ${error || '-'}`,
    ...(stack === '' ? [] : [stack.replaceAll(/^/gm, '  ')]),
    `key        ${textOf(record.keyBytes) ?? 'null'}`,
    ...(headers.length === 0 ? [] : ['headers', ...headers]),
    'value',
    textOf(record.valueBytes) ?? 'null',
  ].join('\n');
}

function reportText({ done, exhausted }: RedriveReport, what: string, isDry: boolean): string {
  const records = `${done} dead letter${done === 1 ? '' : 's'}`;
  const verb = isDry ? `would be ${what}` : done === 1 ? `was ${what}` : `were ${what}`;
  const left = exhausted === 0 ? '' : ` ${exhausted} had been sent back often enough and stay.`;
  return `${records} ${verb}.${left}`;
}
