/**
 * The job `compaction`: what chunks hold in small pieces, in segments of many partitions and in themselves, becomes large objects of level 1, with offsets stamped.
 *
 * Partitions whose pieces lie in the same segments are worked on together, so that each segment is read once for all of them; others one after the other, so that what is written of each is contiguous.
 *
 * Batches stay as they are, byte for byte but for the offset, which is not under their checksum. An object holds partitions of one topic, so that it is of one isolation domain, and all of it expires by one
 * policy. Chunks stay too: their offsets, times and ids never change, only what they name.
 *
 * Always true: what a chunk names is in the store; only chunks are rewritten of which nobody can need the entries any more. It may be killed at any point: what it had not come to is found by the next one.
 */
import { asMillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Chunk } from '../log/chunk.ts';
import { isDamage } from '../log/entry-check.ts';
import type { Head } from '../log/head.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import type { Topic } from '../log/topic.ts';
import { parseTopicConfig } from '../log/topic-config.ts';
import { type IdSource, UlidSource } from '../segment/id-source.ts';
import { besideRetention, headNow } from './beside-retention.ts';
import { ChunkSupply } from './chunk-supply.ts';
import { type CleanPolicy, cleanPolicy } from './clean/clean-plan.ts';
import { COMPACTION_RULES, type CompactionRules, hasSmallPieces, isWorthSharing, rulesFor } from './compaction-plan.ts';
import { type CompactionReport, type CompactionState, NEVER_COMPACTED, NOTHING_COMPACTED } from './compaction-state.ts';
import { findUncompacted } from './find-uncompacted.ts';
import { NO_DAMAGE, withDamage } from './found-damage.ts';
import { CHUNKS_MOST, fillAll, type GatheredChunks, gatherChunks } from './gather-chunks.ts';
import { compactionPauseMs, DAMAGE_LOOK_MS } from './job-schedule.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { readChunksTogether } from './read-chunk-batches.ts';
import { type RewrittenChunk, rewriteChunks } from './rewrite-chunks.ts';
import { namesObjects, rollOldTail } from './roll-old-tail.ts';
import type { JobSlice, MaintenanceJob, SliceEnd } from './run-job.ts';
import { headSum, SUM_LIMIT } from './store-change.ts';
import { lookAtTime } from './trusted-time.ts';
import { isUnchangedSince } from './unchanged-since.ts';
import { type WalkedHead, type WalkPlace, walkTopics } from './walk-topics.ts';

/** See `CompactionRules`. */
export type CompactionOptions = Partial<CompactionRules>;

/** Partitions that are looked at at once. */
const PARALLEL = 16;

/** The job. */
export function compactionJob(deps: MaintenanceDeps, options: CompactionOptions = {}): MaintenanceJob<CompactionState> {
  return { name: 'compaction', run: (slice) => new CompactionSlice(deps, slice, options).run() };
}

/** What is to go into the next object. */
interface OpenObject {
  readonly domain: string;
  readonly chunks: RewrittenChunk[];
  bytes: number;
}

