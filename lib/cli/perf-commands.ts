/** `millrace perf …`, in the manner of Kafka's kafka-producer-perf-test and its siblings. */
import { Option } from 'commander';
import type { Millrace } from '../client/millrace.ts';
import { UsageMeter } from '../log/meter.ts';
import { type CompressionType, compressionTypes } from '../record/compression.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { InterruptedError } from './cli-errors.ts';
import { type CliIo, write } from './cli-io.ts';
import { parseCount } from './parse-values.ts';
import { perfConsume } from './perf-consume.ts';
import { perfEndToEnd } from './perf-end-to-end.ts';
import { perfProduce } from './perf-produce.ts';
import { latencyText, type PerfResult, rateText, resultFields, resultText } from './perf-report.ts';

interface ProduceOptions {
  readonly records: number;
  readonly size: number;
  readonly throughput: number;
  readonly compression?: CompressionType;
  readonly acks: 'all' | '1' | '0';
  readonly linger: number;
  readonly batchBytes?: number;
}

/** Adds `perf` and its subcommands. */
export function addPerfCommands(program: CliCommand, io: CliIo): void {
  const perf = program
    .command('perf')
    .description('Measure how fast records are written and read, and what the requests cost.')
    .examples('millrace perf produce bench --records 1000000', 'millrace perf consume bench');
  addProduce(perf, io);
  addConsume(perf, io);
  addEndToEnd(perf, io);
  addHelpCommand(perf);
}

function addProduce(perf: CliCommand, io: CliIo): void {
  perf
    .command('produce <topic>')
    .description('Send records of random letters to a topic, and tell how fast they were acknowledged.')
    .option('-n, --records <count>', 'how many', parseCount('--records', 1), 100_000)
    .option('-s, --size <bytes>', 'bytes of a value', parseCount('--size', 0), 100)
    .option('-r, --throughput <rate>', 'records a second at most; 0: no bound', parseCount('--throughput', 0), 0)
    .addOption(
      new Option('-z, --compression <codec>', "compress record batches (default: the topic's)").choices([
        ...compressionTypes,
      ]),
    )
    .addOption(new Option('--acks <acks>', 'as for produce').choices(['all', '1', '0']).default('all', 'all'))
    .option('--linger <ms>', "the producer's lingerMs", parseCount('--linger', 0), 0)
    .option('--batch-bytes <bytes>', "the producer's batchBytes", parseCount('--batch-bytes', 1))
    .examples(
      'millrace perf produce bench -n 1000000 -s 100',
      'millrace perf produce bench -r 1000 -z zstd --linger 20',
    )
    .action(
      action<[string], ProduceOptions>(io, (context, [topic], options) =>
        measure(context, 'sent', async (millrace, { signal, usage }) => {
          await millrace.topics.getTopic(topic);
          const acks = options.acks === 'all' ? 'all' : (Number(options.acks) as 0 | 1);
          return perfProduce(millrace, {
            topic,
            records: options.records,
            recordBytes: options.size,
            throughput: options.throughput,
            producer: {
              acks,
              lingerMs: options.linger,
              ...(options.compression && { compression: options.compression }),
              ...(options.batchBytes && { batchBytes: options.batchBytes }),
            },
            signal,
            usage,
            onProgress: (progress) => tellProgress(context, progress),
          });
        }),
      ),
    );
}

function addConsume(perf: CliCommand, io: CliIo): void {
  perf
    .command('consume <topic>')
    .description('Read a topic up to its end, and tell how fast that was.')
    .option('-n, --records <count>', 'end after about this many', parseCount('--records', 1))
    .option('-g, --group <group>', 'as a member of this group, which commits what was read')
    .examples('millrace perf consume bench', 'millrace perf consume bench -g perf --json | jq .recordsPerSecond')
    .action(
      action<[string], { readonly records?: number; readonly group?: string }>(io, (context, [topic], options) =>
        measure(context, 'read', (millrace, { signal, usage }) => {
          const { records = Number.POSITIVE_INFINITY, group } = options;
          return perfConsume(millrace, { topic, records, group, signal, usage });
        }),
      ),
    );
}

function addEndToEnd(perf: CliCommand, io: CliIo): void {
  perf
    .command('end-to-end <topic>')
    .description('Send records one by one and read them at the tail: how long each takes from send to the loop.')
    .option('-n, --records <count>', 'how many', parseCount('--records', 1), 200)
    .option('-s, --size <bytes>', 'bytes of a value', parseCount('--size', 0), 100)
    .option('-r, --rate <rate>', 'records a second', parseCount('--rate', 1), 20)
    .option(
      '--idle-max <ms>',
      "the reader's idleMaxMs, its longest wait between two looks",
      parseCount('--idle-max', 1),
      100,
    )
    .examples('millrace perf end-to-end bench', 'millrace perf end-to-end bench -n 1000 -r 100 --idle-max 20')
    .action(
      action<[string], { records: number; size: number; rate: number; idleMax: number }>(
        io,
        (context, [topic], options) =>
          measure(context, 'sent and read', (millrace, { signal, usage }) => {
            const { records, size: recordBytes, rate, idleMax: idleMaxMs } = options;
            return perfEndToEnd(millrace, { topic, records, recordBytes, rate, idleMaxMs, signal, usage });
          }),
      ),
    );
}

type Measured = (
  millrace: Millrace,
  run: { readonly signal: AbortSignal; readonly usage: () => UsageMeter['usage'] },
) => Promise<PerfResult>;

/** Runs and tells the result, also of a run that Ctrl-C ended. */
async function measure(context: CliContext, verb: string, run: Measured): Promise<void> {
  const meter = new UsageMeter();
  const signal = context.io.interrupts();
  const result = await context.withMillrace((millrace) => run(millrace, { signal, usage: () => meter.usage }), meter);
  const text = resultText(verb, result);
  const fields = resultFields(result);
  if (signal.aborted) throw new InterruptedError(signal.reason as 'SIGINT' | 'SIGTERM', { text, fields });
  await context.print(fields, () => text);
}

/** A line on stderr, so that the result alone is on stdout. */
function tellProgress({ io, json }: CliContext, { records, bytes, elapsedMs, latency }: PerfResult): void {
  if (json) return;
  const text = `${rateText('sent', records, bytes, elapsedMs)}, ${latencyText(latency!)}.\n`;
  void write(io.stderr, text).catch(() => {});
}
