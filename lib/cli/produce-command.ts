/** `millrace produce` */
import { Option } from 'commander';
import { checkRecord } from '../client/check-record.ts';
import type { Millrace } from '../client/millrace.ts';
import { type OutgoingRecord, prepareRecord } from '../client/outgoing-record.ts';
import type { Producer } from '../client/producer.ts';
import { systemClock } from '../clock.ts';
import { dueTimeOf, isDelayed } from '../delay/delay-time.ts';
import { asMillraceError, type MillraceError } from '../errors.ts';
import { parseTopicConfig } from '../log/topic-config.ts';
import type { TopicRoute } from '../log/topic-directory.ts';
import { type CompressionType, compressionTypes } from '../record/compression.ts';
import { checkPartition } from './check-partition.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { InterruptedError, PartialError, UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { collectPairs, parseCount, parseDate } from './parse-values.ts';
import { ProduceOutcome } from './produce-outcome.ts';
import { readLines } from './read-lines.ts';

interface ProduceOptions {
  readonly keySeparator?: string;
  readonly header?: readonly (readonly [string, string])[];
  readonly partition?: number;
  readonly compression?: CompressionType;
  readonly acks: 'all' | '1' | '0';
  readonly delay?: string;
  readonly deliverAt?: Date;
}

interface Sending {
  readonly producer: Producer;
  readonly route: TopicRoute;
  readonly outcome: ProduceOutcome;
}

/** Long enough for the lines of one write to travel together, and too short to be felt by somebody who types. */
const LINGER_MS = 5;
/** Enough to keep segments on their way, and a quarter of the producer's default: short lines weigh more in memory than they count. */
const BUFFER_BYTES = 8 * 1024 * 1024;

/** Adds `produce`. */
export function addProduceCommand(program: CliCommand, io: CliIo): void {
  program
    .command('produce <topic>')
    .description(
      'Send the lines of stdin as records, their bytes as they are. Ends at the first failure, and with Ctrl-C when what was read is sent.',
    )
    .option('-k, --key-separator <text>', 'split each line at its first <text> into key and value; null key without')
    .option('-H, --header <name=value>', 'header of every record, repeatable', collectPairs('--header'))
    .option('-p, --partition <number>', 'send to this partition (default: by key)', parseCount('--partition', 0))
    .addOption(
      new Option('-z, --compression <codec>', "compress record batches (default: the topic's)").choices([
        ...compressionTypes,
      ]),
    )
    .addOption(
      new Option('--acks <acks>', 'all and 1: wait until durable; 0: do not wait, and do not learn of failures')
        .choices(['all', '1', '0'])
        .default('all', 'all'),
    )
    .option('--delay <duration>', 'the records enter the topic so much later: 10s, 5m, 2h, 30d; prints the id of each')
    .option('--deliver-at <time>', 'they enter it then: 2026-11-24T10:00:00Z', parseDate('--deliver-at'))
    .examples(
      "printf 'user-1:hello\\n' | millrace produce chat -k :",
      'millrace produce logs -z zstd -H host=web-1 < access.log',
      'tail -f app.log | millrace produce logs --json',
      "printf 'ada:your cart is full\\n' | millrace produce reminders -k : --delay 30m",
    )
    .action(
      action<[string], ProduceOptions>(io, async (context, [topic], options) => {
        if (options.keySeparator === '') throw new UsageError('the key separator is empty', 'For example: -k :');
        if (isDelayed(options)) checkDelay(options);
        const interrupts = io.interrupts();
        const outcome = await context.withMillrace((millrace) => produce(io, millrace, topic, options, interrupts));
        await tellOutcome(context, outcome, interrupts);
      }),
    );
}

async function produce(
  io: CliIo,
  millrace: Millrace,
  topicName: string,
  options: ProduceOptions,
  signal: AbortSignal,
): Promise<ProduceOutcome> {
  const topic = await millrace.topics.getTopic(topicName);
  if (options.partition !== undefined) checkPartition(topic, options.partition);
  const config = parseTopicConfig(topic.config);
  const route = { ...topic, partitionCount: topic.readyPartitionCount, config };
  const maxBytes = config.maxMessageBytes + Buffer.byteLength(options.keySeparator ?? '');
  const acks = options.acks === 'all' ? 'all' : (Number(options.acks) as 0 | 1);
  const compression = options.compression === undefined ? {} : { compression: options.compression };
  const bufferMemoryBytes = Math.max(BUFFER_BYTES, 4 * config.maxMessageBytes);
  const producer = millrace.producer({ acks, lingerMs: LINGER_MS, bufferMemoryBytes, ...compression });
  const outcome = new ProduceOutcome(topicName);
  try {
    await sendLines({ producer, route, outcome }, readLines(io.stdin, { maxBytes, signal }), options);
  } catch (error) {
    outcome.failed(outcome.readLine(), error);
  }
  await producer.close();
  return outcome;
}

async function sendLines(
  { producer, route, outcome }: Sending,
  lines: AsyncIterable<Uint8Array>,
  { header: headers = [], partition, keySeparator, delay, deliverAt }: ProduceOptions,
): Promise<void> {
  for await (const bytes of lines) {
    const line = outcome.readLine();
    const record = { topic: outcome.topic, headers, partition, ...splitKey(bytes, keySeparator) };
    const refusal = refusalOf(record, route);
    if (refusal !== null) {
      outcome.failed(line, refusal);
      return;
    }
    const sent = isDelayed({ delay, deliverAt })
      ? producer.send({ ...record, delay, deliverAt }).then((metadata) => outcome.delayed(line, metadata))
      : producer.send(record).then((metadata) => outcome.sent(metadata));
    sent.catch((error: unknown) => outcome.failed(line, error));
    await producer.room();
    // What was sent before the failure is settled by close; what follows would only fail the same way.
    if (outcome.failure !== null) return;
  }
}

/** Says at once what each line would be refused for. */
function checkDelay({ delay, deliverAt, acks }: ProduceOptions): void {
  dueTimeOf({ delay, deliverAt }, systemClock.nowMs());
  if (acks === '0')
    throw new UsageError('--acks 0 with a delay', 'What enters the topic later is stored now: wait for that.');
}

/** The producer would say the same, but later, when lines behind this one are sent already. */
function refusalOf(record: OutgoingRecord, route: TopicRoute): MillraceError | null {
  try {
    return checkRecord(prepareRecord(record), route, systemClock);
  } catch (error) {
    return asMillraceError(error);
  }
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

async function tellOutcome(context: CliContext, outcome: ProduceOutcome, signal: AbortSignal): Promise<void> {
  const done = { text: outcome.text, fields: outcome.fields };
  if (outcome.failure !== null) throw new PartialError(outcome.failure, done);
  if (signal.aborted) throw new InterruptedError(signal.reason as 'SIGINT' | 'SIGTERM', done);
  const ids = outcome.waiting.map(({ id }) => id);
  if (context.json || ids.length > 0) await context.print(outcome.fields, () => ids.join('\n'));
}