/** What was found in a partition. */
interface LookedAt {
  /** Whether anything of it may be rewritten, now or later. */
  readonly hasMore: boolean;
  /** Whether what is in no chunk yet names objects. */
  readonly hasTail: boolean;
  /** Null: nothing now. */
  readonly supply: ChunkSupply | null;
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
  /** Of the partitions that are worked on: in which there is damage. */
  readonly #damagedHere = new Set<number>();
  #saving: Promise<void> | null = null;
  /** Whether this slice has got anywhere: it does so at least once, so that slices come to an end however short they are. */
  #hasMoved = false;

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
      this.#state = { ...this.#state, lastSum: this.#state.sum, lookedAtMs: serverClock.nowMs() };
    }
    const lastPassAtMs = serverClock.nowMs();
    const pauseMs = compactionPauseMs({ isTimeUnknown: nowMs === 0, hasRewritten: this.#state.report.chunks > 0 });
    return { isDone: true, state: { ...this.#state, place: null, lastPassAtMs }, dueAtMs: lastPassAtMs + pauseMs };
  }

  /** Whether all is rewritten but what is damaged, which was looked at within a day, and nothing was written since: one read. */
  async #isIdle(): Promise<boolean> {
    const { isWaiting, lastSum, isHindered = false, lookedAtMs = 0 } = this.#state;
    if (this.#slice.isAskedFor || isWaiting || lastSum === null) return false;
    if (isHindered && this.#deps.store.serverClock.nowMs() - lookedAtMs >= DAMAGE_LOOK_MS) return false;
    return isUnchangedSince(this.#deps, this.#state);
  }

  #begin(isNeedless: boolean): void {
    const { isWaiting, isHindered = false, report } = this.#state;
    // What could not be worked on stays in the report until it is looked at again.
    const damages = isNeedless ? report.damages : NO_DAMAGE;
    const left = { isWaiting: isNeedless && isWaiting, isHindered: isNeedless && isHindered };
    this.#state = { ...this.#state, report: { ...NOTHING_COMPACTED, damages }, sum: 0, ...left };
  }

  #walk(): Promise<boolean> {
    return walkTopics(this.#deps, this.#state.place, {
      topic: async ({ state }) => (state === 'active' ? 'heads' : 'skip'),
      heads: (topic, heads, place) => this.#heads(topic, heads, place),
      unreadable: (name, error) => this.#damaged(name, null, error),
    });
  }

  #report(changes: Partial<CompactionReport>): void {
    this.#state = { ...this.#state, report: { ...this.#state.report, ...changes } };
  }

  /** Of damage the rest goes on, and it is looked for again a day later; anything else ends the slice. */
  #damaged(topic: string, partition: number | null, cause: unknown): void {
    const error = asMillraceError(cause);
    if (!isDamage(error)) throw cause;
    if (partition !== null) this.#damagedHere.add(partition);
    this.#state = { ...this.#state, isHindered: true };
    this.#report({ damages: withDamage(this.#state.report.damages, { topic, partition }, error) });
  }

  async #heads(topic: Topic, heads: readonly WalkedHead[], place: WalkPlace): Promise<'next' | 'stop'> {
    if (this.#isOver) return 'stop';
    this.#begun(topic, heads);
    const policy = this.#keyPolicy(topic);
    const rules = rulesFor(this.#rules, policy);
    this.#damagedHere.clear();
    const open = await mapInParallel(heads, PARALLEL, (one) => this.#open(topic, one, { policy, rules }));
    const isWhole = await this.#rewrite(
      topic,
      open.flatMap(({ supply }) => supply ?? []),
    );
    const isWaiting = heads.some(({ partition }, index) => open[index]!.hasMore && !this.#isDamaged(partition));
    if (isWaiting) this.#state = { ...this.#state, isWaiting };
    await this.#write();
    if (!isWhole) return 'stop';
    const left = open.filter(({ hasTail, supply }) => hasTail || supply?.hasLeft === true);
    this.#report({ waiting: (this.#state.report.waiting ?? 0) + left.length });
    await this.#passed(heads, place);
    return 'next';
  }

  #isDamaged({ partition }: PartitionKey): boolean {
    return this.#damagedHere.has(partition);
  }

  get #isOver(): boolean {
    return this.#slice.isOver() && (this.#hasMoved || this.#object !== null);
  }

  #keyPolicy({ name, config }: Topic): CleanPolicy | null {
    try {
      return cleanPolicy(parseTopicConfig(config));
    } catch (cause) {
      const error = asMillraceError(cause);
      this.#report({ damages: withDamage(this.#state.report.damages, { topic: name, partition: null }, error) });
      this.#state = { ...this.#state, isHindered: true };
      return null;
    }
  }

  /** What there is to do in a partition. */
  async #open(
    topic: Topic,
    { partition, head: walked }: WalkedHead,
    { policy, rules }: { readonly policy: CleanPolicy | null; readonly rules: CompactionRules },
  ): Promise<LookedAt> {
    const { waitMs } = rules;
    const ages = { nowMs: this.#nowMs, ageMs: limits.compactionAgeMs };
    try {
      if (walked instanceof Error) throw walked;
      const head = await rollOldTail(this.#deps, partition, walked, { ...ages, waitMs });
      const find = (at: Head) => findUncompacted(this.#deps, partition, at, policy !== null);
      const fromOffset = await besideRetention(this.#deps, { partition, head }, find);
      const hasTail = namesObjects(head);
      if (fromOffset === null) return { hasMore: hasTail, hasTail, supply: null };
      const request = { ...ages, partition, fromOffset, rules, forKeys: policy !== null };
      return { hasMore: true, hasTail, supply: new ChunkSupply(this.#deps, request) };
    } catch (cause) {
      this.#damaged(topic.name, partition.partition, cause);
      return { hasMore: true, hasTail: false, supply: null };
    }
  }

  /** Whoever goes on begins with these partitions again. */
  #begun({ name, topicId }: Topic, heads: readonly WalkedHead[]): void {
    const isFirst = this.#state.place?.topicId !== topicId;
    this.#report({ topics: this.#state.report.topics + (isFirst ? 1 : 0) });
    const partition = heads[0]?.partition.partition ?? 0;
    if (heads.length > 0) this.#state = { ...this.#state, place: { topic: name, topicId, partition } };
  }

  /** These partitions are done. */
  async #passed(heads: readonly WalkedHead[], place: WalkPlace): Promise<void> {
    this.#hasMoved = true;
    const sum = heads.reduce(
      (all, { partition, head }) => all + (head instanceof Error ? 0 : headSum(partition, head)),
      this.#state.sum,
    );
    this.#report({ partitions: this.#state.report.partitions + heads.length });
    this.#state = { ...this.#state, place, sum: sum % SUM_LIMIT };
    if (this.#slice.isSaveDue()) await this.#slice.save(this.#state);
  }

  /** Of one topic; false: the time is over, and some of it was done. */
  async #rewrite(topic: Topic, supplies: readonly ChunkSupply[]): Promise<boolean> {
    await fillAll(supplies);
    const small = supplies.filter(({ next }) => next !== null && hasSmallPieces(next));
    const together = small.length > 1 ? small : [];
    const alone = supplies.filter((supply) => !together.includes(supply));
    const shared = await this.#together(topic, together);
    if (shared === 'over') return false;
    for (const supply of shared === 'apart' ? supplies : alone) {
      if (this.#isOver) return false;
      // Others may have taken hours.
      if (supply.next !== null) supply.rewind(supply.next.base);
      if ((await this.#together(topic, [supply])) === 'over') return false;
    }
    return true;
  }

  /** Reads and rewrites what partitions have, the oldest first. `apart`: they have next to no objects in common, and nothing was done. */
  async #together(topic: Topic, supplies: readonly ChunkSupply[]): Promise<'done' | 'over' | 'apart'> {
    for (let round = 0; ; round++) {
      const bytes = this.#rules.objectBytes - (this.#object?.bytes ?? 0);
      const gathered = await gatherChunks(supplies, { bytes, onChunk: () => this.#heartbeat() });
      for (const { partition, damage } of supplies)
        if (damage !== null) this.#damaged(topic.name, partition.partition, damage);
      if (gathered.chunks.size === 0) return 'done';
      if (round === 0 && supplies.length > 1 && !isWorthSharing(gathered)) {
        for (const [supply, [first]] of gathered.chunks) supply.rewind(first!.base);
        return 'apart';
      }
      await this.#read(topic, gathered);
      if (this.#isOver) return 'over';
    }
  }

  async #read({ name, domain }: Topic, { chunks }: GatheredChunks): Promise<void> {
    const sequences = [...chunks.values()];
    const onRead = () => this.#heartbeat();
    const read = await readChunksTogether(this.#deps, { domain, sequences, onRead });
    for (const [index, supply] of [...chunks.keys()].entries()) {
      const { batches, damage } = read[index]!;
      const { partition } = supply;
      const sequence = sequences[index]!;
      this.#add(
        domain,
        batches.map((one, at) => ({ partition, chunk: sequence[at]!, batches: one })),
      );
      if (damage === null) continue;
      const left = sequence[batches.length]!;
      if (await this.#isStillThere(partition, left)) {
        supply.end();
        this.#damaged(name, partition.partition, damage);
      } else supply.rewind(left.base);
    }
    const open = this.#object;
    if (open !== null && (open.bytes >= this.#rules.objectBytes / 2 || open.chunks.length >= CHUNKS_MOST / 2))
      await this.#write();
  }

  /** What cannot be read was perhaps dropped by retention since. */
  async #isStillThere(partition: PartitionKey, { end }: Chunk): Promise<boolean> {
    const head = await headNow(this.#deps, partition);
    return head !== null && head.start < end;
  }

  #add(domain: string, read: readonly RewrittenChunk[]): void {
    if (read.length === 0) return;
    this.#object ??= { domain, chunks: [], bytes: 0 };
    const open = this.#object;
    open.chunks.push(...read);
    open.bytes += read.reduce((sum, { batches }) => sum + batches.reduce((all, { length }) => all + length, 0), 0);
  }

  /** Writes what was gathered, of one topic. */
  async #write(): Promise<void> {
    const open = this.#object;
    if (open === null) return;
    const { domain, chunks: rewritten } = open;
    await this.#announce();
    await this.#heartbeat();
    this.#object = null;
    const { id, sizeBytes, replaced } = await rewriteChunks(this.#deps, { domain, rewritten, ids: this.#ids });
    this.#hasMoved = true;
    const { report } = this.#state;
    this.#report({
      objects: report.objects + (id === null ? 0 : 1),
      bytes: report.bytes + sizeBytes,
      chunks: report.chunks + replaced,
    });
  }

  /** Collection rests while nothing is written; what it has to look for is stored before it comes to be. */
  async #announce(): Promise<void> {
    if (this.#hasAnnounced) return;
    this.#hasAnnounced = true;
    this.#state = { ...this.#state, rewrites: this.#state.rewrites + 1 };
    await this.#slice.save(this.#state);
  }

  /** A sign of life, so that nobody takes the job while something is worked on for long; and who is not the owner any more stops here. One request at a time, whoever asks. */
  async #heartbeat(): Promise<void> {
    if (!this.#slice.isSaveDue()) return;
    this.#saving ??= this.#slice.save(this.#state).finally(() => {
      this.#saving = null;
    });
    await this.#saving;
  }
}
