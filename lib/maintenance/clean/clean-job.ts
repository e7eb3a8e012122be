/**
 * The job `key-compaction`: in topics whose `cleanup.policy` holds `compact`, the last record of each key stays, and those before it go. Works on level 1 alone, behind compaction.
 *
 * See clean-partition.ts for why it may be killed at any point and done by several at once.
 */
import { asMillraceError, MillraceError } from '../../errors.ts';
import { isDamage } from '../../log/entry-check.ts';
import type { Head } from '../../log/head.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topic } from '../../log/topic.ts';
import { parseTopicConfig } from '../../log/topic-config.ts';
import { type IdSource, UlidSource } from '../../segment/id-source.ts';
import { withDamage } from '../found-damage.ts';
import { cleanPauseMs } from '../job-schedule.ts';
import { liveChunks } from '../live-chunks.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import type { JobSlice, MaintenanceJob, SliceEnd } from '../run-job.ts';
import { headSum, SUM_LIMIT } from '../store-change.ts';
import { lookAtTime } from '../trusted-time.ts';
import { type WalkedHead, type WalkPlace, walkTopics } from '../walk-topics.ts';
import { type CleanRequest, type CleanResult, cleanPart, type RoundProgress } from './clean-partition.ts';
import { CleanPlan, type CleanPolicy, cleanPolicy, type DirtyPart } from './clean-plan.ts';
import {
  type CleanReport,
  type CleanState,
  NEVER_CLEANED,
  NOTHING_CLEANED,
  readRound,
  storeRound,
} from './clean-state.ts';
import { OffsetMap } from './offset-map.ts';

/** How keys are compacted. */
export interface CleanOptions {
  /** Memory for the keys of a round, 20 bytes each at nine tenths: more keys take more rounds, each of which reads what is below. Default 64 MiB, for 3 million keys. */
  readonly mapBytes?: number;
  /** About what is read at once. Default 8 MiB: a GET. */
  readonly readBytes?: number;
  /** About what one object holds. Default 64 MiB. */
  readonly objectBytes?: number;
}

const MIB = 1024 * 1024;
const DEFAULTS: Required<CleanOptions> = { mapBytes: 64 * MIB, readBytes: 8 * MIB, objectBytes: 64 * MIB };
/** Heads of one request: between two of them how far it is can be stored. */
const HEADS = 16;

/** The job. */
export function cleanJob(deps: MaintenanceDeps, options: CleanOptions = {}): MaintenanceJob<CleanState> {
  return { name: 'key-compaction', run: (slice) => new CleanSlice(deps, slice, { ...DEFAULTS, ...options }).run() };
}

class CleanSlice {
  readonly #deps: MaintenanceDeps;
  readonly #slice: JobSlice<CleanState>;
  readonly #options: Required<CleanOptions>;
  readonly #ids: IdSource;
  #state: CleanState;
  #map: OffsetMap | null = null;
  #policy: CleanPolicy | null = null;
  #nowMs = 0;
  #hasAnnounced = false;

  constructor(deps: MaintenanceDeps, slice: JobSlice<CleanState>, options: Required<CleanOptions>) {
    this.#deps = deps;
    this.#slice = slice;
    this.#options = options;
    const { clock, random, store } = deps;
    this.#ids = new UlidSource({ clock, random, serverClock: store.serverClock });
    const state = slice.state ?? NEVER_CLEANED;
    this.#state = state.place === null && state.round === null ? { ...state, report: NOTHING_CLEANED, sum: 0 } : state;
  }

  async run(): Promise<SliceEnd<CleanState>> {
    const end = await this.#run();
    // A pass of collection that was begun meanwhile has not seen all of it.
    return this.#hasAnnounced ? { ...end, state: { ...end.state, rewrites: end.state.rewrites + 1 } } : end;
  }

