/** A month of a workload in dollars, by item. Pure. What the functions themselves run is in none of them: it is the same whoever calls them. */
import { peerPrices, prices } from '../prices.ts';
import { DAYS, type MonthOfWork, type Workload } from './estimate-workload.ts';

/** One line of an account. */
export interface CostItem {
  readonly item: string;
  /** How many, in the unit that the item names. */
  readonly count: number;
  readonly dollars: number;
}

/** Another way to have the work done. */
export interface PeerCost {
  readonly name: string;
  readonly dollars: number;
  /** What it does otherwise. */
  readonly remark: string;
}

const HOURS = DAYS * 24;
const GB = 1e9;
const MILLION = 1e6;

/** Of one batch of a subscription, from the ring to the release: asserted by `event-source.counts.test.ts`. */
const BATCH = { writeUnits: 2, readUnits: 3 } as const;
/** How long the functions of the log work for a batch, beside the time in which they wait for the function that is pushed: measured on one machine, with room. */
const ROUTER = { gb: 0.25, seconds: 0.03 } as const;
const PUMP = { gb: 0.5, seconds: 0.15 } as const;
/** Maintenance four times an hour and the sweep, each a second at most. */
const BY_THE_CLOCK = { calls: HOURS * 5, gbSeconds: HOURS * (4 * 1 + 0.25) } as const;
/** Of an entry that was rolled, and its share of the chunk. */
const ENTRY_BYTES = 60;

const millions = (item: string, count: number, perMillion: number): CostItem => ({
  item,
  count,
  dollars: (count / MILLION) * perMillion,
});

/** What Millrace costs. */
export function millraceItems(workload: Workload, month: MonthOfWork): readonly CostItem[] {
  const { flushes, partitionsPerFlush, perFlush } = month;
  const { functions, mode, retentionDays } = workload;
  const batches = flushes * partitionsPerFlush * functions;
  const isInline = perFlush.puts === 0;
  const gets = flushes * perFlush.gets + (isInline ? 0 : batches);
  const reads = flushes * perFlush.readUnits + batches * BATCH.readUnits;
  // One call of the router carries all rings of a flush.
  const routed = functions === 0 ? 0 : flushes;
  const calls = routed + batches * (mode === 'push' ? 2 : 1) + BY_THE_CLOCK.calls;
  const pumped = mode === 'push' ? batches * PUMP.gb * PUMP.seconds : 0;
  const gbSeconds = routed * ROUTER.gb * ROUTER.seconds + pumped + BY_THE_CLOCK.gbSeconds;
  const kept = Math.min(1, retentionDays / DAYS);
  const objectGb = (flushes * perFlush.putBytes * kept) / GB;
  const inlineBytes = isInline ? month.records * workload.recordBytes : 0;
  const itemGb = ((flushes * partitionsPerFlush * ENTRY_BYTES + inlineBytes) * kept) / GB;
  return [
    millions('S3 PUT', flushes * perFlush.puts, prices.s3PutPerMillion),
    millions('S3 GET', gets, prices.s3GetPerMillion),
    millions('DynamoDB write units, commits', flushes * perFlush.writeUnits, prices.dynamoWriteUnitPerMillion),
    millions('DynamoDB write units, leases', batches * BATCH.writeUnits, prices.dynamoWriteUnitPerMillion),
    millions('DynamoDB read units', reads, prices.dynamoReadUnitPerMillion),
    millions('Lambda calls', calls, prices.lambdaCallPerMillion),
    { item: 'Lambda GB-seconds of the log', count: gbSeconds, dollars: gbSeconds * prices.lambdaArmGbSecond },
    { item: 'GB in S3', count: objectGb, dollars: objectGb * prices.s3PerGbMonth },
    { item: 'GB in DynamoDB', count: itemGb, dollars: itemGb * prices.dynamoPerGbMonth },
  ].filter(({ count }) => count > 0);
}

