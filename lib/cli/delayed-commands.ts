/** `millrace delayed …` */
import type { CancelOutcome, DelayedLookup, DelayedRecord, DelayedRecordSummary } from '../delay/delay-admin.ts';
import { formatDuration } from '../log/duration.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action } from './cli-context.ts';
import { type CliIo, write } from './cli-io.ts';
import { parseCount } from './parse-values.ts';
import { table } from './table.ts';

const decoder = new TextDecoder();
const DEFAULT_LIST = 50;

const BECAME: Readonly<Record<CancelOutcome, string>> = {
  cancelled: 'cancelled; it will never enter its topic',
  delivered: 'delivered; it has entered its topic',
  unknown: 'unknown; there never was such a record, or it was settled more than an hour ago',
};

/** Adds `delayed` and its subcommands. */
export function addDelayedCommands(program: CliCommand, io: CliIo): void {
  const delayed = program
    .command('delayed')
    .description('Look at records that enter their topic later (`produce --delay`), and take them back.')
    .examples(
      'millrace delayed list',
      'millrace delayed cancel AS67XMJ7SEHRtgenqknr2B8AAAAAAaIYvTAAAaIYvSwYPON01ItrLxSDK3gypaE',
    );
  addList(delayed, io);
  addShow(delayed, io);
  addCancel(delayed, io);
  addHelpCommand(delayed);
}

function addList(parent: CliCommand, io: CliIo): void {
  parent
    .command('list [topic]')
    .description(
      `List what waits, of one topic or all, by the time when it is due; ${DEFAULT_LIST} unless -n says more.`,
    )
    .option('-n, --limit <n>', 'at most so many', parseCount('--limit', 1))
    .examples('millrace delayed list reminders -n 10')
    .action(
      action<[string | undefined], { limit?: number }>(io, async (context, [topic], { limit = DEFAULT_LIST }) => {
        const found = await context.withMillrace(({ delayed }) => delayed.list({ topic, limit }));
        if (context.json) await context.print(found.map(summaryJson), () => '');
        else if (found.length > 0) await write(io.stdout, `${listText(found)}\n`);
      }),
    );
}

function addShow(parent: CliCommand, io: CliIo): void {
  parent
    .command('show <id>')
    .description('Show a record that waits whole, or what became of it. <id> is what `delayed list` shows.')
    .action(
      action<[string], object>(io, async (context, [id]) => {
        const found = await context.withMillrace(({ delayed }) => delayed.get(id));
        await context.print(lookupJson(id, found), () => lookupText(found));
      }),
    );
}

function addCancel(parent: CliCommand, io: CliIo): void {
  parent
    .command('cancel <id...>')
    .description('Take records back, and say of each what became of it: cancelled, delivered or unknown.')
    .action(
      action<[readonly string[]], object>(io, async (context, [ids]) => {
        const outcomes: { readonly id: string; readonly outcome: CancelOutcome }[] = [];
        await context.withMillrace(async ({ delayed }) => {
          for (const id of ids) outcomes.push({ id, outcome: await delayed.cancel(id) });
        });
        await context.print(outcomes, () => outcomes.map(({ id, outcome }) => `${id}: ${BECAME[outcome]}`).join('\n'));
      }),
    );
}

function summaryJson({ dueMs, sentMs, ...rest }: DelayedRecordSummary): object {
  return { ...rest, due: new Date(dueMs).toISOString(), sent: new Date(sentMs).toISOString() };
}

function lookupJson(id: string, found: DelayedLookup): object {
  if (found.outcome !== 'waiting') return { id, outcome: found.outcome };
  const { key, value, headers, ...summary } = found.record;
  return {
    outcome: found.outcome,
    ...summaryJson(summary),
    key: textOf(key),
    value: textOf(value),
    headers: headers.map((header) => ({ key: header.key, value: textOf(header.value) })),
  };
}

function listText(found: readonly DelayedRecordSummary[]): string {
  const rows = found.map(({ id, topic, partition, dueMs, sizeBytes }) => [
    new Date(dueMs).toISOString(),
    `${topic}-${partition}`,
    sizeBytes,
    id,
  ]);
  return table(['due', 'partition', 'bytes', 'id'], rows);
}

function lookupText(found: DelayedLookup): string {
  return found.outcome === 'waiting' ? recordText(found.record) : BECAME[found.outcome];
}

function recordText({ id, topic, partition, dueMs, sentMs, key, value, headers }: DelayedRecord): string {
  const headerLines = headers.map((header) => `  ${header.key}: ${textOf(header.value) ?? 'null'}`);
  return [
    `id         ${id}`,
    `topic      ${topic}-${partition}`,
    `due        ${new Date(dueMs).toISOString()}`,
    `sent       ${new Date(sentMs).toISOString()}, ${formatDuration(Math.max(0, dueMs - sentMs))} before`,
    `key        ${textOf(key) ?? 'null'}`,
    ...(headerLines.length === 0 ? [] : ['headers', ...headerLines]),
    'value',
    textOf(value) ?? 'null',
  ].join('\n');
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes);
}