  async #run(): Promise<SliceEnd<CleanState>> {
    const { serverClock } = this.#deps.store;
    // Stores have answered by now: the job was read and taken.
    const { nowMs, seen } = lookAtTime(serverClock, this.#state.seenTime);
    this.#nowMs = nowMs;
    this.#state = { ...this.#state, seenTime: seen };
    this.#report({ clockMs: nowMs });
    if (nowMs > 0 && !(await this.#walk())) return { isDone: false, state: this.#state };
    const { sum, lastSum, unchangedPasses, report } = this.#state;
    const isUnchanged = sum === lastSum && report.chunksRewritten === 0;
    const unchanged = isUnchanged ? unchangedPasses + 1 : 0;
    const state = { ...this.#state, place: null, round: null, lastSum: sum, unchangedPasses: unchanged };
    const pauseMs = cleanPauseMs({
      isTimeUnknown: nowMs === 0,
      unchangedPasses: unchanged,
      topics: report.topics,
    });
    return { isDone: true, state, dueAtMs: serverClock.nowMs() + pauseMs };
  }

  #walk(): Promise<boolean> {
    return walkTopics(this.#deps, this.#state.place, {
      headsAtOnce: HEADS,
      topic: (topic) => this.#topic(topic),
      heads: (topic, heads, place) => this.#heads(topic, heads, place),
      unreadable: (name, error) => this.#damaged(name, null, error),
    });
  }

  #report(changes: Partial<CleanReport>): void {
    this.#state = { ...this.#state, report: { ...this.#state.report, ...changes } };
  }

