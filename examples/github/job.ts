/** The main job: produce the deliveries, read them with two groups, go on where the last run ended. */
import { hasCode, type Millrace, type ReceivedRecord } from '../../lib/index.ts';
import { type AuditState, audit, auditFromText, auditToText, emptyAudit } from './audit.ts';
import type { Delivery } from './deliveries.ts';
import { type Fold, GroupMember } from './group-member.ts';

export const TOPIC = 'github';
export const PARTITIONS = 8;
/** Group that counts deliveries by event, with three members. */
export const COUNTS = 'counts';
/** Group that checks every delivery, with one member. */
export const AUDIT = 'audit';
const COUNTERS = 3;
/** What runs that ended in order were told is durable. */
const RESULTS = 'github-results';
/** A record for each start; its offset is the number of the run, which no other has, even if they start at once. */
const RUNS = 'github-runs';
/** Between two looks at how far the groups are. */
const LOOK_MS = 100;

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
  /** Records that earlier runs which ended in order know to be durable. */
  readonly known: number;
  /** Records that were in the log before this run. */
  readonly found: number;
  readonly counters: JobCounters;
  /** Three members of the group `counts`. */
  readonly counting: GroupMember<Map<string, number>>[];
  /** The member of the group `audit`. */
  readonly auditing: GroupMember<AuditState>;
  /** What a new member of `counts` is made with. */
  readonly newCounter: (number: number) => GroupMember<Map<string, number>>;
}

const countFold: Fold<Map<string, number>> = {
  add(counts, record) {
    const event = record.headerText('event') ?? 'without event';
    counts.set(event, (counts.get(event) ?? 0) + 1);
  },
  toText: (counts) => JSON.stringify(Object.fromEntries(counts)),
  fromText: (text) => new Map(Object.entries(JSON.parse(text || '{}') as Record<string, number>)),
};

const auditFold: Fold<AuditState> = { add: auditRecord, toText: auditToText, fromText: auditFromText };

function auditRecord(state: AuditState, record: ReceivedRecord): void {
  const { partition, offset } = record;
  const run = record.headerText('run') ?? '';
  const sequence = Number(record.headerText('sequence'));
  audit(state, { partition, offset, run, repository: record.keyText() ?? '', sequence });
}

