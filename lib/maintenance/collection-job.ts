/**
 * The job `collection`: deletes objects that nothing names, without counting references.
 *
 * ```
 * 1  the global floor rises to F, then the floor of every head: from then on no id below F is named that is not named at that moment
 * 2  the names of each partition are read behind that
 * 3  every object below F that is not named is condemned, in a list that says when all names had been read
 * 4  a list that is a restore window old is carried out
 * ```
 *
 * Always true: what is condemned is named by nothing, and never will be; so it does not matter how late, how often or by whom a list is carried out. A new partition begins at the global floor, so none can be made
 * below F behind step 1.
 */
import type { MillraceError } from '../errors.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { firstIdAt, type SegmentId } from '../segment/segment-id.ts';
import { carryOutLists } from './carry-out-lists.ts';
import {
  COLLECTION_DEFAULTS,
  type CollectionOptions,
  type CollectionPass,
  type CollectionReport,
  type CollectionState,
  NEVER_COLLECTED,
  NOTHING_COLLECTED,
} from './collection-state.ts';
import { condemnDomain, isDomainDone, type JudgedPage } from './condemn.ts';
import { CondemnedKeys } from './condemned-keys.ts';
import { withDamage } from './found-damage.ts';
import { collectionPauseMs } from './job-schedule.ts';
import { KnownTopics } from './known-topics.ts';
import { nextDomain } from './list-domains.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { removeMaintenanceObjects, writeMaintenanceObject } from './maintenance-object.ts';
import { NamesFilter } from './names-filter.ts';
import { afterReading, stillToRead } from './partly-read.ts';
import { readAllNames } from './read-names.ts';
import { type RebuildHold, readHold } from './rebuild/rebuild-hold.ts';
import { rewritesSoFar } from './rewrites-so-far.ts';
import type { JobSlice, MaintenanceJob, SliceEnd } from './run-job.ts';
import { headSum, SUM_LIMIT } from './store-change.ts';
import { storedNames } from './stored-names.ts';
import { lookAtTime } from './trusted-time.ts';
import { isUnchangedSince } from './unchanged-since.ts';
import { type WalkedHead, type WalkPlace, walkTopics } from './walk-topics.ts';

/** Beyond, all objects of their domains are looked into. */
const UNREAD_MOST = 1_000;
/** One more takes the place of the youngest: what that condemned, it condemns too. */
const LISTS_MOST = 32;
/** Partitions that are read between two looks at the time. */
const HEADS = 16;

/** The job. */
export function collectionJob(deps: MaintenanceDeps, options: CollectionOptions = {}): MaintenanceJob<CollectionState> {
  return {
    name: 'collection',
    run: (slice) => new CollectionSlice(deps, slice, { ...COLLECTION_DEFAULTS, ...options }).run(),
  };
}

class CollectionSlice {
  readonly #deps: MaintenanceDeps;
  readonly #slice: JobSlice<CollectionState>;
  readonly #options: Required<CollectionOptions>;
  #state: CollectionState;
  #names: NamesFilter | null = null;
  /** As it was stored last. */
  #saved: CollectionState;
  #saving: Promise<void> | null = null;
  #isSaveAsked = false;
  readonly #keys: CondemnedKeys;
  readonly #topics: KnownTopics;
  #nowMs = 0;
  #hold: RebuildHold = { isUnderWay: false, heldUpTo: null, epoch: 0 };
  /** What the clock has shown when the slice was begun, or before. */
  #seenMs = 0;

  constructor(deps: MaintenanceDeps, slice: JobSlice<CollectionState>, options: Required<CollectionOptions>) {
    this.#deps = deps;
    this.#slice = slice;
    this.#options = options;
    this.#topics = new KnownTopics(deps);
    this.#keys = new CondemnedKeys(deps, slice.epoch);
    const state = slice.state ?? NEVER_COLLECTED;
    this.#saved = state;
    const isNew = state.pass === null && state.isCarryingOut !== true;
    this.#state = isNew ? { ...state, report: NOTHING_COLLECTED } : state;
  }

