/** `millrace consume` */
import type { Command } from 'commander';
import type { Millrace } from '../client/millrace.ts';
import type { StartPosition } from '../client/start-position.ts';
import { action, type CliContext } from './cli-context.ts';
import { type CliIo, toJson, write } from './cli-io.ts';
import { type OffsetArgument, parseCount, parseOffset } from './parse-values.ts';
import { parseRecordFormat, type RecordFormat, recordToJson } from './record-format.ts';

interface ConsumeOptions {
  readonly offset: OffsetArgument;
  readonly partition?: number;
  readonly count?: number;
  readonly exitAtEnd?: boolean;
  readonly format?: string;
  readonly jsonRecords?: boolean;
}

const START: OffsetArgument = { kind: 'start' };

/** Adds `consume`. */
export function addConsumeCommand(program: Command, io: CliIo): void {
  program
    .command('consume <topic>')
    .description('Print records, and wait for new ones.')
    .option(
      '-o, --offset <offset>',
      'begin at start, end, N, -N before the end, +N behind the start, @time',
      parseOffset,
      START,
    )
    .option('-p, --partition <number>', 'only this partition', parseCount('--partition', 0))
    .option('-n, --count <count>', 'end after this many records', parseCount('--count', 0))
    .option('-e, --exit-at-end', 'end at the high watermark seen at the start')
    .option('-f, --format <format>', "how a record is printed, such as '%t %p %o %k %s\\n'")
    .option('-J, --json-records', 'print records as JSON, one a line (the same as --json)')
    .addHelpText(
      'after',
      `
Format fields: %t topic, %p partition, %o offset, %k key, %s value (their bytes as they are), %K %S their lengths,
  %T timestamp in ms, %h headers, %% a percent sign. Escapes: \\n \\r \\t \\0 \\\\ \\xHH.

Examples:
  millrace consume chat -e
  millrace consume chat -o -10 -f '%k: %s\\n'
  millrace consume chat -o @2026-11-24T10:00:00Z -J | jq .value`,
    )
    .action(
      action<[string], ConsumeOptions>(io, async (context, [topic], options) => {
        const format = formatOf(context, options);
        await context.withMillrace((millrace) => consume(context, millrace, topic, { ...options, print: format }));
      }),
    );
}

function formatOf({ json }: CliContext, { format, jsonRecords }: ConsumeOptions): RecordFormat {
  const asFormat = parseRecordFormat(format ?? '%s\\n');
  if ((json || jsonRecords) && format === undefined)
    return (record) => Buffer.from(`${toJson(recordToJson(record))}\n`);
  return asFormat;
}

async function consume(
  { io }: CliContext,
  millrace: Millrace,
  topic: string,
  options: ConsumeOptions & { readonly print: RecordFormat },
): Promise<void> {
  const assignments = await startPositions(millrace, topic, options);
  if (options.count === 0) return;
  const reader = millrace.reader({ stopAtEnd: options.exitAtEnd ?? false });
  await reader.assign(assignments);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  for await (const { records } of reader.batches()) {
    const wanted = records.slice(0, Math.min(records.length, left));
    await write(io.stdout, Buffer.concat(wanted.map((record) => options.print(record))));
    left -= wanted.length;
    if (left <= 0) break;
  }
  await reader.close();
}

async function startPositions(millrace: Millrace, topic: string, { offset, partition }: ConsumeOptions) {
  const { readyPartitionCount } = await millrace.topics.getTopic(topic);
  const partitions =
    partition === undefined ? Array.from({ length: readyPartitionCount }, (_, index) => index) : [partition];
  return Promise.all(
    partitions.map(async (each) => ({
      topic,
      partition: each,
      from: await startPosition(millrace, topic, each, offset),
    })),
  );
}

async function startPosition(
  millrace: Millrace,
  topic: string,
  partition: number,
  offset: OffsetArgument,
): Promise<StartPosition> {
  const place = { topic, partition };
  switch (offset.kind) {
    case 'start':
      return 'beginning';
    case 'end':
      return 'end';
    case 'offset':
      return offset.count;
    case 'time':
      return { timestampMs: offset.timestampMs };
    case 'after-start': {
      const [start, end] = await Promise.all([millrace.offsetAt(place, 'beginning'), millrace.offsetAt(place, 'end')]);
      return start + offset.count < end ? start + offset.count : end;
    }
    case 'before-end': {
      const [start, end] = await Promise.all([millrace.offsetAt(place, 'beginning'), millrace.offsetAt(place, 'end')]);
      return end - offset.count > start ? end - offset.count : start;
    }
  }
}
