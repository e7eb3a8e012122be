/** `millrace consume` */
import { Option } from 'commander';
import type { Millrace } from '../client/millrace.ts';
import type { Reader } from '../client/reader.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, toJson, write } from './cli-io.ts';
import { consumeAsGroup } from './consume-as-group.ts';
import { assignFrom } from './consume-start.ts';
import { type OffsetArgument, parseCount, parseOffset } from './parse-values.ts';
import { parseRecordFormat, type RecordFormat, recordToJson } from './record-format.ts';

interface ConsumeOptions {
  readonly group?: string;
  readonly pattern?: boolean;
  readonly offset: OffsetArgument;
  readonly partition?: number;
  readonly count?: number;
  readonly exitAtEnd?: boolean;
  readonly format?: string;
  readonly jsonRecords?: boolean;
}

const START: OffsetArgument = { kind: 'start' };

const FORMAT_HELP = `
Format fields: %t topic, %p partition, %o offset, %k key, %s value (their bytes as they are), %K %S their lengths
(-1 for null), %T timestamp in ms, %h headers, %% a percent sign. Escapes: \\n \\r \\t \\0 \\\\ \\xHH.
As JSON, a key or value that is not UTF-8 is {"base64": "…"}.

With -g it goes on where the group is, and commits what it has printed; -o says where, start or end, in partitions of
which the group has committed nothing. Ctrl-C ends it in order: the next one goes on behind the last record printed.`;

/** Adds `consume`. */
export function addConsumeCommand(program: CliCommand, io: CliIo): void {
  program
    .command('consume <topics...>')
    .description('Print records, and wait for new ones. Order is kept within each partition.')
    .option('-g, --group <group>', 'as a member of this group: several topics, shared with its other members')
    .option('--pattern', 'with -g: the topics are regular expressions')
    .addOption(
      new Option(
        '-o, --offset <offset>',
        'begin at start, end, N, -N before the end, +N behind the start (of each partition), @time (ISO 8601, UTC unless it says otherwise, or ms since 1970)',
      )
        .argParser(parseOffset)
        .default(START, 'start'),
    )
    .option('-p, --partition <number>', 'only this partition', parseCount('--partition', 0))
    .option('-n, --count <count>', 'end after this many records', parseCount('--count', 0))
    .option('-e, --exit-at-end', 'end at the high watermark seen at the start')
    .option('-f, --format <format>', "how a record is printed (default: '%s\\n')")
    .option('-J, --json-records', 'print records as JSON, one a line (the same as --json)')
    .addHelpText('after', FORMAT_HELP)
    .examples(
      'millrace consume chat -e',
      "millrace consume chat -o -10 -f '%k: %s\\n'",
      'millrace consume chat -o @2026-11-24T10:00:00Z -J | jq .value',
      'millrace consume -g billing orders payments -J',
      "millrace consume -g audit --pattern '^orders-' -e",
    )
    .action(
      action<[readonly string[]], ConsumeOptions>(io, async (context, [topics], options) => {
        const print = printerOf(context, options);
        const { group, count = Number.POSITIVE_INFINITY, exitAtEnd = false } = options;
        if (group !== undefined) {
          const reset = checkGroupOptions(options);
          const request = { group, topics, isPattern: options.pattern ?? false, reset, count, exitAtEnd, print };
          return consumeAsGroup(context, request);
        }
        const [topic, ...others] = topics;
        if (others.length > 0 || options.pattern) throw needsGroup();
        await context.withMillrace((millrace) => consume(context, millrace, topic!, options, print));
      }),
    );
}

function needsGroup(): UsageError {
  return new UsageError(
    'several topics are read by a group',
    'Name one with -g GROUP, or one topic alone. Options go before the topics or behind all of them.',
  );
}

/** A group goes on at its own offsets. */
function checkGroupOptions({ offset, partition }: ConsumeOptions): 'earliest' | 'latest' {
  if (partition !== undefined) {
    throw new UsageError(
      'a group shares out all partitions, so -g and -p do not go together',
      'Leave one of them out.',
    );
  }
  if (offset.kind === 'start') return 'earliest';
  if (offset.kind === 'end') return 'latest';
  throw new UsageError(
    'with -g, -o is start or end: where to begin when the group has committed nothing',
    'To move a group: millrace group seek GROUP POSITION, while it has no members.',
  );
}

function printerOf({ json }: CliContext, { format, jsonRecords }: ConsumeOptions): RecordFormat {
  if (format !== undefined && jsonRecords) {
    throw new UsageError('-f and -J are two formats', 'Give one of them.');
  }
  if ((json || jsonRecords) && format === undefined) {
    return (record) => Buffer.from(`${toJson(recordToJson(record))}\n`);
  }
  return parseRecordFormat(format ?? '%s\\n');
}

async function consume(
  context: CliContext,
  millrace: Millrace,
  topic: string,
  options: ConsumeOptions,
  print: RecordFormat,
): Promise<void> {
  const { offset, partition, count = Number.POSITIVE_INFINITY, exitAtEnd = false } = options;
  const reader = millrace.reader({ stopAtEnd: exitAtEnd, ...context.idle });
  await assignFrom(millrace, reader, { topic, partition, offset });
  if (count > 0) await printRecords(context.io, reader, count, print);
  await reader.close();
}

async function printRecords(io: CliIo, reader: Reader, count: number, print: RecordFormat): Promise<void> {
  let left = count;
  for await (const { records } of reader.batches()) {
    const wanted = records.slice(0, Math.min(records.length, left));
    await write(io.stdout, Buffer.concat(wanted.map(print)));
    left -= wanted.length;
    if (left <= 0) return;
  }
}