  async run(): Promise<SliceEnd<CollectionState>> {
    // Stores have answered by now: the job was read and taken.
    const { nowMs, seen } = lookAtTime(this.#deps.store.serverClock, this.#state.seenTime);
    this.#nowMs = nowMs;
    this.#seenMs = seen.seenMs;
    this.#state = { ...this.#state, seenTime: seen };
    this.#report({ clockMs: nowMs });
    if (nowMs === 0 || (await this.#isIdle())) return this.#rest();
    this.#hold = await readHold(this.#deps);
    this.#forgetBeforeRebuild();
    if (this.#hold.isUnderWay) return this.#standBack();
    const isWhole = (await this.#carryOut()) && (await this.#readNames()) && (await this.#condemn());
    return isWhole ? this.#end() : this.#leave();
  }

  get #pass(): CollectionPass {
    return this.#state.pass!;
  }

  #change(changes: Partial<CollectionPass>): void {
    this.#state = { ...this.#state, pass: { ...this.#pass, ...changes } };
  }

  #report(changes: Partial<CollectionReport>): void {
    this.#state = { ...this.#state, report: { ...this.#state.report, ...changes } };
  }

  /** Step 4 of the passes before. */
  #carryOut(): Promise<boolean> {
    const { isOver, isSaveDue } = this.#slice;
    return carryOutLists(this.#deps, this.#state.lists, {
      nowMs: this.#nowMs,
      restoreWindowMs: this.#options.restoreWindowMs,
      isOver,
      onPage: async ({ lists, deleted, bytes }) => {
        const { report } = this.#state;
        this.#report({ deleted: report.deleted + deleted, deletedBytes: report.deletedBytes + bytes });
        this.#state = { ...this.#state, lists, isCarryingOut: this.#state.pass === null };
        if (isSaveDue()) await this.#save();
      },
    });
  }