  /** Of damage the rest goes on; anything else ends the slice. */
  #damaged(topic: string, partition: number | null, cause: unknown): void {
    const error = asMillraceError(cause);
    if (!isDamage(error) && error.code !== 'INVALID_CONFIG') throw error;
    this.#report({ damages: withDamage(this.#state.report.damages, { topic, partition }, error) });
  }

  async #topic({ name, state, config }: Topic): Promise<'heads' | 'skip'> {
    if (state !== 'active') return 'skip';
    try {
      this.#policy = cleanPolicy(parseTopicConfig(config));
    } catch (error) {
      this.#damaged(name, null, error);
      return 'skip';
    }
    return this.#policy === null ? 'skip' : 'heads';
  }

  async #heads(topic: Topic, heads: readonly WalkedHead[], place: WalkPlace): Promise<'next' | 'stop'> {
    const { isOver, isSaveDue, save } = this.#slice;
    for (const { partition, head } of heads) {
      if (isOver() || !(await this.#passed(topic, { partition, head }))) return 'stop';
      const done = { topic: topic.name, topicId: topic.topicId, partition: partition.partition + 1 };
      const { topics, partitions } = this.#state.report;
      const isFirst = this.#state.place?.topicId !== topic.topicId;
      const sum = head instanceof Error ? 0 : headSum(partition, head);
      this.#report({ topics: topics + (isFirst ? 1 : 0), partitions: partitions + 1 });
      this.#state = { ...this.#state, place: done, round: null, sum: (this.#state.sum + sum) % SUM_LIMIT };
      if (isSaveDue()) await save(this.#state);
    }
    this.#state = { ...this.#state, place };
    return 'next';
  }

  /** False: the time is over, and some of the partition is left. */
  async #passed({ name, domain }: Topic, { partition, head }: WalkedHead): Promise<boolean> {
    try {
      if (head instanceof Error) throw head;
      return await this.#partition(domain, partition, head);
    } catch (cause) {
      // What cannot be read was perhaps dropped by retention since.
      if (!(head instanceof Error) && (await this.#hasMoved(partition, head, cause))) return true;
      this.#damaged(name, partition.partition, cause);
      return true;
    }
  }

  async #partition(domain: string, partition: PartitionKey, read: Head): Promise<boolean> {
    let head = read;
    let part: DirtyPart | RoundProgress | null =
      this.#storedRound(partition, head) ?? (await this.#plan(partition, head));
    while (part !== null) {
      const result = await cleanPart(this.#deps, this.#requestFor(domain, partition, head), part);
      this.#count(result);
      const { outcome } = result;
      if (outcome === 'moved') return true;
      if (outcome !== 'done') {
        this.#state = { ...this.#state, round: storeRound(partition, outcome.unfinished) };
        return false;
      }
      this.#state = { ...this.#state, round: null };
      if (result.mappedEnd >= part.end || this.#slice.isOver()) return result.mappedEnd >= part.end;
      const next = await this.#readHead(partition);
      if (next === null || next.cleanedEnd < result.mappedEnd) return true;
      head = next;
      // Not planned anew: what was due is due although it became less.
      part = { cleanedEnd: head.cleanedEnd > head.start ? head.cleanedEnd : head.start, end: part.end };
    }
    return true;
  }

  #requestFor(domain: string, partition: PartitionKey, head: Head): CleanRequest {
    this.#map ??= new OffsetMap(this.#options.mapBytes);
    return {
      partition,
      domain,
      head,
      policy: this.#policy!,
      nowMs: this.#nowMs,
      latestMs: this.#deps.store.serverClock.nowMs(),
      map: this.#map,
      ids: this.#ids,
      readBytes: this.#options.readBytes,
      objectBytes: this.#options.objectBytes,
      isOver: this.#slice.isOver,
      beforeRewrite: () => this.#announce(),
      onProgress: (progress) => this.#saveIfDue(partition, progress),
    };
  }

  /** The round that was left, if it still is one. */
  #storedRound({ topicId, partition }: PartitionKey, head: Head): RoundProgress | null {
    const { round } = this.#state;
    if (round?.topicId !== topicId || round.partition !== partition) return null;
    const progress = readRound(round);
    const isCurrent =
      progress.cleanedEnd >= head.cleanedEnd && progress.end <= head.tailBase && progress.end > head.start;
    return isCurrent ? progress : null;
  }

  async #plan(partition: PartitionKey, head: Head): Promise<DirtyPart | null> {
    const plan = new CleanPlan({ partition, head, policy: this.#policy!, nowMs: this.#nowMs });
    const query = { partition, fromOffset: plan.fromOffset, tailBase: head.tailBase };
    for await (const chunk of liveChunks(this.#deps, query)) if (!plan.add(chunk)) break;
    return plan.part;
  }

  #count({ outcome, recordsRemoved, chunksRewritten, objects, bytesRead, bytesWritten }: CleanResult): void {
    const { report } = this.#state;
    this.#report({
      cleaned: report.cleaned + (outcome === 'done' ? 1 : 0),
      recordsRemoved: report.recordsRemoved + recordsRemoved,
      chunksRewritten: report.chunksRewritten + chunksRewritten,
      objects: report.objects + objects,
      bytesRead: report.bytesRead + bytesRead,
      bytesWritten: report.bytesWritten + bytesWritten,
    });
  }

  async #readHead(partition: PartitionKey): Promise<Head | null> {
    const { heads } = this.#deps.store;
    return (await repeatRequest(this.#deps, () => heads.read(partition, { consistent: true }))).answer;
  }

  async #hasMoved(partition: PartitionKey, { start }: Head, cause: unknown): Promise<boolean> {
    if (!(cause instanceof MillraceError) || !isDamage(cause)) return false;
    const head = await this.#readHead(partition);
    return head === null || head.start > start;
  }

  /** A round may take longer than the job stays taken without a sign of life. */
  async #saveIfDue(partition: PartitionKey, progress: RoundProgress | null): Promise<void> {
    if (progress !== null) this.#state = { ...this.#state, round: storeRound(partition, progress) };
    if (this.#slice.isSaveDue()) await this.#slice.save(this.#state);
  }

  /** Collection rests while nothing is written; what it has to look for is stored before it comes to be. */
  async #announce(): Promise<void> {
    if (this.#hasAnnounced) return;
    this.#hasAnnounced = true;
    this.#state = { ...this.#state, rewrites: this.#state.rewrites + 1 };
    await this.#slice.save(this.#state);
  }
}
