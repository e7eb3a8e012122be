/** The main job: produce the deliveries, follow them with two readers, go on where the last run ended. */
import { hasCode, type Millrace, type ReceivedRecord } from '../../lib/index.ts';
import { type AuditedRecord, type AuditState, audit, sequenceKey } from './audit.ts';
import {
  auditFromCheckpoint,
  type Checkpoint,
  emptyCheckpoint,
  positionsFromJson,
  positionsToJson,
} from './checkpoint.ts';
import type { Delivery } from './deliveries.ts';
import { type Follower, follow } from './follow.ts';

export const TOPIC = 'github';
export const PARTITIONS = 8;
const CHECKPOINTS = 'github-checkpoints';
/** A record for each start; its offset is the number of the run, which no other has, even if they start at once. */
const RUNS = 'github-runs';
/** Violations that are remembered. */
const MAX_VIOLATIONS = 10;

/** What the run has done so far. */
export interface JobCounters {
  sent: number;
  acknowledged: number;
  /** Of payloads. */
  acknowledgedBytes: number;
}

export interface Job {
  /** Number of this run; as many were started before it. */
  readonly run: bigint;
  /** State at the start of this run. */
  readonly checkpoint: Checkpoint;
  /** Records that were in the log before this run. */
  readonly found: number;
  readonly counts: Record<string, number>;
  readonly audit: AuditState;
  readonly counters: JobCounters;
  readonly counter: Follower;
  readonly auditor: Follower;
}

/** Makes what is missing, reads the last checkpoint, and lets both readers catch up with what is there. */
export async function openJob(millrace: Millrace): Promise<Job> {
  await ensureTopic(millrace, TOPIC, PARTITIONS, { 'compression.type': 'zstd', 'retention.ms': '-1' });
  await ensureTopic(millrace, CHECKPOINTS, 1, { 'retention.ms': '-1', 'compression.type': 'gzip' });
  await ensureTopic(millrace, RUNS, 1, { 'retention.ms': '-1' });
  const run = await startRun(millrace);
  const checkpoint = await lastCheckpoint(millrace);
  const counts = { ...checkpoint.counts };
  const state = auditFromCheckpoint(checkpoint);
  const countPositions = positionsFromJson(checkpoint.countPositions);
  const [counter, auditor, ends] = await Promise.all([
    follow(millrace, TOPIC, countPositions, (record) => count(counts, record)),
    follow(millrace, TOPIC, state.positions, (record) => audit(state, audited(record))),
    endOffsets(millrace),
  ]);
  await Promise.all([counter.reached(ends), auditor.reached(ends)]);
  const found = [...ends.values()].reduce((sum, end) => sum + Number(end), 0);
  const counters = { sent: 0, acknowledged: 0, acknowledgedBytes: 0 };
  return { run, checkpoint, found, counts, audit: state, counters, counter, auditor };
}

/** Another run may be making it at the same time: what is half made is made whole by whoever comes. */
async function ensureTopic(millrace: Millrace, name: string, partitionCount: number, config: Record<string, string>) {
  const names = await millrace.topics.listTopics();
  if (names.includes(name)) return;
  try {
    await millrace.topics.createTopic({ name, partitionCount, config });
  } catch (error) {
    if (!hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw error;
  }
}

async function startRun(millrace: Millrace): Promise<bigint> {
  const producer = millrace.producer();
  const { offset } = await producer.send({ topic: RUNS, partition: 0, value: 'started' });
  await producer.close();
  return offset;
}

function count(counts: Record<string, number>, record: ReceivedRecord): void {
  const event = record.headerText('event') ?? 'without event';
  counts[event] = (counts[event] ?? 0) + 1;
}

function audited(record: ReceivedRecord): AuditedRecord {
  const { partition, offset } = record;
  const run = record.headerText('run') ?? '';
  return {
    partition,
    offset,
    run,
    repository: record.keyText() ?? '',
    sequence: Number(record.headerText('sequence')),
  };
}

/**
 * Sends all deliveries `rounds` times over, each keyed by its repository with its number within this run and it, until `signal` says stop; resolves when everything sent is
 * acknowledged.
 */
export async function produce(
  millrace: Millrace,
  job: Job,
  options: { readonly deliveries: readonly Delivery[]; readonly rounds: number; readonly signal: AbortSignal },
): Promise<void> {
  const { counters } = job;
  const run = job.run.toString();
  const sequences = new Map<string, number>();
  const producer = millrace.producer({ lingerMs: 20 });
  const failures: unknown[] = [];
  const acknowledged = (bytes: number) => {
    counters.acknowledged += 1;
    counters.acknowledgedBytes += bytes;
  };
  for (let round = 0; round < options.rounds && !options.signal.aborted && failures.length === 0; round++) {
    for (const { event, repository, payload } of options.deliveries) {
      if (options.signal.aborted) break;
      const sequence = (sequences.get(repository) ?? 0) + 1;
      sequences.set(repository, sequence);
      const headers = { event, run, sequence: sequence.toString() };
      producer.send({ topic: TOPIC, key: repository, value: payload, headers }).then(
        () => acknowledged(payload.length),
        (error) => failures.push(error),
      );
      counters.sent += 1;
      await producer.room();
    }
  }
  await producer.close();
  if (failures.length > 0) throw failures[0];
}

/** The high watermark of each partition. */
export async function endOffsets(millrace: Millrace): Promise<Map<number, bigint>> {
  const { partitions } = await millrace.topics.describeTopic(TOPIC);
  return new Map(partitions.map(({ partition, highWatermark }) => [partition, highWatermark]));
}

async function lastCheckpoint(millrace: Millrace): Promise<Checkpoint> {
  const { partitions } = await millrace.topics.describeTopic(CHECKPOINTS);
  const end = partitions[0]!.highWatermark;
  if (end === 0n) return emptyCheckpoint();
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic: CHECKPOINTS, partition: 0, from: end - 1n }]);
  let checkpoint: Checkpoint | null = null;
  for await (const record of reader) checkpoint = record.json<Checkpoint>();
  await reader.close();
  return checkpoint ?? emptyCheckpoint();
}

/** One record with everything, so that counts and positions always fit each other. Only for a run whose records are all audited. */
export async function saveCheckpoint(millrace: Millrace, job: Job): Promise<void> {
  const own = sequenceKey(job.run.toString(), '');
  const checkpoint: Checkpoint = {
    // What was audited is in the log, whoever sent it.
    acknowledged: Math.max(job.checkpoint.acknowledged, job.found + job.counters.acknowledged, job.audit.records),
    counts: job.counts,
    countPositions: positionsToJson(job.counter.positions),
    auditPositions: positionsToJson(job.auditor.positions),
    sequences: Object.fromEntries([...job.audit.sequences].filter(([key]) => !key.startsWith(own))),
    audited: job.audit.records,
    violations: job.audit.violations.slice(0, MAX_VIOLATIONS),
  };
  const producer = millrace.producer();
  await producer.send({ topic: CHECKPOINTS, value: JSON.stringify(checkpoint) });
  await producer.close();
}
