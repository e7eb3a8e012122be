/** The job `retention`: drops what has expired in every topic, and finishes deletions of topics that were left half done. */
import { asMillraceError } from '../errors.ts';
import { finishDeletion } from '../log/delete-topic.ts';
import { isDamage } from '../log/entry-check.ts';
import type { Head } from '../log/head.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { parseTopicConfig } from '../log/topic-config.ts';
import { type DamageList, NO_DAMAGE, withDamage } from './found-damage.ts';
import { retentionPauseMs } from './job-schedule.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { needsRetention, retainPartition } from './retain-partition.ts';
import { type RetentionPolicy, retentionPolicy } from './retention-policy.ts';
import type { JobSlice, MaintenanceJob, SliceEnd } from './run-job.ts';
import { headSum, SUM_LIMIT } from './store-change.ts';
import { lookAtTime, type SeenTime } from './trusted-time.ts';
import { type WalkedHead, type WalkPlace, walkTopics } from './walk-topics.ts';

/** What a pass has done so far. */
export interface RetentionReport {
  /** The time by which records were judged, ms since 1970; 0: none can be trusted yet, and none goes by its age. */
  readonly clockMs: number;
  readonly topics: number;
  readonly partitions: number;
  readonly topicsDeleted: number;
  /** Decimal: JSON knows no bigint. */
  readonly recordsDropped: string;
  readonly chunksRemoved: number;
  readonly damages: DamageList;
}

/** What the job stores. */
export interface RetentionState {
  readonly seenTime: SeenTime | null;
  /** The pass that is under way: where it goes on. */
  readonly place: WalkPlace | null;
  readonly report: RetentionReport;
  /** Of the heads that this pass has seen, see `headSum`; of all of them for the pass before. */
  readonly sum: number;
  readonly lastSum: number | null;
  readonly unchangedPasses: number;
  /** The shortest `retention.ms` so far, decimal. */
  readonly shortestMs: string | null;
}

const NOTHING_YET: RetentionReport = {
  clockMs: 0,
  topics: 0,
  partitions: 0,
  topicsDeleted: 0,
  recordsDropped: '0',
  chunksRemoved: 0,
  damages: NO_DAMAGE,
};

const FIRST: RetentionState = {
  seenTime: null,
  place: null,
  report: NOTHING_YET,
  sum: 0,
  lastSum: null,
  unchangedPasses: 0,
  shortestMs: null,
};

/** Partitions that are worked on at once. */
const PARALLEL = 16;

/** The job. */
export function retentionJob(deps: MaintenanceDeps): MaintenanceJob<RetentionState> {
  return { name: 'retention', run: (slice) => new RetentionPass(deps, slice).run() };
}

class RetentionPass {
  readonly #deps: MaintenanceDeps;
  readonly #slice: JobSlice<RetentionState>;
  #state: RetentionState;
  #nowMs = 0;
  #policy: RetentionPolicy = { maxAgeMs: null, minBytes: null };

  constructor(deps: MaintenanceDeps, slice: JobSlice<RetentionState>) {
    this.#deps = deps;
    this.#slice = slice;
    const state = slice.state ?? FIRST;
    const begins = { report: NOTHING_YET, sum: 0, shortestMs: null };
    this.#state = state.place === null ? { ...state, ...begins } : state;
  }

  async run(): Promise<SliceEnd<RetentionState>> {
    const { serverClock } = this.#deps.store;
    // Stores have answered by now: the job was read and taken.
    const { nowMs, seen } = lookAtTime(serverClock, this.#state.seenTime);
    this.#nowMs = nowMs;
    this.#state = { ...this.#state, seenTime: seen };
    this.#report({ clockMs: nowMs });
    const isWhole = await walkTopics(this.#deps, this.#state.place, {
      topic: (topic) => this.#topic(topic),
      heads: (topic, heads, place) => this.#heads(topic, heads, place),
      unreadable: (name, error) => this.#damaged(name, null, error),
    });
    if (!isWhole) return { isDone: false, state: this.#state };
    const { sum, lastSum, unchangedPasses, shortestMs, report } = this.#state;
    const isUnchanged = sum === lastSum && report.topicsDeleted === 0 && report.chunksRemoved === 0;
    const unchanged = isUnchanged ? unchangedPasses + 1 : 0;
    const pauseMs = retentionPauseMs(unchanged, shortestMs === null ? null : BigInt(shortestMs));
    const state = { ...this.#state, place: null, lastSum: sum, unchangedPasses: unchanged };
    return { isDone: true, state, dueAtMs: serverClock.nowMs() + pauseMs };
  }

  #report(changes: Partial<RetentionReport>): void {
    this.#state = { ...this.#state, report: { ...this.#state.report, ...changes } };
  }

  #damaged(topic: string, partition: number | null, cause: unknown): void {
    const error = asMillraceError(cause);
    this.#report({ damages: withDamage(this.#state.report.damages, { topic, partition }, error) });
  }

