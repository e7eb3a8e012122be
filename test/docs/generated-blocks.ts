/**
 * Parts of the documents that are made, not written: between `<!-- generated: NAME -->` and `<!-- end -->`. `node test/docs/write-docs.ts` writes them anew; a test
 * compares them.
 */
import { prices } from '../../lib/prices.ts';
import { measureWhole } from '../delay/measured-delays.ts';
import { commandHelp } from './command-help.ts';
import { kafkaApiTable, kafkaDifferencesTable } from './kafka-apis.ts';
import { readDocument } from './markdown.ts';
import {
  dollarsPerMillion,
  type MeasuredCost,
  measureAppends,
  measureCreateTopic,
  measureFetch,
  measureTopicOperation,
  perOperation,
} from './measured-cost.ts';
import {
  measureGroupOperation,
  measureHeartbeats,
  measureJoin,
  measureLeave,
  measureOffsetCommit,
} from './measured-group-cost.ts';
import { CALLS, measureIdleMonth, measureTrigger, triggerDollars } from './measured-trigger-cost.ts';
import { scaleDollarsTable, scaleRatesTable } from './scale-tables.ts';

const BLOCK = /(<!-- generated: ([^\n]+?) -->\n)[\s\S]*?(<!-- end -->)/g;
const KIB = 1024;
const MONTH_SECONDS = 30 * 86_400;

/** Dollars with three digits that mean something, and cents at least. */
function dollars(amount: number): string {
  if (amount >= 0.995) return amount.toFixed(2);
  return amount === 0 ? '0' : String(Number(amount.toPrecision(2)));
}

