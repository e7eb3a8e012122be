/**
 * A member of a group, from joining to leaving: it beats, watches the others, takes the dead out, and keeps what it holds in step with what the group assigns to it.
 *
 * Always true: the life of a member ends, for itself, before anybody else can take it for dead: it counts its session from when it sent its last answered beat, others from when they saw
 * that beat. A member that lives on begins a new life under a new id, and holds nothing then.
 */
import { asMillraceError, type MillraceError } from '../errors.ts';
import { backoffMs } from '../log/backoff.ts';
import { unknownTopic } from '../log/find-topic.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { assignedTo, type Group, type GroupMember } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import type { ObservedGroup } from './groups.ts';
import {
  type ChangeContext,
  joinGroup,
  raiseGeneration,
  refreshTopics,
  removeHeartbeats,
  removeMembers,
} from './membership-changes.ts';
import { fencedInstance, sessionExpired, takenForDead } from './membership-errors.ts';
import type { CheckedMembershipOptions } from './membership-options.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { PartitionHolder, type PartitionListener } from './partition-holder.ts';
import { Pulse } from './pulse.ts';
import type { Acknowledged } from './rebalance.ts';
import { Silence } from './silence.ts';
import { readGroupTopics, type Subscription, subscribedNames } from './subscription.ts';

/** Who a membership works for. */
export interface MembershipListener extends PartitionListener {
  /** It is over and nobody joins again: another process took its instance id, or the group or the store refuses it for good. */
  fail(error: MillraceError): void;
}

/** While a partition is waited for, the group is looked at this much more often. */
const WAITING_SHARE = 8;
const WAITING_MOST_MS = 500;
/** Between two turns, however often it is woken: what keeps being refused must not keep the machine busy. */
const LEAST_PAUSE_MS = 5;
/** Looks that may be missed before silence is not counted on: after an outage nobody is dead yet. */
const BLIND_BEATS = 3;

/** See the top of this file. */
export class Membership {
  readonly #deps: GroupDeps;
  readonly #options: CheckedMembershipOptions;
  readonly #listener: MembershipListener;
  readonly #holder: PartitionHolder;
  #subscription: Subscription = [];
  /** Null between two lives. */
  #me: GroupMember | null = null;
  /** Id of the life that has ended, until another has begun. */
  #formerId: string | null = null;
  #group: Group | null = null;
  /** The look that showed it. */
  #observed: ObservedGroup | null = null;
  #acknowledged: Acknowledged = new Map();
  readonly #silence: Silence;
  readonly #pulse: Pulse;
  #topicsReadMs = 0;
  #mustLook = false;
  #claimedAbove: number | null = null;
  #wanted = false;
  #running: Promise<void> | null = null;
  #change = new AbortController();

