/**
 * Gives a range of a topic to a function once more, while the subscription itself goes on where it is: its committed offsets and leases are not touched.
 *
 * A replay is a subscription of its own to the same topic, with the same options, which ends where its range ends: the router wakes its workers, its leases hold how far it is, and a crash of whoever watches it changes nothing. One at a time for each subscription.
 */
import { MillraceError } from '../errors.ts';
import type { Fetcher } from '../log/fetcher.ts';
import { findTopic } from '../log/find-topic.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { listOffset } from '../log/list-offsets.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import type { DeadLetter } from './dead-letter.ts';
import { pendingLetters } from './dead-letter-marks.ts';
import type { FunctionSubscription } from './function-subscription.ts';
import type { Lease } from './lease.ts';
import { parseProgress } from './progress.ts';
import { removeReplay } from './remove-replay.ts';
import { MAX_REPLAY_PARTITIONS, type Replay, type ReplayRange } from './replay.ts';
import { replayFailuresTopic, replayGroup } from './retry-topics.ts';
import { chosenPartitions, positionOf } from './seek-leases.ts';
import type { SubscriptionAdmin } from './subscription-admin.ts';
import { type SubscriptionOptions, subscriptionOptions } from './subscription-options.ts';
import { makeTopic, ringPartitions, type SubscriptionAdminDeps } from './subscription-parts.ts';
import { parseTarget, type StartingPosition } from './subscription-request.ts';

/** What replays need. */
export interface ReplaysDeps extends SubscriptionAdminDeps {
  readonly fetcher: Pick<Fetcher, 'fetch'>;
  readonly subscriptions: SubscriptionAdmin;
}

/** What is to be given again. */
export interface ReplayRequest {
  readonly from: StartingPosition;
  /** The first position that is not given. Default LATEST: what is there now. */
  readonly to?: StartingPosition;
  /** Default: all. */
  readonly partitions?: readonly number[];
  /** Another function. Default: that of the subscription. */
  readonly target?: string;
  /** Where records go that are given up: `failures` tells them, or they go to the dead letters of the subscription. Default told. */
  readonly failures?: 'told' | 'dead-letters';
  /** Records a second. Default: as the subscription says. */
  readonly recordsPerSecond?: number;
  /** Says what would be done and writes nothing. Default false. */
  readonly dryRun?: boolean;
}

/** How far a replay is in a partition. */
export interface ReplayPartition extends ReplayRange {
  /** The first offset that is not done with. */
  readonly position: bigint;
  /** What went wrong last; '' for nothing. */
  readonly error: string;
}

/** How far a replay is. */
export interface ReplayState {
  /** The subscription. */
  readonly name: string;
  readonly topic: string;
  readonly target: string;
  readonly state: 'planned' | 'running' | 'paused' | 'done';
  readonly partitions: readonly ReplayPartition[];
  /** Whether records that are given up go to the dead letters of the subscription. */
  readonly failures: NonNullable<ReplayRequest['failures']>;
}

/** Look-ups at once, and leases of one request. */
const PARALLEL = 16;
const LEASES_PER_REQUEST = 100;
const ID_CHARACTERS = 8;

/** See the top of this file. */
export class Replays {
  readonly #deps: ReplaysDeps;

  constructor(deps: ReplaysDeps) {
    this.#deps = deps;
  }