  /** Steps 1 and 2. */
  async #readNames(): Promise<boolean> {
    // A pass whose names cannot be read any more begins anew.
    this.#names = this.#state.pass === null ? null : await storedNames(this.#deps, this.#pass.filter);
    if (this.#names === null) await this.#begin();
    else await this.#keys.reopen(this.#pass.parts);
    const { names } = this.#pass;
    if (names === null) return true;
    const isWhole = await walkTopics(this.#deps, names.place, {
      headsAtOnce: HEADS,
      topic: async () => 'heads',
      heads: (topic, heads, place) => this.#readHeads(topic, heads, place),
      unreadable: (name, error) => this.#unreadTopic(name, error),
    });
    if (!isWhole) return false;
    this.#change({ names: null, namesAtMs: this.#deps.store.serverClock.nowMs() });
    this.#report({ named: this.#names!.count });
    return true;
  }

  async #begin(): Promise<void> {
    const floor = firstIdAt(Math.max(0, this.#nowMs - this.#options.freshMs));
    await repeatRequest(this.#deps, () => this.#deps.store.topics.raiseGlobalFloor(floor));
    const [seed] = new Uint32Array(this.#deps.random.bytes(4).buffer);
    this.#names = NamesFilter.forCount(2 * this.#state.lastNamed, seed!);
    const { deleted, deletedBytes, clockMs } = this.#state.report;
    const pass: CollectionPass = {
      floor,
      names: { place: null },
      filter: null,
      namesAtMs: 0,
      unread: [],
      blockedBy: null,
      strange: null,
      domainsDone: null,
      domain: null,
      parts: [],
      sum: 0,
      // Before anything is read: what is rewritten meanwhile is looked at again.
      rewrites: await rewritesSoFar(this.#deps),
    };
    this.#keys.clear();
    const report = { ...NOTHING_COLLECTED, deleted, deletedBytes, clockMs };
    this.#state = { ...this.#state, pass, report, isCarryingOut: false };
  }

  async #readHeads(topic: Topic, heads: readonly WalkedHead[], place: WalkPlace): Promise<'next' | 'stop'> {
    this.#beginHeads(topic, heads);
    // Ends at a pause too, so that the names can be written and the place stored.
    while (await this.#readSome(topic, heads)) if (this.#slice.isOver()) return 'stop';
    const added = heads.reduce(
      (all, { partition, head }) => (head instanceof Error ? all : all + headSum(partition, head)),
      this.#pass.sum,
    );
    this.#report({ partitions: this.#state.report.partitions + heads.length });
    this.#change({ names: { place }, sum: added % SUM_LIMIT });
    if (this.#slice.isOver()) return 'stop';
    if (this.#slice.isSaveDue()) await this.#save();
    return 'next';
  }

  /** Whoever goes on begins with these partitions again, with what was not read of them. */
  #beginHeads({ name, topicId }: Topic, heads: readonly WalkedHead[]): void {
    const [first] = heads;
    const before = this.#pass.names?.place;
    if (before?.topicId !== topicId) this.#report({ topics: this.#state.report.topics + 1 });
    if (first === undefined) return;
    const place = { topic: name, topicId, partition: first.partition.partition };
    const isSame = before?.topicId === topicId && before.partition === place.partition;
    this.#change({ names: isSame ? this.#pass.names : { place } });
  }

  /** Reads names until all are known, or the time is over, or has to be stored; whether any are left. */
  async #readSome(topic: Topic, heads: readonly WalkedHead[]): Promise<boolean> {
    const { isOver, isSaveDue } = this.#slice;
    const { floor } = this.#pass;
    const { place = null, partly = [] } = this.#pass.names!;
    const add = (id: SegmentId) => this.#names!.add(id);
    const isPause = () => isOver() || isSaveDue();
    const read = await readAllNames(this.#deps, stillToRead(heads, partly), { floor, add, isOver: isPause });
    for (const { partition, damage } of read) if (damage !== null) this.#unreadPartition(topic, partition, damage);
    this.#change({ names: { place, partly: afterReading(partly, read) } });
    if (isSaveDue()) await this.#save();
    return read.some(({ goesOn }) => goesOn !== null);
  }

  #unreadPartition(topic: Topic, { topicId, partition }: WalkedHead['partition'], error: MillraceError): void {
    const { unread } = this.#pass;
    this.#report({ damages: withDamage(this.#state.report.damages, { topic: topic.name, partition }, error) });
    if (unread.length < UNREAD_MOST)
      this.#change({ unread: [...unread, { topicId, partition, domain: topic.domain }] });
    // Too many to look for: whatever they may name stays.
    else this.#change({ blockedBy: topic.name });
  }

  #unreadTopic(name: string, error: MillraceError): void {
    this.#report({ damages: withDamage(this.#state.report.damages, { topic: name, partition: null }, error) });
    this.#change({ blockedBy: name });
  }

  /** Step 3. */
  async #condemn(): Promise<boolean> {
    // Any object may be named by a topic that cannot be read.
    if (this.#pass.blockedBy !== null) return true;
    for (;;) {
      const domain = this.#pass.domain?.domain ?? (await nextDomain(this.#deps, this.#pass.domainsDone));
      if (domain === null) return true;
      if (this.#pass.domain === null) this.#change({ domain: { domain, shards: {} } });
      await this.#condemnDomain(domain);
      if (this.#pass.strange !== null) return true;
      if (isDomainDone(this.#pass.domain!)) this.#change({ domainsDone: domain, domain: null });
      if (this.#slice.isSaveDue()) await this.#save();
      if (this.#slice.isOver()) return false;
    }
  }

  async #condemnDomain(domain: string): Promise<void> {
    const { floor, unread } = this.#pass;
    const { isOver, isSaveDue } = this.#slice;
    const isSaveAsked = () => isSaveDue() || this.#isSaveAsked;
    const isPause = () => isOver() || isSaveAsked() || this.#keys.isFull;
    // Shards end at a pause too, so that the keys can be written and the place stored.
    do {
      await condemnDomain(this.#deps, this.#pass.domain!, {
        floor,
        names: this.#names!,
        unread: unread.filter((one) => one.domain === domain),
        topics: this.#topics,
        heldUpTo: this.#hold.heldUpTo,
        isOver: isPause,
        onPage: (page) => this.#addPage(domain, page),
        onObject: () => this.#signOfLife(),
      });
      if (this.#keys.isFull) await this.#storeKeys();
      if (isSaveAsked()) await this.#save();
    } while (!isDomainDone(this.#pass.domain!) && this.#pass.strange === null && !isOver());
  }

  #addPage(domain: string, page: JudgedPage): void {
    const { shard, after, listed, condemned, keptForDamage, held, foreign, strange } = page;
    if (strange !== null) this.#change({ strange });
    const { prefix } = this.#deps.store;
    const { report } = this.#state;
    const rootLength = prefix === '' ? 0 : prefix.length + 1;
    this.#keys.add(condemned.map(({ key }) => key.slice(rootLength)));
    this.#change({ domain: { domain, shards: { ...this.#pass.domain!.shards, [shard]: after } } });
    this.#report({
      listed: report.listed + listed,
      condemned: report.condemned + condemned.length,
      condemnedBytes: report.condemnedBytes + condemned.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      keptForDamage: report.keptForDamage + keptForDamage,
      ...((held > 0 || report.held !== undefined) && { held: (report.held ?? 0) + held }),
      foreign: report.foreign + foreign,
    });
  }

  /** The keys are durable before any state counts on them. */
  async #storeKeys(): Promise<void> {
    this.#change({ parts: await this.#keys.store(this.#pass.parts) });
  }

  /** Names are durable before the place that they were read up to. */
  async #store(): Promise<void> {
    if (this.#state.pass !== null) await this.#storeKeys();
    const { pass } = this.#state;
    if (pass === null || this.#names === null) return;
    if (pass.names === null && pass.filter !== null && pass.namesAtMs === this.#filterOfMs) return;
    const filter = await writeMaintenanceObject(this.#deps, this.#slice.epoch, this.#names.encode());
    this.#filterOfMs = pass.namesAtMs;
    this.#change({ filter });
  }

  /** When all names were in the filter that is stored; -1: not yet. */
  #filterOfMs = -1;

  async #save(): Promise<void> {
    await this.#store();
    await this.#slice.save(this.#state);
    this.#saved = this.#state;
    this.#isSaveAsked = false;
  }

  /** Nobody takes the job while much is looked at at once: what was stored last is stored once more, since keys and names that have come behind it are not durable yet. That is asked for then. */
  async #signOfLife(): Promise<void> {
    if (!this.#slice.isSaveDue()) return;
    this.#isSaveAsked = true;
    this.#saving ??= this.#slice.save(this.#saved).finally(() => {
      this.#saving = null;
    });
    await this.#saving;
  }

  async #leave(): Promise<SliceEnd<CollectionState>> {
    await this.#store();
    return { isDone: false, state: this.#state };
  }

  async #end(): Promise<SliceEnd<CollectionState>> {
    if (this.#pass.strange !== null) this.#forget(this.#pass.strange);
    await this.#storeKeys();
    const { floor, parts, sum, blockedBy, rewrites } = this.#pass;
    const { report, lists, lastSum, unchangedPasses } = this.#state;
    // A clock that was set back meanwhile makes no list older.
    const atMs = Math.max(this.#deps.store.serverClock.nowMs(), this.#seenMs);
    const list = { floor, atMs, parts, objects: report.condemned, bytes: report.condemnedBytes };
    const isUnchanged = sum === lastSum && report.condemned === 0 && report.deleted === 0 && lists.length === 0;
    const isHindered = blockedBy !== null || report.strange !== null || report.damages.count + report.keptForDamage > 0;
    this.#state = {
      ...this.#state,
      lists: parts.length === 0 ? lists : [...lists.slice(0, LISTS_MOST - 1), list],
      pass: null,
      lastNamed: report.named,
      lastSum: sum,
      lastRewrites: rewrites,
      // While anything is in its way it does not rest: that would take it out of the report, and nobody would see when it has gone.
      unchangedPasses: isUnchanged && !isHindered ? unchangedPasses + 1 : 0,
    };
    this.#report({ blockedBy });
    await this.#slice.save(this.#state);
    const named = new Set(this.#state.lists.flatMap((one) => one.parts));
    await removeMaintenanceObjects(this.#deps, this.#slice.epoch, named);
    return this.#rest();
  }

  /** Another log has objects here: what was taken for garbage may be its. */
  #forget(strange: string): void {
    this.#change({ parts: [] });
    this.#keys.clear();
    this.#state = { ...this.#state, lists: [] };
    this.#report({ strange, condemned: 0, condemnedBytes: 0 });
  }

  /** What seemed to be garbage before the heads were made again may be named by now. */
  #forgetBeforeRebuild(): void {
    const { epoch } = this.#hold;
    if (epoch === (this.#state.rebuildEpoch ?? 0)) return;
    this.#state = { ...NEVER_COLLECTED, seenTime: this.#state.seenTime, rebuildEpoch: epoch };
    this.#report({ clockMs: this.#nowMs });
  }

  #standBack(): SliceEnd<CollectionState> {
    this.#report({ isRebuilding: true });
    return this.#rest();
  }

  #rest(): SliceEnd<CollectionState> {
    const lastPassAtMs = this.#deps.store.serverClock.nowMs();
    const dueAtMs = lastPassAtMs + collectionPauseMs(this.#nowMs === 0);
    return { isDone: true, state: { ...this.#state, lastPassAtMs }, dueAtMs };
  }

  /** Whether nothing was written since the last pass, as retention has seen since, nor rewritten: two reads. Only when two passes in a row have found nothing that had changed, so that the last of what was being uploaded is found. */
  async #isIdle(): Promise<boolean> {
    const { pass, lists, unchangedPasses, lastRewrites } = this.#state;
    if (this.#slice.isAskedFor || pass !== null || lists.length > 0 || unchangedPasses < 2) return false;
    const rewrites = await rewritesSoFar(this.#deps);
    return rewrites !== null && rewrites === lastRewrites && isUnchangedSince(this.#deps, this.#state);
  }
}