/** Requests or units as they are asked for one operation. */
function count(amount: number): string {
  return amount === 0 ? '–' : String(Number(amount.toFixed(2)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const rule = `|${head.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|\n`;
  return line(head) + rule + rows.map(line).join('');
}

const REQUESTS = ['puts', 'gets', 'writeUnits', 'readUnits'] as const;
const EN = {
  operation: 'operation',
  put: 'PUT',
  get: 'GET',
  write: 'write units',
  read: 'read units',
  per: '$ per million',
};

function costTable(rows: readonly (readonly [string, MeasuredCost])[]): string {
  const head = [EN.operation, EN.put, EN.get, EN.write, EN.read, EN.per];
  const cells = rows.map(([name, cost]) => [
    name,
    ...REQUESTS.map((request) => count(perOperation(cost, request))),
    dollars(dollarsPerMillion(cost)),
  ]);
  return table(head, cells);
}

async function measureShort() {
  return {
    small: await measureAppends({ valueBytes: 100 }),
    medium: await measureAppends({ valueBytes: 400 }),
    inlineMax: await measureAppends({ valueBytes: 900 }),
    segment: await measureAppends({ valueBytes: 10 * KIB }),
    wide: await measureAppends({ valueBytes: 10 * KIB, partitionCount: 8 }),
  };
}

let measured: ReturnType<typeof measureShort> | undefined;
const short = () => {
  measured ??= measureShort();
  return measured;
};

/** `names`: the five operations and the three columns, in the language of the document. */
async function shortTable(names: {
  readonly rows: readonly string[];
  readonly head: readonly string[];
}): Promise<string> {
  const costs = Object.values(await short());
  const rows = costs.map((cost, index) => [
    names.rows[index]!,
    count(perOperation(cost, 'puts')),
    count(perOperation(cost, 'writeUnits')),
    dollars(dollarsPerMillion(cost)),
  ]);
  return table(names.head, rows);
}

async function appendTable(): Promise<string> {
  const { small, medium, inlineMax, segment, wide } = await short();
  const latency = await measureAppends({ valueBytes: 8 * KIB, inlineMaxBytes: 48 * KIB });
  const never = await measureAppends({ valueBytes: 100, inlineMaxBytes: 0 });
  return costTable([
    ['flush of 100 B, inline', small],
    ['flush of 400 B, inline', medium],
    ['flush of 900 B, inline', inlineMax],
    ['flush of 100 B, inline forbidden', never],
    ['flush of 10 KiB to 1 partition', segment],
    ['flush of 10 KiB to each of 8 partitions', wide],
    ['flush of 8 KiB, inline by `millrace.inline.max.bytes=49152`', latency],
  ]);
}

async function readTable(): Promise<string> {
  return costTable([
    ['look at an idle partition', await measureFetch({ flushes: 1, valueBytes: 100, offset: 1n })],
    ['fetch of the last record, inline', await measureFetch({ flushes: 2, valueBytes: 100, offset: 1n })],
    ['fetch of the last record, in a segment', await measureFetch({ flushes: 2, valueBytes: 10 * KIB, offset: 1n })],
    [
      'fetch of 10 records of 10 flushes, in segments',
      await measureFetch({ flushes: 10, valueBytes: 10 * KIB, offset: 0n }),
    ],
    [
      'fetch of 40 records of 40 flushes, most of them rolled',
      await measureFetch({ flushes: 40, valueBytes: 10 * KIB, offset: 0n }),
    ],
  ]);
}

async function topicTable(): Promise<string> {
  return costTable([
    ['create a topic with 1 partition', await measureCreateTopic(1)],
    ['create a topic with 98 partitions', await measureCreateTopic(98)],
    ['create a topic with 1,000 partitions', await measureCreateTopic(1000)],
    ['describe', await measureTopicOperation((topics) => topics.describeTopic('t'))],
    ['list', await measureTopicOperation((topics) => topics.listTopics())],
    ['alter', await measureTopicOperation((topics) => topics.alterTopic('t', { set: { 'retention.ms': '1000' } }))],
    ['add 7 partitions', await measureTopicOperation((topics) => topics.addPartitions('t', 8))],
    ['trim to the end', await measureTopicOperation((topics) => topics.trimPartition('t', 0, 'end'))],
    ['delete, with the chunks of 100 flushes', await measureTopicOperation((topics) => topics.deleteTopic('t'))],
  ]);
}

async function groupTable(): Promise<string> {
  return costTable([
    ['heartbeat of a member, with its looks at the group', await measureHeartbeats()],
    ['join as the first member, 8 partitions', await measureJoin()],
    ['commit of 1 partition', await measureOffsetCommit(1)],
    ['commit of 8 partitions', await measureOffsetCommit(8)],
    ['leave as the last member', await measureLeave()],
    ['list', await measureGroupOperation((groups) => groups.listGroups())],
    ['describe, 8 partitions', await measureGroupOperation((groups) => groups.describeGroup('g'))],
    ['seek 8 partitions', await measureGroupOperation((groups) => groups.seekGroup('g', { to: 'start' }))],
    ['delete, 8 partitions', await measureGroupOperation((groups) => groups.deleteGroup('g'))],
  ]);
}

/** What members cost in a month in which nothing happens. */
async function groupMonthTable(): Promise<string> {
  const heartbeat = await measureHeartbeats();
  const looks = dollarsPerMillion(await measureFetch({ flushes: 1, valueBytes: 100, offset: 1n }));
  const perMonth = (eachMs: number) => (MONTH_SECONDS * 1000) / eachMs;
  const beats = (eachMs: number) => (dollarsPerMillion(heartbeat) * perMonth(eachMs)) / 1e6;
  const waits = (eachMs: number) => (looks * perMonth(eachMs)) / 1e6;
  const rows = [
    ['a member, `heartbeatIntervalMs` 5,000 (default)', beats(5_000).toFixed(2)],
    ['a member, `heartbeatIntervalMs` 30,000', beats(30_000).toFixed(2)],
    ['a partition that waits for records, `idleMaxMs` 1,000 (default)', waits(1_000).toFixed(2)],
    ['a partition that waits for records, `idleMaxMs` 10,000', waits(10_000).toFixed(3)],
    ['a group without members', '0'],
  ];
  return table(['in 30 days', '$'], rows);
}

const TRIGGERS = [
  ['1 record, inline', 'inline', 1],
  ['10 records, inline', 'inline', 10],
  ['1 record, in a segment', 'segment', 1],
  ['10 records, in a segment', 'segment', 10],
  ['100 records, in a segment', 'segment', 100],
  ['10,000 records, in a segment', 'segment', 10_000],
] as const;

/** What a batch asks for, and what a million records cost in batches of that size. Both modes ask the stores for the same. */
async function triggerTable(): Promise<string> {
  const rows = TRIGGERS.map(async ([name, path, records]) => {
    const push = await measureTrigger('push', path, records);
    const pull = await measureTrigger('pull', path, records);
    if (JSON.stringify(push) !== JSON.stringify(pull)) throw new RangeError(`${name}: push and pull differ`);
    const costs = (['push', 'pull'] as const).map((mode) => dollars(triggerDollars(mode, push, records)));
    return [name, ...(['gets', 'writeUnits', 'readUnits'] as const).map((one) => count(push[one])), ...costs];
  });
  const head = ['a batch of', EN.get, EN.write, EN.read];
  const calls = (mode: keyof typeof CALLS) => `\`${mode}\`, ${CALLS[mode]} calls: ${EN.per} records`;
  return table([...head, calls('push'), calls('pull')], await Promise.all(rows));
}

const DELAYS = [
  ['1 of 200 B, due in 10 s', { count: 1, valueBytes: 200, delay: '10s' }],
  ['1 of 200 B, due in an hour', { count: 1, valueBytes: 200, delay: '1h' }],
  ['100 of 200 B, due together', { count: 100, valueBytes: 200, delay: '1h' }],
  ['1,000 of 200 B, due together', { count: 1_000, valueBytes: 200, delay: '1h' }],
  ['100 of 10 KB, due together', { count: 100, valueBytes: 10_000, delay: '1h' }],
] as const;

/** What delayed records ask for, each, from their sending until nothing of them is left. */
async function delayTable(): Promise<string> {
  const costs: (readonly [string, MeasuredCost])[] = [];
  for (const [name, run] of DELAYS) costs.push([name, { count: run.count, usage: await measureWhole(run) }]);
  const [head, ...rest] = costTable(costs).split('\n');
  return [head!.replace(EN.operation, 'records of a partition'), ...rest].join('\n');
}

/** What subscriptions cost in a month in which nothing is written. */
async function idleTable(): Promise<string> {
  const rows = [1, 10, 100, 1_000].map(async (partitionCount) => {
    const { readUnits, dollars: amount } = await measureIdleMonth(partitionCount);
    return [partitionCount.toLocaleString('en'), Math.round(readUnits).toLocaleString('en'), dollars(amount)];
  });
  return table(['partitions', 'read units in 30 days', '$'], await Promise.all(rows));
}

function priceTable(): Promise<string> {
  const rows = [
    ['S3 PUT, LIST', `$${prices.s3PutPerMillion.toFixed(2)} per million`],
    ['S3 GET, HEAD', `$${prices.s3GetPerMillion.toFixed(2)} per million`],
    ['S3 DELETE', 'free'],
    ['S3 storage', `$${prices.s3PerGbMonth} per GB and month`],
    [
      'DynamoDB write unit: 1 KB of the item, the larger of before and after',
      `$${prices.dynamoWriteUnitPerMillion} per million`,
    ],
    [
      'DynamoDB read unit: 4 KB, half of it when the read may be some seconds old',
      `$${prices.dynamoReadUnitPerMillion} per million`,
    ],
    ['DynamoDB storage', `$${prices.dynamoPerGbMonth} per GB and month`],
    ['Lambda: a call', `$${prices.lambdaCallPerMillion.toFixed(2)} per million`],
    ['Lambda: time', `$${(prices.lambdaGbSecond * 1e6).toFixed(2)} per million seconds with 1 GB of memory`],
  ];
  return Promise.resolve(table(['what', 'price'], rows));
}

/** A shop: 20 records of 500 B a second to 4 partitions, gathered for a second; two programs that read all of it. */
async function exampleTable(): Promise<string> {
  const shop = { valueBytes: 2_500, partitionCount: 4 };
  const flush = await measureAppends(shop);
  const fetch = await measureFetch({ ...shop, flushes: 1, offset: 0n });
  const gigabytes = (20 * 500 * MONTH_SECONDS) / 1e9;
  const produce = (dollarsPerMillion(flush) * MONTH_SECONDS) / 1e6;
  const consume = (2 * dollarsPerMillion(fetch) * MONTH_SECONDS) / 1e6;
  const storage = gigabytes * prices.s3PerGbMonth;
  const millions = (count: number) => `${(count / 1e6).toFixed(2)} million`;
  const requests = (cost: MeasuredCost) => REQUESTS.map((name) => count(perOperation(cost, name)));
  const rows = [
    [`${millions(MONTH_SECONDS)} flushes`, ...requests(flush), produce.toFixed(2)],
    [`${millions(2 * MONTH_SECONDS)} fetches of 4 partitions`, ...requests(fetch), consume.toFixed(2)],
    [`${gigabytes.toFixed(1)} GB in S3, all of it for a whole month`, '', '', '', '', storage.toFixed(2)],
    ['together', '', '', '', '', (produce + consume + storage).toFixed(2)],
  ];
  return table(['in 30 days', EN.put, EN.get, EN.write, EN.read, '$'], rows);
}

const BLOCKS: Readonly<Record<string, () => Promise<string>>> = {
  'cost-short': () =>
    shortTable({
      head: ['a flush of', 'PUT', 'write units', '$ per million'],
      rows: [
        '100 B, inline',
        '400 B, inline',
        '900 B, inline',
        '10 KiB, in a segment',
        '80 KiB to 8 partitions, in one segment',
      ],
    }),
  'cost-short-zh': () =>
    shortTable({
      head: ['一次刷写', 'PUT', '写单位', '每百万次（美元）'],
      rows: ['100 B，内联', '400 B，内联', '900 B，内联', '10 KiB，写入段', '80 KiB，8 个分区，同一个段'],
    }),
  'cost-prices': priceTable,
  'cost-append': appendTable,
  'cost-read': readTable,
  'cost-topics': topicTable,
  'cost-groups': groupTable,
  'cost-group-month': groupMonthTable,
  'cost-triggers': triggerTable,
  'cost-idle': idleTable,
  'cost-delays': delayTable,
  'cost-example': exampleTable,
  'scale-dollars': () => scaleDollarsTable(250),
  'scale-dollars-slow': () => scaleDollarsTable(5_000),
  'scale-rates': () => scaleRatesTable(250),
  'command-help': commandHelp,
  'kafka-apis': kafkaApiTable,
  'kafka-differences': kafkaDifferencesTable,
};

/** `table FILE N`: the N-th table, from 0, of the comment that opens a source file. */
function sourceTable(name: string): string {
  const [, path = '', index = '0'] = name.split(' ');
  const [comment = ''] = /\/\*\*[\s\S]*?\*\//.exec(readDocument(path).text) ?? [];
  const tables = comment.match(/(?:^ \* \|.*\n)+/gm) ?? [];
  return tables[Number(index)]!.replace(/^ \* /gm, '');
}

function made(name: string): Promise<string> {
  return name.startsWith('table ') ? Promise.resolve(sourceTable(name)) : BLOCKS[name]!();
}

/** The text with every generated part as it should be. Throws for a part that nobody makes. */
export async function withGeneratedBlocks(text: string): Promise<string> {
  const parts = new Map<string, string>();
  for (const [, , name = ''] of text.matchAll(BLOCK)) parts.set(name, await made(name));
  return text.replace(BLOCK, (_, begin: string, name: string, end: string) => `${begin}${parts.get(name)}${end}`);
}