  /**
   * Begins a replay, or with `dryRun` says what it would be.
   *
   * Throws SUBSCRIPTION_NOT_FOUND, UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE, INVALID_REQUEST for a range without records, and SUBSCRIPTION_ALREADY_EXISTS when one is under way.
   */
  async start(name: string, request: ReplayRequest): Promise<ReplayState> {
    const of = await this.#deps.subscriptions.get(name);
    const topic = await this.#topicOf(of);
    const ranges = await this.#rangesOf(topic, request);
    const replay = await this.#planned(of, topic, ranges, request);
    if (request.dryRun === true) return stateOf(replay, [], 'planned');
    const before = await this.#find(of);
    if (before !== null && (await this.#stateOf(before)).state !== 'done') throw alreadyRuns(name);
    if (before !== null) await removeReplay(this.#deps, before);
    if (!(await this.#make(replay, of))) return this.start(name, request);
    await this.#ring(replay);
    return this.#stateOf(replay);
  }

  /** False when the subscription is not what it was any more: removed, changed, or somebody else has begun one. */
  async #make(replay: FunctionSubscription, of: FunctionSubscription): Promise<boolean> {
    const { subscriptions } = this.#deps.store;
    const { answer } = await repeatRequest(this.#deps, () => subscriptions.createPart(replay, of));
    if (answer === 'done') return true;
    // An attempt whose answer was lost may have been the one that changed it.
    return (await this.#allOf(of)).some(({ group }) => group === replay.group);
  }

  /** How far it is. Throws SUBSCRIPTION_NOT_FOUND, also when there is no replay. */
  async describe(name: string): Promise<ReplayState> {
    return this.#stateOf(await this.#get(name));
  }

  /** Records that it has given up, in that order; none where they go to the dead letters. Throws as `describe`. */
  async failures(name: string): Promise<readonly DeadLetter[]> {
    const { group, replay } = await this.#get(name);
    const { failuresFrom } = replay!;
    if (failuresFrom === null) return [];
    const topic = await findTopic(this.#deps, replayFailuresTopic(name));
    const place = { name: group, topic, partition: 0, start: failuresFrom };
    const found: DeadLetter[] = [];
    const letters = pendingLetters(this.#deps.fetcher, place, { committed: failuresFrom, done: [] });
    for await (const letter of letters) found.push(letter);
    return found;
  }

  /** Gives out nothing more until it is resumed; a batch that is being handled is settled. Throws as `describe`. */
  pause(name: string): Promise<ReplayState> {
    return this.#change(name, false);
  }

  /** Goes on where it was. Throws as `describe`. */
  resume(name: string): Promise<ReplayState> {
    return this.#change(name, true);
  }

  /** Ends it, wherever it is, and forgets it. What it gave up stays in its topic. Throws as `describe`. */
  async end(name: string): Promise<ReplayState> {
    const replay = await this.#get(name);
    const state = await this.#stateOf(replay);
    await removeReplay(this.#deps, replay);
    return state;
  }

  async #topicOf({ topic: name, topicId }: FunctionSubscription): Promise<Topic> {
    const topic = await findTopic(this.#deps, name);
    if (topic.topicId === topicId) return topic;
    throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} was deleted and made again`, {
      value: name,
      hint: 'What the subscription has read is gone; make the subscription again.',
    });
  }

  async #rangesOf(topic: Topic, { from, to = 'LATEST', partitions }: ReplayRequest): Promise<readonly ReplayRange[]> {
    const numbers = chosenPartitions(topic, partitions);
    if (numbers.length > MAX_REPLAY_PARTITIONS) {
      throw new MillraceError('INVALID_REQUEST', `a replay cannot read ${numbers.length} partitions`, {
        value: numbers.length,
        hint: `Choose at most ${MAX_REPLAY_PARTITIONS} of them, and the others behind that.`,
      });
    }
    const ranges: ReplayRange[] = [];
    await inParallel(numbers, PARALLEL, async (partition) => {
      const readable = { partition: { topicId: topic.topicId, partition }, domain: topic.domain };
      const [first, end] = [await this.#position(readable, from), await this.#position(readable, to)];
      if (first > end) throw upsideDown(partition, first, end);
      if (first < end) ranges.push({ partition, from: first, to: end });
    });
    if (ranges.length > 0) return ranges.sort((left, right) => left.partition - right.partition);
    throw new MillraceError('INVALID_REQUEST', `there are no records between these positions of topic ${topic.name}`, {
      value: { from, to },
      hint: 'Choose an earlier beginning or a later end; the end is the first record that is not given.',
    });
  }

  #position(readable: Parameters<typeof positionOf>[1], to: StartingPosition): Promise<bigint> {
    return positionOf(this.#deps, readable, to, 'exact');
  }

  async #planned(
    of: FunctionSubscription,
    topic: Topic,
    ranges: readonly ReplayRange[],
    { target = of.target, failures = 'told', recordsPerSecond, dryRun = false }: ReplayRequest,
  ): Promise<FunctionSubscription> {
    const failureTopic = replayFailuresTopic(of.group);
    const areTold = failures === 'told';
    if (areTold && !dryRun) await makeTopic(this.#deps, failureTopic, 1, topic.domain);
    const failuresFrom = areTold ? (dryRun ? 0n : await this.#endOf(failureTopic)) : null;
    const rate = recordsPerSecond === undefined ? {} : { recordsPerSecond };
    const options = replayOptions({ ...of.options, ...rate }, areTold ? `topic:${failureTopic}` : of.options.onFailure);
    const replay: Replay = { of: of.group, ranges, failuresFrom };
    const id = freshUuid(this.#deps.random).replaceAll('-', '').slice(0, ID_CHARACTERS);
    return {
      ...of,
      group: replayGroup(of.group, id),
      version: 0,
      target: parseTarget(target),
      options: subscriptionOptions(options, of.group),
      retry: null,
      replay,
    };
  }

  async #endOf(name: string): Promise<bigint> {
    const { topicId, domain } = await findTopic(this.#deps, name);
    const readable = { partition: { topicId, partition: 0 }, domain };
    return (await listOffset(this.#deps, readable, { at: 'latest' }))!.offset;
  }

  /** The replay of a subscription: one query of the subscriptions of its topic. */
  async #find(subscription: FunctionSubscription): Promise<FunctionSubscription | null> {
    const all = await this.#allOf(subscription);
    return all.find(({ replay }) => replay?.of === subscription.group) ?? null;
  }

  async #allOf({ topicId }: FunctionSubscription): Promise<readonly FunctionSubscription[]> {
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.listOfTopic(topicId));
    return answer;
  }

  async #get(name: string): Promise<FunctionSubscription> {
    const replay = await this.#find(await this.#deps.subscriptions.get(name));
    if (replay !== null) return replay;
    throw new MillraceError('SUBSCRIPTION_NOT_FOUND', `subscription ${name} has no replay`, {
      value: name,
      hint: `Begin one: millrace subscription replay ${name} --from 1h`,
    });
  }

  async #stateOf(replay: FunctionSubscription): Promise<ReplayState> {
    const { group, topicId } = replay;
    const { ranges } = replay.replay!;
    const leases: (Lease | null)[] = [];
    for (let first = 0; first < ranges.length; first += LEASES_PER_REQUEST) {
      const page = ranges.slice(first, first + LEASES_PER_REQUEST);
      const places = page.map(({ partition }) => ({ group, partition: { topicId, partition } }));
      const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.leases.readMany(places));
      leases.push(...answer);
    }
    const partitions = ranges.map((range, index) => partitionOf(range, leases[index]!));
    const isDone = partitions.every(({ position, to }) => position >= to);
    const going = replay.options.enabled ? 'running' : 'paused';
    return stateOf(replay, partitions, isDone ? 'done' : going);
  }

  async #change(name: string, enabled: boolean): Promise<ReplayState> {
    for (;;) {
      const replay = await this.#get(name);
      const changed = { ...replay, options: { ...replay.options, enabled } };
      const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.subscriptions.update(changed));
      if (answer.outcome === 'refused') continue;
      if (enabled) await this.#ring(answer.item);
      return this.#stateOf(answer.item);
    }
  }

  async #ring(replay: FunctionSubscription): Promise<void> {
    const partitions = replay.replay!.ranges.map(({ partition }) => partition);
    await ringPartitions(this.#deps, replay, partitions);
  }
}

/** Those of the subscription, but that a record may be old, that nothing waits elsewhere, and where it goes in the end. */
function replayOptions(options: SubscriptionOptions, onFailure: string | null): SubscriptionOptions {
  const { retryAttempts, retryDelaysMs } = options;
  return {
    ...options,
    // What would be tried again later is tried again in its place.
    retryAttempts: retryAttempts === -1 ? -1 : retryAttempts + retryDelaysMs.length,
    retryDelaysMs: [],
    maxRecordAgeMs: -1,
    maxBatchingWindowMs: 0,
    redrive: null,
    onFailure,
    enabled: true,
  };
}

function partitionOf(range: ReplayRange, lease: Lease | null): ReplayPartition {
  const committed = lease?.committed ?? range.from;
  const position = committed > range.to ? range.to : committed;
  return { ...range, position, error: parseProgress(lease?.progress ?? '').error };
}

function stateOf(
  { topic, target, replay }: FunctionSubscription,
  partitions: readonly ReplayPartition[],
  state: ReplayState['state'],
): ReplayState {
  const { of, ranges, failuresFrom } = replay!;
  const untouched = ranges.map((range) => partitionOf(range, null));
  const failures = failuresFrom === null ? 'dead-letters' : 'told';
  return { name: of, topic, target, state, partitions: state === 'planned' ? untouched : partitions, failures };
}

function alreadyRuns(name: string): MillraceError {
  return new MillraceError('SUBSCRIPTION_ALREADY_EXISTS', `a replay of subscription ${name} is under way`, {
    value: name,
    hint: `Go on with it: millrace subscription replay ${name} --continue. Or give it up: --cancel.`,
  });
}

function upsideDown(partition: number, from: bigint, to: bigint): MillraceError {
  return new MillraceError('INVALID_REQUEST', `the range of partition ${partition} ends at ${to}, before ${from}`, {
    value: { partition, from, to },
    hint: 'Give a beginning that lies before the end.',
  });
}