/** What others cost for the same records, consumers and days. */
export function peerCosts(workload: Workload, { records }: MonthOfWork): readonly PeerCost[] {
  const bytes = records * workload.recordBytes;
  return [
    sqs(workload, records),
    kinesisOnDemand(workload, records),
    kinesisProvisioned(workload, records),
    mskServerless(workload, bytes / GB),
  ];
}

/** Five pollers of an event source mapping look every 20 seconds, whether there is something or not. */
const IDLE_POLLS = (5 * HOURS * 3_600) / 20;
const SQS_BATCH = 10;
const SQS_BYTES = 64 * 1024;

function sqs({ recordBytes, functions }: Workload, records: number): PeerCost {
  // Ten records a request, as long as they fit into what one request is charged as.
  const perRequest = Math.max(1, Math.min(SQS_BATCH, Math.floor(SQS_BYTES / recordBytes)));
  const units = (records / perRequest) * Math.ceil((perRequest * recordBytes) / SQS_BYTES);
  const queues = Math.max(1, functions);
  const requests = units * (1 + 2 * queues) + IDLE_POLLS * functions;
  const fanOut = queues > 1 ? (units / MILLION) * peerPrices.snsPublishPerMillion : 0;
  const dollars = (requests / MILLION) * peerPrices.sqsRequestPerMillion + fanOut;
  const remark = `${queues === 1 ? 'a queue' : `${queues} queues behind SNS`}; no order, nothing to read again`;
  return { name: 'SQS', dollars, remark };
}

function kinesisOnDemand({ recordBytes, functions, retentionDays }: Workload, records: number): PeerCost {
  const inGb = (records * Math.ceil(recordBytes / 1024) * 1024) / GB;
  const outGb = (records * recordBytes * functions) / GB;
  const keptGb = (inGb / DAYS) * Math.max(0, Math.min(retentionDays, 7) - 1);
  const dollars =
    HOURS * peerPrices.kinesisOnDemandStreamHour +
    inGb * peerPrices.kinesisOnDemandInPerGb +
    outGb * peerPrices.kinesisOnDemandOutPerGb +
    keptGb * peerPrices.kinesisOnDemandRetentionPerGbMonth;
  return { name: 'Kinesis, on demand', dollars, remark: retentionRemark(retentionDays) };
}

function kinesisProvisioned(workload: Workload, records: number): PeerCost {
  const { recordsPerSecond, recordBytes, functions, retentionDays } = workload;
  const mbPerSecond = (recordsPerSecond * recordBytes) / MILLION;
  // A shard takes 1,000 records or 1 MB a second, and gives 2 MB.
  const shards = Math.max(1, Math.ceil(Math.max(recordsPerSecond / 1000, mbPerSecond, (mbPerSecond * functions) / 2)));
  const units = records * Math.ceil(recordBytes / (25 * 1024));
  const extended = retentionDays > 1 ? peerPrices.kinesisShardRetentionHour : 0;
  const dollars =
    shards * HOURS * (peerPrices.kinesisShardHour + extended) + (units / MILLION) * peerPrices.kinesisPutUnitPerMillion;
  const remark = `${shards} ${shards === 1 ? 'shard' : 'shards'}, for the average and no peak; ${retentionRemark(retentionDays)}`;
  return { name: 'Kinesis, provisioned', dollars, remark };
}

const retentionRemark = (days: number) => (days > 7 ? 'kept for 7 days' : 'order by shard');

function mskServerless({ partitions, functions, retentionDays }: Workload, gb: number): PeerCost {
  const dollars =
    HOURS * (peerPrices.mskServerlessClusterHour + partitions * peerPrices.mskServerlessPartitionHour) +
    gb * (peerPrices.mskServerlessInPerGb + functions * peerPrices.mskServerlessOutPerGb) +
    ((gb * retentionDays) / DAYS) * peerPrices.mskServerlessPerGbMonth;
  return { name: 'MSK Serverless', dollars, remark: 'Kafka; milliseconds' };
}
