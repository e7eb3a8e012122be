/**
 * Makes the items of a log again from its objects, after its tables were lost.
 *
 * ```
 * 1  the job `rebuild` is taken and says that it is under way: from here on collection condemns nothing
 * 2  the index of every object is read; nothing may be in the tables of what it tells of
 * 3  the global floor rises above every id that there was: whoever wrote before can commit nothing of that any more
 * 4  the items of the topics are made, in the state `creating`
 * 5  partition by partition, its chunks and then its head, see `rebuild-partition.ts`
 * 6  what stands beside the log is restored, by whoever asked for it
 * 7  the topics are opened, and the job says that it is done, and up to which id objects of level 0 are still to be judged by a person
 * ```
 *
 * May be killed at any point and run again: it goes on with the topics and heads that are there. Regions are worked on in rounds, each of which reads all indexes again, so that memory is bounded for any number of them.
 */
import { MillraceError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { inParallel } from '../../log/in-parallel.ts';
import { type PartitionKey, partitionPk } from '../../log/partition-key.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topic } from '../../log/topic.ts';
import { UlidSource } from '../../segment/id-source.ts';
import { firstIdAt } from '../../segment/segment-id.ts';
import { JobLost } from '../job-session.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { openTopic } from '../open-topic.ts';
import { type JobSlice, runJob } from '../run-job.ts';
import { type Damaged, NONE_DAMAGED, type OnDamagedItem, withDamaged } from './damaged.ts';
import { NextRegions } from './next-regions.ts';
import type { OldTables } from './old-tables.ts';
import { REBUILD, type RebuildState, readHold, rebuildBusy } from './rebuild-hold.ts';
import { PartitionRebuild } from './rebuild-partition.ts';
import type { FoundRegion, RegionPlace } from './rebuild-plan.ts';
import type { DamagedItem, RebuildReport, RebuiltPartition } from './rebuild-report.ts';
import {
  checkNames,
  makeTopic,
  type NamedTopics,
  type PlannedTopic,
  planTopics,
  readTopics,
} from './rebuild-topics.ts';
import { emptyPartition, Survey } from './survey.ts';
import { walkSegments } from './walk-segments.ts';

/** How far it is. */
export interface RebuildProgress {
  readonly step: 'reading' | 'making';
  /** Objects that were read in this round, or partitions that are done. */
  readonly done: number;
}

/** What whoever restores what stands beside the log is told, once all heads are there and no topic can be used yet. */
export interface BeforeOpening {
  readonly topics: readonly Topic[];
  readonly dryRun: boolean;
  readonly onDamagedItem: OnDamagedItem;
  /** To be called now and then: it shows that the work goes on. */
  readonly onProgress: () => Promise<void>;
}

/** How it is done. */
export interface RebuildRequest {
  /** Look and tell, and write nothing; also of a log that is in use. Default false. */
  readonly dryRun?: boolean;
  /** Names of topics and how many partitions they had, which no object tells. Others are called `recovered-<topic id>`. */
  readonly topics?: NamedTopics;
  /** Tables that were saved before, which are only read: they tell names, settings, and the place of what was not compacted when they were saved. Default: none. */
  readonly from?: OldTables;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** May be called once more by a run that goes on with one that was killed. */
  readonly beforeOpening?: (opening: BeforeOpening) => Promise<void>;
  /** Chunks that are planned at once: about a kilobyte of memory for each. Default 200,000. */
  readonly chunksAtOnce?: number;
}

/** Partitions that are made at once. */
const PARTITIONS = 8;
const CHUNKS_AT_ONCE = 200_000;

/**
 * See the module comment. Requests: a listing for 1,000 objects and a GET for each object, once for each 200,000 chunks; a write for each chunk; for each partition two reads, a query, a PUT, 17 writes and a transaction.
 *
 * Throws INVALID_REQUEST where the tables are in use, TOPIC_BUSY while somebody else rebuilds, INVALID_TOPIC_EXCEPTION and INVALID_PARTITIONS for names that are none, all before anything of the log is written; what the store throws after ten
 * attempts: then it is run again.
 */
export async function rebuild(deps: MaintenanceDeps, request: RebuildRequest = {}): Promise<RebuildReport> {
  checkNames(request.topics ?? new Map());
  if (request.dryRun === true) return new Rebuild(deps, request, null).plan();
  const { isUnderWay } = await readHold(deps);
  if (!isUnderWay) await refuseTopics(deps);
  let report: RebuildReport | null = null;
  let failure: unknown = null;
  const end = await runJob<RebuildState>(
    deps,
    {
      name: REBUILD,
      async run(slice) {
        const running = new Rebuild(deps, request, slice);
        try {
          report = await running.run();
        } catch (cause) {
          // Whoever lost the job has nothing to store.
          if (cause instanceof JobLost) throw cause;
          failure = cause;
          running.fail();
        }
        return { isDone: true, state: running.state, dueAtMs: 0 };
      },
    },
    { deadlineMs: Number.POSITIVE_INFINITY, evenIfNotDue: true },
  );
  if (failure !== null) throw failure;
  if (report === null) throw rebuildBusy(end.outcome);
  return report;
}

class Rebuild {
  state: RebuildState;
  readonly #deps: MaintenanceDeps;
  readonly #request: RebuildRequest;
  /** Null: nothing is written. */
  readonly #slice: JobSlice<RebuildState> | null;
  readonly #isResumed: boolean;
  readonly #ids: UlidSource;
  readonly #survey: Survey;
  readonly #done = new Map<string, RebuiltPartition>();
  readonly #topics = new Map<string, PlannedTopic>();
  /** At most one that goes on in the next round. */
  readonly #open = new Map<string, PartitionRebuild>();
  #saving: Promise<void> | null = null;
  #damagedItems: Damaged<DamagedItem> = NONE_DAMAGED;

  constructor(deps: MaintenanceDeps, request: RebuildRequest, slice: JobSlice<RebuildState> | null) {
    const { clock, random, store } = deps;
    const nowMs = store.serverClock.nowMs();
    this.#deps = deps;
    this.#request = request;
    this.#slice = slice;
    this.#isResumed = slice?.state?.phase === 'making';
    this.state = this.#isResumed
      ? slice!.state!
      : { beganAtMs: nowMs, fence: firstIdAt(nowMs), phase: 'done', isHeld: false };
    this.#ids = new UlidSource({ clock, random, serverClock: store.serverClock });
    this.#survey = this.#newSurvey();
  }

  /** All of it, without a write. */
  async plan(): Promise<RebuildReport> {
    const first = await this.#read(null);
    for (const one of await this.#planned()) this.#topics.set(one.topic.topicId, one);
    await this.#makePartitions(first);
    await this.#beforeOpening();
    return this.#report();
  }

  async run(): Promise<RebuildReport> {
    if (!this.#isResumed) await this.#store({ phase: 'looking' });
    const first = await this.#read(null);
    await this.#check();
    const { fence } = this.state;
    const { highestId } = this.#survey;
    await this.#store({ phase: 'making', fence: highestId > fence ? highestId : fence });
    await repeatRequest(this.#deps, () => this.#deps.store.topics.raiseGlobalFloor(this.state.fence));
    for (const [topicId, planned] of this.#topics) {
      this.#topics.set(topicId, { ...planned, topic: await makeTopic(this.#deps, planned.topic) });
      await this.#beat();
    }
    await this.#makePartitions(first);
    await this.#beforeOpening();
    for (const { topic } of this.#topics.values()) {
      await openTopic(this.#deps, topic);
      await this.#beat();
    }
    await this.#saving;
    this.state = { ...this.state, phase: 'done', isHeld: this.#survey.objects.level0 > 0 };
    return this.#report();
  }

  async #beforeOpening(): Promise<void> {
    await this.#request.beforeOpening?.({
      topics: [...this.#topics.values()].map(({ topic }) => topic),
      dryRun: this.#slice === null,
      onDamagedItem: this.#onDamagedItem,
      onProgress: () => this.#beat(),
    });
  }

  #newSurvey(): Survey {
    // Ids that are further ahead were made by a wrong clock, and can never have been committed.
    const highestMost = firstIdAt(this.#deps.store.serverClock.nowMs() + limits.clockAheadMs);
    return new Survey(highestMost, this.#isResumed ? this.state.fence : null);
  }

  /** What has written nothing is over; what has is to be gone on with. */
  fail(): void {
    if (this.state.phase === 'looking') this.state = { ...this.state, phase: 'done' };
  }

  readonly #onDamagedItem: OnDamagedItem = (what, { code, message }) => {
    this.#damagedItems = withDamaged(this.#damagedItems, { what, code, message });
  };

  get #names(): NamedTopics {
    return this.#request.topics ?? new Map();
  }

  async #planned(): Promise<readonly PlannedTopic[]> {
    const { from } = this.#request;
    const old =
      from === undefined ? new Map<string, Topic>() : await readTopics(this.#deps, from.topics, this.#onDamagedItem);
    return planTopics(this.#survey.topics, this.#names, old);
  }

  async #store(changes: Partial<RebuildState>): Promise<void> {
    this.state = { ...this.state, ...changes };
    await this.#slice?.save(this.state);
  }

  /** Shows that it lives, from several places at once. */
  async #beat(): Promise<void> {
    if (this.#slice?.isSaveDue() !== true) return;
    this.#saving ??= this.#slice.save(this.state).finally(() => {
      this.#saving = null;
    });
    await this.#saving;
  }

  /** Reads all indexes; the first time also what is summed up of them. */
  async #read(from: RegionPlace | null): Promise<NextRegions> {
    const next = new NextRegions(from, this.#request.chunksAtOnce ?? CHUNKS_AT_ONCE);
    const survey = from === null ? this.#survey : this.#newSurvey();
    let done = 0;
    for await (const segment of walkSegments(this.#deps, from === null ? [0, 1] : [1])) {
      for (const region of survey.add(segment)) next.add(region);
      done += 1;
      this.#request.onProgress?.({ step: 'reading', done });
      await this.#beat();
    }
    return next;
  }

  /** That nothing is in the tables of what is to be made, but for what a run has made that was killed. */
  async #check(): Promise<void> {
    if (!this.#isResumed) await refuseTopics(this.#deps);
    const made = await readTopics(this.#deps, this.#deps.store.topics);
    for (const one of await this.#planned()) {
      const { topicId } = one.topic;
      this.#topics.set(topicId, { ...one, topic: made.get(topicId) ?? one.topic });
      if (!this.#isResumed) await this.#refuseItems(one.topic);
    }
  }

  /** Tables that have lost their topics alone know more than any object. */
  async #refuseItems({ topicId, partitionCount }: Topic): Promise<void> {
    const { heads, chunks } = this.#deps.store;
    await inParallel(numbers(partitionCount), PARTITIONS * 2, async (partition) => {
      const key = { topicId, partition };
      const { answer: head } = await repeatRequest(this.#deps, () => heads.read(key, { consistent: true }));
      const query = { order: 'ascending', limit: 1, consistent: true } as const;
      const { answer: page } = await repeatRequest(this.#deps, () => chunks.query(key, query));
      if (head !== null || page.length > 0) throw inUse(`items of partition ${partition} of topic ${topicId}`);
    });
    await this.#beat();
  }

  async #makePartitions(first: NextRegions): Promise<void> {
    for (let round = first; ; ) {
      const groups = Map.groupBy(round.take(), (region) => partitionPk(region));
      const { next } = round;
      const left = next === null ? null : partitionPk(next);
      await inParallel(groups, PARTITIONS, async ([pk, regions]) => {
        const made = this.#open.get(pk) ?? (await this.#begin(regions[0]!));
        this.#open.delete(pk);
        if (made === null) return;
        await made.take(regions);
        // The next round goes on with it.
        if (pk === left) this.#open.set(pk, made);
        else await this.#finish(pk, made);
      });
      // All of one that was to be gone on with stood in the rounds before.
      for (const [pk, made] of this.#open) if (pk !== left) await this.#finish(pk, made);
      if (next === null) break;
      round = await this.#read(next);
    }
    await this.#makeOthers();
  }

  /** Partitions without any object of level 1. */
  async #makeOthers(): Promise<void> {
    for (const { topic } of this.#topics.values()) {
      const { topicId } = topic;
      await inParallel(numbers(topic.partitionCount), PARTITIONS, async (partition) => {
        const pk = partitionPk({ topicId, partition });
        if (this.#done.has(pk)) return;
        const rebuild = await this.#begin({ topicId, partition });
        await this.#finish(pk, rebuild!);
      });
    }
  }

  async #begin({ topicId, partition }: PartitionKey | FoundRegion): Promise<PartitionRebuild | null> {
    const { topic } = this.#topics.get(topicId)!;
    // It was not there when the topic was made.
    if (partition >= topic.partitionCount) return null;
    const surveyed = this.#survey.topics.get(topicId)?.partitions.get(partition) ?? emptyPartition(partition);
    const { beganAtMs, fence } = this.state;
    const dryRun = this.#slice === null;
    const onProgress = () => this.#beat();
    const made = new PartitionRebuild(this.#deps, {
      topic,
      surveyed,
      beganAtMs,
      fence,
      ids: this.#ids,
      oldTables: this.#request.from ?? null,
      isResumed: this.#isResumed,
      dryRun,
      onProgress,
      onDamagedItem: this.#onDamagedItem,
    });
    await made.begin();
    return made;
  }

  async #finish(pk: string, rebuild: PartitionRebuild): Promise<void> {
    this.#done.set(pk, await rebuild.finish());
    this.#request.onProgress?.({ step: 'making', done: this.#done.size });
    await this.#beat();
  }

  #report(): RebuildReport {
    const topics = [...this.#topics.values()].map(({ topic, isNamed, hasSettings }) => {
      const { name, topicId, domain, partitionCount } = topic;
      const partitions = [...numbers(partitionCount)].map(
        (partition) => this.#done.get(partitionPk({ topicId, partition }))!,
      );
      return { name, isNamed, hasSettings, topicId, domain, partitions };
    });
    const { objects, damaged } = this.#survey;
    return { dryRun: this.#slice === null, topics, objects, damaged, damagedItems: this.#damagedItems };
  }
}

function* numbers(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number;
}

async function refuseTopics(deps: MaintenanceDeps): Promise<void> {
  const { answer: names } = await repeatRequest(deps, () => deps.store.topics.list(null, 1));
  if (names.length > 0) throw inUse(`topic ${names[0]}`);
}

function inUse(what: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', `the tables are in use: they have ${what}`, {
    value: what,
    hint: 'A log is rebuilt into empty tables only. Make new ones, name them in the connection string (aws:?table=…), and stop all maintenance of the old ones.',
  });
}
