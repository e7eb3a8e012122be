/**
 * The job `compaction`: what chunks hold in small pieces, in segments of many partitions and in themselves, becomes large objects of level 1, with offsets stamped.
 *
 * Batches stay as they are, byte for byte but for the offset, which is not under their checksum. An object holds partitions of one topic, so that it is of one isolation domain, and all of it expires by one
 * policy. Chunks stay too: their offsets, times and ids never change, only what they name.
 *
 * Always true: what a chunk names is in the store; only chunks are rewritten of which nobody can need the entries any more. It may be killed at any point: what it had not come to is found by the next one.
 */
import { asMillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { isDamage } from '../log/entry-check.ts';
import type { Head } from '../log/head.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { Topic } from '../log/topic.ts';
import { parseTopicConfig } from '../log/topic-config.ts';
import { type IdSource, UlidSource } from '../segment/id-source.ts';
import { besideRetention, headNow } from './beside-retention.ts';
import { type CleanPolicy, cleanPolicy } from './clean/clean-plan.ts';
import { COMPACTION_RULES, type CompactionRules, rulesFor } from './compaction-plan.ts';
import { type CompactionReport, type CompactionState, NEVER_COMPACTED, NOTHING_COMPACTED } from './compaction-state.ts';
import { findUncompacted } from './find-uncompacted.ts';
import { withDamage } from './found-damage.ts';
import { type CompactionRun, gatherRun } from './gather-run.ts';
import { compactionPauseMs } from './job-schedule.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { readChunkBatches } from './read-chunk-batches.ts';
import { type RewrittenChunk, rewriteChunks } from './rewrite-chunks.ts';
import { namesObjects, rollOldTail } from './roll-old-tail.ts';
import type { JobSlice, MaintenanceJob, SliceEnd } from './run-job.ts';
import { headSum, SUM_LIMIT } from './store-change.ts';
import { lookAtTime } from './trusted-time.ts';
import { isUnchangedSince } from './unchanged-since.ts';
import { type WalkedHead, walkTopics } from './walk-topics.ts';

/** See `CompactionRules`. */
export type CompactionOptions = Partial<CompactionRules>;

/** Partitions that are looked at at once. */
const PARALLEL = 16;
/** Chunks of one object: each is an update, and 76 bytes of its index. */
const CHUNKS_MOST = 10_000;

/** The job. */
export function compactionJob(deps: MaintenanceDeps, options: CompactionOptions = {}): MaintenanceJob<CompactionState> {
  return { name: 'compaction', run: (slice) => new CompactionSlice(deps, slice, options).run() };
}

/** Where the walk was: whoever goes on there finds all that was not written since. */
type Resume = Pick<CompactionState, 'place' | 'sum'>;

/** What is to go into the next object. */
interface OpenObject {
  readonly domain: string;
  /** When the first of them was read. */
  readonly from: Resume;
  readonly chunks: RewrittenChunk[];
  bytes: number;
}

/** A partition that has chunks to rewrite. */
interface OpenPartition {
  readonly partition: PartitionKey;
  readonly fromOffset: bigint;
  /** Of its topic, when that is compacted by key. */
  readonly policy: CleanPolicy | null;
}

/** What was found in a partition. */
interface LookedAt {
  /** Whether anything of it may be rewritten, now or later. */
  readonly hasMore: boolean;
  /** Null: nothing now. */
  readonly partition: OpenPartition | null;
}

class CompactionSlice {
  readonly #deps: MaintenanceDeps;
  readonly #slice: JobSlice<CompactionState>;
  readonly #rules: CompactionRules;
  readonly #ids: IdSource;
  #state: CompactionState;
  #nowMs = 0;
  #object: OpenObject | null = null;
  #hasAnnounced = false;
  #saving: Promise<void> | null = null;
  /** Of partitions, in this slice: one at least, so that slices come to an end however short they are. */
  #done = 0;

  constructor(deps: MaintenanceDeps, slice: JobSlice<CompactionState>, options: CompactionOptions) {
    this.#deps = deps;
    this.#slice = slice;
    const { objectBytes, worthBytes, waitMs } = { ...COMPACTION_RULES, ...options };
    this.#rules = { objectBytes, worthBytes, waitMs };
    const { clock, random, store } = deps;
    this.#ids = new UlidSource({ clock, random, serverClock: store.serverClock });
    this.#state = slice.state ?? NEVER_COMPACTED;
  }

  async run(): Promise<SliceEnd<CompactionState>> {
    const end = await this.#run();
    // A pass of collection that was begun meanwhile has not seen all of it.
    return this.#hasAnnounced ? { ...end, state: { ...end.state, rewrites: end.state.rewrites + 1 } } : end;
  }

  async #run(): Promise<SliceEnd<CompactionState>> {
    const { serverClock } = this.#deps.store;
    // Stores have answered by now: the job was read and taken.
    const { nowMs, seen } = lookAtTime(serverClock, this.#state.seenTime);
    this.#nowMs = nowMs;
    this.#state = { ...this.#state, seenTime: seen };
    const isNew = this.#state.place === null;
    const isNeedless = isNew && nowMs > 0 && (await this.#isIdle());
    if (isNew) this.#begin(isNeedless);
    this.#report({ clockMs: nowMs });
    if (nowMs > 0 && !isNeedless) {
      if (!(await this.#walk())) return { isDone: false, state: this.#state };
      this.#state = { ...this.#state, lastSum: this.#state.sum };
    }
    const lastPassAtMs = serverClock.nowMs();
    const pauseMs = compactionPauseMs({ isTimeUnknown: nowMs === 0, hasRewritten: this.#state.report.chunks > 0 });
    return { isDone: true, state: { ...this.#state, place: null, lastPassAtMs }, dueAtMs: lastPassAtMs + pauseMs };
  }

  /** Whether all is rewritten, and nothing was written since: one read. */
  async #isIdle(): Promise<boolean> {
    const { isWaiting, lastSum } = this.#state;
    if (this.#slice.isAskedFor || isWaiting || lastSum === null) return false;
    return isUnchangedSince(this.#deps, this.#state);
  }

  #begin(isNeedless: boolean): void {
    const isWaiting = isNeedless && this.#state.isWaiting;
    this.#state = { ...this.#state, report: NOTHING_COMPACTED, sum: 0, isWaiting };
  }

  #walk(): Promise<boolean> {
    return walkTopics(this.#deps, this.#state.place, {
      topic: async ({ state }) => (state === 'active' ? 'heads' : 'skip'),
      heads: (topic, heads) => this.#heads(topic, heads),
      unreadable: (name, error) => this.#damaged(name, null, error),
    });
  }

  #report(changes: Partial<CompactionReport>): void {
    this.#state = { ...this.#state, report: { ...this.#state.report, ...changes } };
  }

  /** Of damage the rest goes on; anything else ends the slice. */
  #damaged(topic: string, partition: number | null, cause: unknown): void {
    const error = asMillraceError(cause);
    if (!isDamage(error)) throw cause;
    this.#report({ damages: withDamage(this.#state.report.damages, { topic, partition }, error) });
  }

  async #heads(topic: Topic, heads: readonly WalkedHead[]): Promise<'next' | 'stop'> {
    const policy = this.#keyPolicy(topic);
    const open = await mapInParallel(heads, PARALLEL, (one) => this.#open(topic, one, policy));
    for (const [index, one] of heads.entries()) {
      if (this.#slice.isOver() && this.#done > 0) return this.#stop();
      const { hasMore, partition } = open[index]!;
      if (hasMore) this.#state = { ...this.#state, isWaiting: true };
      // What of it is left comes next.
      if (partition !== null && !(await this.#partition(topic, partition))) return this.#stop();
      await this.#passed(topic, one);
    }
    await this.#write();
    return 'next';
  }

  async #stop(): Promise<'stop'> {
    await this.#write();
    return 'stop';
  }

  #keyPolicy({ name, config }: Topic): CleanPolicy | null {
    try {
      return cleanPolicy(parseTopicConfig(config));
    } catch (cause) {
      const error = asMillraceError(cause);
      this.#report({ damages: withDamage(this.#state.report.damages, { topic: name, partition: null }, error) });
      return null;
    }
  }

  /** What there is to do in a partition. */
  async #open(topic: Topic, { partition, head: walked }: WalkedHead, policy: CleanPolicy | null): Promise<LookedAt> {
    const { waitMs } = rulesFor(this.#rules, policy);
    const ages = { nowMs: this.#nowMs, waitMs, ageMs: limits.compactionAgeMs };
    try {
      if (walked instanceof Error) throw walked;
      const head = await rollOldTail(this.#deps, partition, walked, ages);
      const find = (at: Head) => findUncompacted(this.#deps, partition, at, policy !== null);
      const fromOffset = await besideRetention(this.#deps, { partition, head }, find);
      if (fromOffset === null) return { hasMore: namesObjects(head), partition: null };
      return { hasMore: true, partition: { partition, fromOffset, policy } };
    } catch (cause) {
      this.#damaged(topic.name, partition.partition, cause);
      return { hasMore: true, partition: null };
    }
  }

  /** A partition is done, but for what waits to be written. */
  async #passed({ name, topicId }: Topic, { partition, head }: WalkedHead): Promise<void> {
    this.#done += 1;
    const sum = head instanceof Error ? 0 : headSum(partition, head);
    const { topics, partitions } = this.#state.report;
    const isFirst = this.#state.place?.topicId !== topicId;
    this.#report({ topics: topics + (isFirst ? 1 : 0), partitions: partitions + 1 });
    if (this.#slice.isSaveDue() && this.#object !== null) await this.#write();
    const place = { topic: name, topicId, partition: partition.partition + 1 };
    this.#state = { ...this.#state, place, sum: (this.#state.sum + sum) % SUM_LIMIT };
    if (this.#slice.isSaveDue()) await this.#slice.save(this.#state);
  }

  /** Run by run; false: the time is over, and some of it was done. */
  async #partition(topic: Topic, open: OpenPartition): Promise<boolean> {
    const { partition } = open;
    const { name, domain } = topic;
    let from: bigint | null = open.fromOffset;
    try {
      while (from !== null) {
        await this.#heartbeat();
        const run = await this.#gather(open, from);
        if (run === null || run.chunks.length === 0) return true;
        const onRead = () => this.#heartbeat();
        const { batches, damage } = await readChunkBatches(this.#deps, { domain, chunks: run.chunks, onRead });
        const read = batches.map((one, index) => ({ partition, chunk: run.chunks[index]!, batches: one }));
        await this.#add(domain, read);
        if (damage !== null) {
          if (await this.#isStillThere(partition, run.chunks[read.length]!.end)) throw damage;
          return true;
        }
        from = run.nextOffset;
        if (from !== null && this.#slice.isOver()) return false;
      }
    } catch (cause) {
      this.#damaged(name, partition.partition, cause);
    }
    return true;
  }

  /** The next run, by the head as it is when its turn comes: others may have taken hours. Null: the partition is gone. */
  async #gather({ partition, policy }: OpenPartition, from: bigint): Promise<CompactionRun | null> {
    const by = { partition, nowMs: this.#nowMs, ageMs: limits.compactionAgeMs, forKeys: policy !== null };
    const rules = rulesFor(this.#rules, policy);
    const head = await headNow(this.#deps, partition);
    return besideRetention(this.#deps, { partition, head }, (at) =>
      gatherRun(this.#deps, { ...by, rules, head: at, fromOffset: from < at.start ? at.start : from }),
    );
  }

  /** What cannot be read was perhaps dropped by retention since. */
  async #isStillThere(partition: PartitionKey, end: bigint): Promise<boolean> {
    const head = await headNow(this.#deps, partition);
    return head !== null && head.start < end;
  }

  async #add(domain: string, read: readonly RewrittenChunk[]): Promise<void> {
    if (read.length === 0) return;
    const { place, sum } = this.#state;
    this.#object ??= { domain, from: { place, sum }, chunks: [], bytes: 0 };
    const open = this.#object;
    open.chunks.push(...read);
    open.bytes += read.reduce((sum, { batches }) => sum + batches.reduce((all, { length }) => all + length, 0), 0);
    if (open.bytes >= this.#rules.objectBytes / 2 || open.chunks.length >= CHUNKS_MOST) await this.#write();
  }

  /** Writes what was gathered, of one topic. */
  async #write(): Promise<void> {
    const open = this.#object;
    if (open === null) return;
    const { domain, from, chunks: rewritten } = open;
    await this.#announce(from);
    await this.#heartbeat();
    this.#object = null;
    const { id, sizeBytes, replaced } = await rewriteChunks(this.#deps, { domain, rewritten, ids: this.#ids });
    const { report } = this.#state;
    this.#report({
      objects: report.objects + (id === null ? 0 : 1),
      bytes: report.bytes + sizeBytes,
      chunks: report.chunks + replaced,
    });
  }

  /** Collection rests while nothing is written; what it has to look for is stored before it comes to be. */
  async #announce(from: Resume): Promise<void> {
    if (this.#hasAnnounced) return;
    this.#hasAnnounced = true;
    this.#state = { ...this.#state, rewrites: this.#state.rewrites + 1 };
    await this.#slice.save({ ...this.#state, ...from });
  }

  /** A sign of life, so that nobody takes the job while one partition is worked on for long; and who is not the owner any more stops here. One request at a time, whoever asks. */
  async #heartbeat(): Promise<void> {
    if (!this.#slice.isSaveDue()) return;
    this.#saving ??= this.#slice.save({ ...this.#state, ...this.#object?.from }).finally(() => {
      this.#saving = null;
    });
    await this.#saving;
  }
}