  async #topic(topic: Topic): Promise<'heads' | 'skip' | 'stop'> {
    if (topic.state === 'deleting') return this.#delete(topic);
    const policy = this.#policyOf(topic);
    if (policy === null) return 'skip';
    this.#policy = policy;
    const { maxAgeMs } = policy;
    const { shortestMs } = this.#state;
    if (maxAgeMs !== null && (shortestMs === null || maxAgeMs < BigInt(shortestMs))) {
      this.#state = { ...this.#state, shortestMs: String(maxAgeMs) };
    }
    return 'heads';
  }

  #policyOf({ name, config }: Topic): RetentionPolicy | null {
    try {
      return retentionPolicy(parseTopicConfig(config));
    } catch (error) {
      this.#damaged(name, null, error);
      return null;
    }
  }

  /** What holds now: whoever raised a limit meanwhile loses nothing by the old one. Null where the topic is gone, or says nothing that can be read. */
  async #readPolicy({ name, topicId }: Topic): Promise<RetentionPolicy | null> {
    const { answer: topic } = await repeatRequest(this.#deps, () => this.#deps.store.topics.get(name));
    return topic?.topicId === topicId ? this.#policyOf(topic) : null;
  }

  async #delete(topic: Topic): Promise<'skip' | 'stop'> {
    try {
      if (!(await finishDeletion(this.#deps, topic, this.#slice.isOver))) return 'stop';
      this.#report({ topicsDeleted: this.#state.report.topicsDeleted + 1 });
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error)) throw error;
      this.#damaged(topic.name, null, error);
    }
    return 'skip';
  }

  async #heads(topic: Topic, heads: readonly WalkedHead[], place: WalkPlace): Promise<'next' | 'stop'> {
    const { isOver, isSaveDue, save } = this.#slice;
    let isWhole = true;
    await inParallel(heads, PARALLEL, async (one) => {
      if (!isOver()) await this.#partition(topic, one);
      if (isOver()) isWhole = false;
    });
    // Those that were done are done again.
    if (!isWhole) return 'stop';
    const sum = heads.reduce((all, { partition, head }) => (all + sumOf(partition, head)) % SUM_LIMIT, this.#state.sum);
    const { topics, partitions } = this.#state.report;
    const isFirst = this.#state.place?.topicId !== topic.topicId;
    this.#report({ topics: topics + (isFirst ? 1 : 0), partitions: partitions + heads.length });
    this.#state = { ...this.#state, place, sum };
    if (isSaveDue()) await save(this.#state);
    return 'next';
  }

  async #partition(topic: Topic, { partition, head }: WalkedHead): Promise<void> {
    try {
      if (head instanceof Error) throw head;
      const request = { partition, nowMs: this.#nowMs, isOver: this.#slice.isOver };
      if (!(await needsRetention(this.#deps, { ...request, policy: this.#policy }, head))) return;
      const policy = await this.#readPolicy(topic);
      if (policy === null) return;
      this.#policy = policy;
      const { recordsDropped, chunksRemoved } = await retainPartition(this.#deps, { ...request, policy });
      const { report } = this.#state;
      this.#report({
        recordsDropped: String(BigInt(report.recordsDropped) + recordsDropped),
        chunksRemoved: report.chunksRemoved + chunksRemoved,
      });
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error)) throw error;
      this.#damaged(topic.name, partition.partition, error);
    }
  }
}

function sumOf(partition: WalkedHead['partition'], head: Head | Error): number {
  return head instanceof Error ? 0 : headSum(partition, head);
}