/** Makes what is missing and joins both groups. `onChange` is told of partitions that move. */
export async function openJob(millrace: Millrace, onChange: (what: string) => void): Promise<Job> {
  await ensureTopic(millrace, TOPIC, PARTITIONS, { 'compression.type': 'zstd', 'retention.ms': '-1' });
  await ensureTopic(millrace, RESULTS, 1, { 'retention.ms': '-1' });
  await ensureTopic(millrace, RUNS, 1, { 'retention.ms': '-1' });
  const run = await startRun(millrace);
  const known = await lastKnown(millrace);
  const found = [...(await endOffsets(millrace)).values()].reduce((sum, end) => sum + Number(end), 0);
  const newCounter = (number: number) =>
    new GroupMember(millrace, { group: COUNTS, topic: TOPIC, name: `counts-${number}`, fold: countFold, onChange });
  const counting = Array.from({ length: COUNTERS }, (_, index) => newCounter(index + 1));
  const auditing = new GroupMember(millrace, {
    group: AUDIT,
    topic: TOPIC,
    name: 'audit-1',
    fold: auditFold,
    onChange,
  });
  for (const member of [...counting, auditing]) await member.join();
  const counters = { sent: 0, acknowledged: 0, acknowledgedBytes: 0 };
  return { run, known, found, counters, counting, auditing, newCounter };
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

/** A member of `counts` leaves once a third of the records are acknowledged, and another comes in its place at two thirds: the others take over, and give back. */
export async function leaveAndReturn(
  job: Job,
  total: number,
  say: (what: string) => void,
  over: Promise<unknown>,
): Promise<void> {
  const { counters, counting } = job;
  let isOver = false;
  void over.then(
    () => {
      isOver = true;
    },
    () => {
      isOver = true;
    },
  );
  const reached = async (share: number) => {
    while (!isOver && counters.acknowledged < share * total) await pause(50);
  };
  await reached(1 / 3);
  const leaving = counting.pop()!;
  say(`${leaving.name} leaves the group`);
  await leaving.leave();
  await reached(2 / 3);
  await pause(1_000);
  const returning = job.newCounter(COUNTERS);
  counting.push(returning);
  say(`${returning.name} comes back`);
  returning.handled = leaving.handled;
  await returning.join();
  const hasSome = async () => {
    while (returning.partitions.length === 0) await pause(50);
  };
  await Promise.race([hasSome(), returning.failed()]);
}

/** Resolves when both groups have committed everything that is in the log now; rejects when a member failed. */
export async function caughtUp(millrace: Millrace, job: Job): Promise<void> {
  const ends = await endOffsets(millrace);
  const failures = [...job.counting, job.auditing].map((member) => member.failed());
  const waiting = async () => {
    for (const group of [COUNTS, AUDIT]) while (!(await hasReached(millrace, group, ends))) await pause(LOOK_MS);
  };
  const never = new Promise<never>(() => {});
  await Promise.race([waiting(), ...failures.map((failed) => failed.then(() => never))]);
}

async function hasReached(millrace: Millrace, group: string, ends: ReadonlyMap<number, bigint>): Promise<boolean> {
  const offsets = await committedOffsets(millrace, group);
  return [...ends].every(([partition, end]) => (offsets.get(partition)?.offset ?? 0n) >= end);
}

/** How far a group is in each partition of the topic, and the result that it has stored there. */
export async function committedOffsets(
  millrace: Millrace,
  group: string,
): Promise<ReadonlyMap<number, { readonly offset: bigint; readonly metadata: string }>> {
  const { partitions } = await millrace.groups.describeGroup(group);
  const ours = partitions.filter(({ topic }) => topic === TOPIC);
  return new Map(ours.map(({ partition, committed, metadata }) => [partition, { offset: committed ?? 0n, metadata }]));
}

/** Deliveries by event, over all runs. */
export async function totalCounts(millrace: Millrace): Promise<Record<string, number>> {
  const totals: Record<string, number> = {};
  for (const { metadata } of (await committedOffsets(millrace, COUNTS)).values()) {
    for (const [event, count] of countFold.fromText(metadata)) totals[event] = (totals[event] ?? 0) + count;
  }
  return totals;
}

/** What the audit has found, over all runs. */
export async function totalAudit(millrace: Millrace): Promise<AuditState> {
  const total = emptyAudit();
  for (const { metadata } of (await committedOffsets(millrace, AUDIT)).values()) {
    const { records, violations, firstViolation } = auditFromText(metadata);
    total.records += records;
    total.violations += violations;
    total.firstViolation ||= firstViolation;
  }
  return total;
}

/** The high watermark of each partition. */
export async function endOffsets(millrace: Millrace): Promise<Map<number, bigint>> {
  const { partitions } = await millrace.topics.describeTopic(TOPIC);
  return new Map(partitions.map(({ partition, highWatermark }) => [partition, highWatermark]));
}

async function lastKnown(millrace: Millrace): Promise<number> {
  const { partitions } = await millrace.topics.describeTopic(RESULTS);
  const end = partitions[0]!.highWatermark;
  if (end === 0n) return 0;
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic: RESULTS, partition: 0, from: end - 1n }]);
  let known = 0;
  for await (const record of reader) known = Number(record.text());
  await reader.close();
  return known;
}

/** Remembers how many records are known to be durable: the next run must find them. */
export async function saveKnown(millrace: Millrace, job: Job): Promise<void> {
  const producer = millrace.producer();
  await producer.send({ topic: RESULTS, value: String(job.found + job.counters.acknowledged) });
  await producer.close();
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
