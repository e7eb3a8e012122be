/** `millrace produce` */
import { type Command, Option } from 'commander';
import type { RecordMetadata } from '../client/open-batch.ts';
import type { Producer } from '../client/producer.ts';
import { type CompressionType, compressionTypes } from '../record/compression.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { write } from './cli-io.ts';
import { collectPairs, parseCount } from './parse-values.ts';
import { readLines } from './read-lines.ts';

interface ProduceOptions {
  readonly keySeparator?: string;
  readonly header: readonly (readonly [string, string])[];
  readonly partition?: number;
  readonly compression?: CompressionType;
  readonly acks: 'all' | '1' | '0';
}

/** What was produced. */
interface Produced {
  records: number;
  readonly offsets: Map<number, { first: bigint; last: bigint }>;
  firstFailure: { readonly line: number; readonly error: unknown } | null;
  failed: number;
}

/** Adds `produce`. */
export function addProduceCommand(program: Command, io: CliIo): void {
  program
    .command('produce <topic>')
    .description('Send the lines of stdin as records.')
    .option('-k, --key-separator <text>', 'split each line at its first <text> into key and value')
    .option('-H, --header <name=value>', 'header of every record, repeatable', collectPairs('--header'), [])
    .option('-p, --partition <number>', 'send to this partition', parseCount('--partition', 0))
    .addOption(new Option('-z, --compression <codec>', 'compress record batches').choices([...compressionTypes]))
    .addOption(
      new Option('--acks <acks>', 'all and 1: wait until durable; 0: do not wait')
        .choices(['all', '1', '0'])
        .default('all'),
    )
    .addHelpText('after', "\nExample:\n  printf 'user-1:hello\\n' | millrace produce chat -k :")
    .action(
      action<[string], ProduceOptions>(io, async (context, [topic], options) => {
        if (options.keySeparator === '') throw new UsageError('the key separator is empty', 'For example: -k :');
        const produced = await context.withMillrace((millrace) => {
          const acks = options.acks === 'all' ? 'all' : (Number(options.acks) as 0 | 1);
          const compression = options.compression === undefined ? {} : { compression: options.compression };
          return produceLines(io, millrace.producer({ acks, lingerMs: 5, ...compression }), topic, options);
        });
        await tellOutcome(context, topic, produced);
      }),
    );
}

async function produceLines(io: CliIo, producer: Producer, topic: string, options: ProduceOptions): Promise<Produced> {
  const produced: Produced = { records: 0, offsets: new Map(), firstFailure: null, failed: 0 };
  let line = 0;
  for await (const bytes of readLines(io.stdin)) {
    line += 1;
    const at = line;
    const record = {
      topic,
      headers: options.header,
      partition: options.partition,
      ...splitKey(bytes, options.keySeparator),
    };
    producer.send(record).then(
      (metadata) => acknowledged(produced, metadata),
      (error: unknown) => failed(produced, at, error),
    );
    await producer.room();
    // What was sent before the failure is settled by close; what follows would only fail the same way.
    if (produced.firstFailure !== null) break;
  }
  await producer.close();
  return produced;
}

/** The bytes are copied: the producer keeps them longer than the line reader does. */
function splitKey(
  bytes: Uint8Array,
  separator: string | undefined,
): { readonly key: Uint8Array | null; readonly value: Uint8Array } {
  const line = Buffer.from(bytes);
  const mark = separator === undefined ? -1 : line.indexOf(separator);
  if (mark < 0) return { key: null, value: line };
  return { key: line.subarray(0, mark), value: line.subarray(mark + Buffer.byteLength(separator!)) };
}

function acknowledged(produced: Produced, { partition, offset }: RecordMetadata): void {
  produced.records += 1;
  const known = produced.offsets.get(partition);
  if (known) known.last = offset;
  else produced.offsets.set(partition, { first: offset, last: offset });
}

function failed(produced: Produced, line: number, error: unknown): void {
  produced.failed += 1;
  produced.firstFailure ??= { line, error };
}

async function tellOutcome(context: CliContext, topic: string, produced: Produced): Promise<void> {
  const partitions = [...produced.offsets]
    .sort(([a], [b]) => a - b)
    .map(([partition, { first, last }]) => ({ partition, first, last }));
  const { records, firstFailure } = produced;
  if (context.json) await context.print({ topic, records, partitions }, () => '');
  if (firstFailure === null) return;
  const { line, error } = firstFailure;
  const others = produced.failed > 1 ? ` and ${produced.failed - 1} records behind it` : '';
  if (!context.json)
    await write(context.io.stderr, `millrace: line ${line}${others} not sent; ${records} records were.\n`);
  throw error;
}
