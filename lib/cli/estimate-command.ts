/** `millrace estimate` */
import { Option } from 'commander';
import { limits } from '../limits.ts';
import { PRICES_AS_OF } from '../prices.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, toJson, write } from './cli-io.ts';
import { type CostItem, millraceItems, type PeerCost, peerCosts } from './estimate-items.ts';
import { type MonthOfWork, monthOfWork, recordsPerFlush, type Workload } from './estimate-workload.ts';
import { parseCount } from './parse-values.ts';
import { table } from './table.ts';

interface EstimateOptions {
  readonly recordsPerSecond: number;
  readonly recordBytes: number;
  readonly partitions: number;
  readonly producers: number;
  readonly linger: number;
  readonly hoursPerDay: number;
  readonly functions: number;
  readonly mode: 'push' | 'pull';
  readonly retentionDays: number;
}

const HELP = `
A sample of the workload is written to a store in memory, which counts requests and units as AWS charges them; nothing
is sent anywhere. A month has 30 days. Storage is that of a log that has reached its retention. What the subscribed
functions themselves run is in none of the sums: it is the same whoever calls them. So is what AWS gives for nothing.`;

/** Adds `estimate`. */
export function addEstimateCommand(program: CliCommand, io: CliIo): void {
  program
    .command('estimate')
    .description('Tell what a workload costs a month on AWS, by item, and beside what others cost for it.')
    .option('-r, --records-per-second <rate>', 'on average, while there are any', parseRate, 50)
    .option('-s, --record-bytes <bytes>', 'key and value of a record', parseCount('--record-bytes', 1), 500)
    .option('-P, --partitions <count>', 'of the topic', parseCount('--partitions', 1), 4)
    .option('--producers <count>', 'how many write', parseCount('--producers', 1), 1)
    .option('--linger <ms>', 'how long a producer gathers records', parseCount('--linger', 0), 1000)
    .option('--hours-per-day <hours>', 'in which records come', parseHours, 24)
    .option('--functions <count>', 'how many are subscribed', parseCount('--functions', 0), 1)
    .addOption(new Option('--mode <mode>', 'of their subscriptions').choices(['push', 'pull']).default('push', 'push'))
    .option('--retention-days <days>', 'how long records stay', parseCount('--retention-days', 1), 7)
    .addHelpText('after', HELP)
    .examples(
      'millrace estimate --records-per-second 50 --record-bytes 500',
      'millrace estimate -r 2000 -s 200 --linger 200 --hours-per-day 8 --functions 2',
      "millrace estimate --json | jq '.total'",
    )
    .action(action<[], EstimateOptions>(io, (context, _, options) => estimate(context, checked(options))));
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && rate > 0 && rate <= 1_000_000) return rate;
  const example = 'For example: --records-per-second 50, or 0.1';
  throw new UsageError(`--records-per-second is ${text}, which is no number above 0, up to 1,000,000`, example, text);
}

function parseHours(text: string): number {
  const hours = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && hours > 0 && hours <= 24) return hours;
  throw new UsageError(`--hours-per-day is ${text}, which is no number above 0, up to 24`, 'For example: 8', text);
}

/** What a sample could not be written of. Throws UsageError. */
function checked({ linger, ...options }: EstimateOptions): Workload {
  const workload = { ...options, lingerMs: linger };
  const { recordBytes, partitions } = workload;
  if (recordBytes > 1_000_000) {
    throw new UsageError(
      `--record-bytes is ${recordBytes}`,
      'A topic takes records of 1,000,000 bytes unless told otherwise.',
      '--record-bytes',
    );
  }
  if (partitions > 10_000) {
    throw new UsageError(
      `--partitions is ${partitions}`,
      'Estimate a topic of up to 10,000 partitions.',
      '--partitions',
    );
  }
  const flushBytes = recordsPerFlush(workload) * recordBytes;
  if (flushBytes <= limits.segmentBytes / 8) return workload;
  const hint = 'That is more than one producer should gather: lower --linger, or raise --producers.';
  throw new UsageError(`a flush would have ${Math.round(flushBytes / 1e6)} MB`, hint, '--linger');
}

async function estimate(context: CliContext, workload: Workload): Promise<void> {
  const month = await monthOfWork(workload);
  const items = millraceItems(workload, month);
  const total = items.reduce((sum, { dollars }) => sum + dollars, 0);
  const peers = peerCosts(workload, month);
  const { stdout } = context.io;
  if (context.json) {
    const fields = {
      workload,
      records: month.records,
      flushes: month.flushes,
      items,
      total,
      peers,
      pricesAsOf: PRICES_AS_OF,
    };
    await write(stdout, `${toJson(fields)}\n`);
  } else await write(stdout, `${text(workload, month, { items, total, peers })}\n`);
}

function text(
  workload: Workload,
  { records, flushes, partitionsPerFlush }: MonthOfWork,
  { items, total, peers }: { items: readonly CostItem[]; total: number; peers: readonly PeerCost[] },
): string {
  const perFlush = `${rounded(records / flushes)} records for ${rounded(partitionsPerFlush)} partitions`;
  const perMillion = (total / records) * 1e6;
  return [
    `${rounded(records / 1e6)} million records in 30 days, in ${rounded(flushes / 1e6)} million flushes of ${perFlush}.`,
    '',
    table(
      ['Millrace', 'count', '$ a month'],
      [
        ...items.map(({ item, count, dollars }) => [item, counted(count), money(dollars)]),
        ['together', '', money(total)],
      ],
    ),
    '',
    table(
      ['for the same', '$ a month', ''],
      [
        ['Millrace', money(total), `$${perMillion.toFixed(2)} per million records`],
        ...peers.map(({ name, dollars, remark }) => [name, money(dollars), remark]),
      ],
    ),
    '',
    `Prices of us-east-1, ${PRICES_AS_OF}, on demand. ${workload.functions === 0 ? 'Nobody reads.' : 'What the functions run is not in it.'}`,
  ].join('\n');
}

const rounded = (value: number) => String(Number(value.toPrecision(3)));
const money = (dollars: number) => (dollars > 0 && dollars < 0.005 ? '< 0.01' : dollars.toFixed(2));
const counted = (count: number) => (count >= 1e6 ? `${rounded(count / 1e6)} M` : rounded(count));