  constructor(deps: GroupDeps, options: CheckedMembershipOptions, listener: MembershipListener) {
    this.#deps = deps;
    this.#options = options;
    this.#listener = listener;
    this.#pulse = new Pulse(deps, options);
    this.#silence = new Silence(BLIND_BEATS * options.heartbeatIntervalMs);
    this.#holder = new PartitionHolder(deps, listener, {
      onLetGo: () => this.#wake(),
      onSuspicion: (generation) => this.#suspect(generation),
      onError: (error) => this.#holderFailed(error),
    });
  }

  /** Joins, and stays in the group until `stop`. Throws UNKNOWN_TOPIC_OR_PARTITION for a topic of a list that is not there, and what joining throws. */
  async start(subscription: Subscription): Promise<void> {
    this.#subscription = subscription;
    // A run that is to end may still wait for an answer: were this one wanted before, that one would go on too, for ever.
    await this.#running;
    await this.#checkTopics(subscription);
    await this.#join();
    this.#wanted = true;
    this.#running = this.#run();
  }

  /** Reads other topics from now on. Throws as `start`; then it is as before. */
  async resubscribe(subscription: Subscription): Promise<void> {
    await this.#checkTopics(subscription);
    this.#subscription = subscription;
    this.#topicsReadMs = Number.NEGATIVE_INFINITY;
    this.#wake();
  }

  /**
   * Lets go of everything in order, then leaves, so that others need not wait for the session to end. With `leave: false` it stays in the group without a sign of life: a static member
   * that is about to start again.
   */
  async stop({ leave }: { readonly leave: boolean }): Promise<void> {
    this.#wanted = false;
    this.#wake();
    await this.#running;
    await this.#holder.letGoOfAll();
    const me = this.#me;
    this.#me = null;
    if (leave && me !== null) await removeMembers(this.#context(), new Set([me.id]));
  }

  /** Leaves at once, without letting go in order: nobody works on what it holds. */
  async abandon(reason: MillraceError): Promise<void> {
    const me = this.#me;
    this.#wanted = false;
    this.#me = null;
    this.#holder.loseAll(reason);
    this.#wake();
    await this.#running;
    if (me !== null) await removeMembers(this.#context(), new Set([me.id]));
  }

  /** Id of the present life, null between two. */
  get memberId(): string | null {
    return this.#me?.id ?? null;
  }

  /** The group as it was seen last. */
  get group(): Group | null {
    return this.#group;
  }

  /** What this member has claimed and not let go of. */
  get held(): readonly OwnedPartition[] {
    return this.#holder.held;
  }

  /** Whether it holds all that the group assigns to it, and has let go of all else. */
  get isSettled(): boolean {
    const [me, group] = [this.#me, this.#group];
    if (me === null || group === null) return false;
    const assigned = group.assignment.get(me.id) ?? [];
    return this.#holder.generation >= group.generation && assigned.length === this.held.length;
  }

  /** Ends this life when others may have taken the member for dead: it holds nothing then. Ask before anything is given out. */
  checkAlive(): void {
    if (this.#me !== null && this.#pulse.isExpired) this.#die(sessionExpired(this.#options));
  }

  /** Who a partition is assigned to, as far as this member knows. */
  ownerOf(partition: PartitionKey): string | null {
    return this.#group === null ? null : assignedTo(this.#group, partition);
  }

  /** A commit was refused: another has claimed the partition. */
  fenced(owned: OwnedPartition, reason: MillraceError): void {
    this.#holder.lose(owned, reason);
  }

  /** A topic turned out to be gone or another: look at all of them soon. */
  recheckTopics(): void {
    this.#topicsReadMs = Number.NEGATIVE_INFINITY;
    this.#wake();
  }

  async #checkTopics(subscription: Subscription): Promise<void> {
    if (subscription instanceof RegExp) return;
    const topics = await readGroupTopics(this.#deps, subscription);
    const missing = subscription.find((name) => !topics.some((topic) => topic.name === name));
    if (missing !== undefined) throw await unknownTopic(this.#deps, missing);
  }

  #context(): ChangeContext {
    return { deps: this.#deps, group: this.#options.group, acknowledged: this.#acknowledged };
  }

  async #join(): Promise<void> {
    const { deps, options } = { deps: this.#deps, options: this.#options };
    const id = `${options.clientId}-${freshUuid(deps.random)}`;
    const names = await subscribedNames(deps, this.#subscription);
    await this.#pulse.begin(id);
    const member = this.#memberOf(id, names);
    const group = await joinGroup(this.#context(), member, options.autoOffsetReset, this.#formerId);
    this.#me = member;
    this.#formerId = null;
    this.#topicsReadMs = deps.clock.monotonicMs();
    this.#group = group;
    this.#holder.begin(id);
    this.#mustLook = true;
  }

  #memberOf(id: string, topics: readonly string[]): GroupMember {
    const { groupInstanceId, clientId, assignors, sessionTimeoutMs } = this.#options;
    const pattern = this.#subscription instanceof RegExp ? this.#subscription.source : null;
    return { id, instanceId: groupInstanceId, clientId, topics, pattern, assignors, sessionMs: sessionTimeoutMs };
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#wanted) {
      // Taken before the work, so that whoever wakes it meanwhile is heard.
      const { signal } = this.#change;
      try {
        await this.#turn();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!asMillraceError(error).retriable) return this.#end(asMillraceError(error));
      }
      this.checkAlive();
      if (!this.#wanted) return;
      await this.#deps.clock.sleep(LEAST_PAUSE_MS);
      await this.#deps.clock.sleep(this.#pauseMs(failures) - LEAST_PAUSE_MS, signal);
    }
  }

  async #turn(): Promise<void> {
    if (this.#me === null) await this.#join();
    // This life may end at any await below: whoever reads may find that its session is over.
    const me = this.#me!;
    const steps = [
      () => this.#beat(),
      () => this.#look(me),
      () => this.#raiseGeneration(),
      () => this.#takeOutTheDead(me),
      () => this.#readTopics(me),
    ];
    for (const step of steps) {
      await step();
      if (this.#me !== me) return;
    }
  }

  async #beat(): Promise<void> {
    const { generation } = this.#holder;
    if (this.#pulse.isDue(generation) && !(await this.#pulse.beat(generation))) this.#mustLook = true;
  }

  /** Looks at the group, twice when the first look is not to be believed, and shows it to the holder. */
  async #look(me: GroupMember): Promise<void> {
    const isConsistent = this.#mustLook;
    const first = await this.#observe(isConsistent);
    const isFirstNews = this.#isNews(first);
    const observed = isFirstNews || isConsistent ? first : await this.#observe(true);
    if (this.#me !== me) return;
    if (isFirstNews || this.#isNews(observed)) await this.#accept(me, observed);
    else this.#notThere(me, observed);
    if (this.#me === me) this.#holder.show(this.#group!, this.#acknowledged);
  }

  #observe(consistent: boolean): Promise<ObservedGroup> {
    return this.#deps.store.groups.observe(this.#options.group, { consistent });
  }

  /** Whether this member is in the group, and has not seen a newer state of it. */
  #isNews({ group }: ObservedGroup): boolean {
    const isNewer = group !== null && (group.groupId !== this.#group?.groupId || group.version >= this.#group.version);
    return isNewer && group.members.some(({ id }) => id === this.#me?.id);
  }

  async #accept(me: GroupMember, observed: ObservedGroup): Promise<void> {
    const { group, heartbeats } = observed;
    this.#mustLook = false;
    this.#group = group;
    this.#observed = observed;
    this.#acknowledged = new Map(
      heartbeats.filter(({ memberId }) => memberId !== me.id).map(({ memberId, generation }) => [memberId, generation]),
    );
    this.#silence.note(observed, this.#deps.clock.monotonicMs());
    // Swept away before it had joined, or by somebody who took it for dead and was slower than it came back.
    const isHeartless = !heartbeats.some(({ memberId }) => memberId === me.id);
    if (isHeartless) await this.#pulse.restore(this.#holder.generation);
  }

  /** A consistent look did not show this member. */
  #notThere(me: GroupMember, { group }: ObservedGroup): void {
    const heir =
      me.instanceId === null ? undefined : group?.members.find(({ instanceId }) => instanceId === me.instanceId);
    if (heir !== undefined) this.#end(fencedInstance(this.#options, heir));
    else this.#die(takenForDead(this.#options));
  }

  /** The end of one life; the next turn begins another. */
  #die(reason: MillraceError): void {
    this.#formerId = this.#me?.id ?? null;
    this.#me = null;
    this.#group = null;
    this.#holder.loseAll(reason);
    this.#wake();
  }

  /** The end of all. */
  #end(error: MillraceError): void {
    this.#wanted = false;
    this.#me = null;
    this.#holder.loseAll(error);
    this.#listener.fail(error);
  }

  async #raiseGeneration(): Promise<void> {
    const claimedAbove = this.#claimedAbove;
    if (claimedAbove === null) return;
    this.#claimedAbove = null;
    const changed = await raiseGeneration(this.#context(), claimedAbove);
    if (changed !== null) this.#mustLook = true;
    this.#wake();
  }

  async #takeOutTheDead(me: GroupMember): Promise<void> {
    const { clock } = this.#deps;
    const observed = this.#observed!;
    const memberId = me.id;
    if (this.#silence.deadMembers(observed, memberId, clock.monotonicMs()).length > 0) {
      // What was seen may be old: a consistent look must find them silent too, and is believed for as long as none can be missed.
      const askedMs = clock.monotonicMs();
      const untilMs = askedMs + this.#silence.blindMs;
      const now = await this.#observe(true);
      if (!this.#isNews(now)) return;
      this.#silence.note(now, askedMs);
      const dead = this.#silence.deadMembers(now, memberId, askedMs);
      if (dead.length > 0) await removeMembers(this.#context(), new Set(dead), untilMs);
      return this.#wake();
    }
    if (observed.group!.members[0]?.id !== memberId) return;
    await removeHeartbeats(
      this.#deps,
      this.#options.group,
      this.#silence.strayHeartbeats(observed, clock.monotonicMs()),
    );
  }

  /** The first member looks for new partitions for all; whoever has a pattern lists for itself. */
  async #readTopics(me: GroupMember): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#topicsReadMs < this.#options.metadataMaxAgeMs) return;
    const isAsked = this.#topicsReadMs === Number.NEGATIVE_INFINITY;
    const names = await subscribedNames(this.#deps, this.#subscription);
    const member = this.#memberOf(me.id, names);
    const { autoOffsetReset } = this.#options;
    const isOther = names.join() !== me.topics.join() || member.pattern !== me.pattern;
    if (isOther) await joinGroup(this.#context(), member, autoOffsetReset);
    else if (isAsked || this.#group?.members[0]?.id === me.id) await refreshTopics(this.#context(), autoOffsetReset);
    if (this.#me === me) this.#me = member;
    this.#topicsReadMs = nowMs;
    if (isOther || isAsked) this.#wake();
  }

  #suspect(generation: number | null): void {
    this.#mustLook = true;
    if (generation !== null) this.#claimedAbove = Math.max(generation, this.#claimedAbove ?? 0);
    this.#wake();
  }

  #holderFailed(error: unknown): void {
    const cause = asMillraceError(error);
    if (!cause.retriable) this.#end(cause);
  }

  #pauseMs(failures: number): number {
    const { heartbeatIntervalMs } = this.#options;
    const { random } = this.#deps;
    if (failures > 0) return Math.min(heartbeatIntervalMs, backoffMs(failures, random));
    if (this.#holder.isWaiting) return Math.min(WAITING_MOST_MS, heartbeatIntervalMs / WAITING_SHARE);
    return heartbeatIntervalMs * (0.9 + 0.1 * random.fraction());
  }

  #wake(): void {
    const change = this.#change;
    this.#change = new AbortController();
    change.abort();
  }
}
