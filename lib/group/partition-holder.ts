/**
 * The partitions that a member holds, and how they come to be those that the group assigns to it: let go first, say so, then claim what is free.
 *
 * Always true: what is held was claimed under this member's id; nothing is acknowledged before the listener has let go of all that it takes away; a partition is claimed only when everybody
 * who had it has let go of it or is in the group no more.
 */
import type { MillraceError } from '../errors.ts';
import { assignedPartitions, claimPartitions } from './claim-partitions.ts';
import { type Group, partitionText } from './group.ts';
import type { GroupDeps } from './group-deps.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { PartitionOfTopic } from './partition-of-topic.ts';
import { type Acknowledged, hasLetGo } from './rebalance.ts';

/** Who works on the partitions. None of these may throw. */
export interface PartitionListener {
  /** Let go of these: resolves when nothing of them is worked on any more, and what was done is committed. Until then nobody else gets them. */
  revoke(partitions: readonly OwnedPartition[]): Promise<void>;
  /** These are yours from here on. */
  assign(partitions: readonly OwnedPartition[]): Promise<void>;
  /** These are somebody else's already, or may be; nothing of them can be committed. */
  lose(partitions: readonly OwnedPartition[], reason: MillraceError): void;
}

/** What the holder tells the member it belongs to. */
export interface HolderEvents {
  /** `generation` may be acknowledged now, by the next beat. */
  readonly onLetGo: () => void;
  /** What was seen of the group is older than what others have seen, or a partition is claimed under `generation` or a later one (null: none is): look again, consistently. */
  readonly onSuspicion: (generation: number | null) => void;
  /** The store failed; what was left is done when the group is shown again. */
  readonly onError: (error: unknown) => void;
}

interface View {
  readonly group: Group;
  readonly acknowledged: Acknowledged;
}

/** See the top of this file. */
export class PartitionHolder {
  readonly #deps: GroupDeps;
  readonly #listener: PartitionListener;
  readonly #events: HolderEvents;
  #memberId: string | null = null;
  /** By partition. */
  readonly #held = new Map<string, OwnedPartition>();
  #view: View | null = null;
  #isShown = false;
  #working: Promise<void> | null = null;
  /** The newest generation of which nothing is held that it took away. */
  generation = 0;
  /** Something is assigned that others have not let go of yet. */
  isWaiting = false;

  constructor(deps: GroupDeps, listener: PartitionListener, events: HolderEvents) {
    this.#deps = deps;
    this.#listener = listener;
    this.#events = events;
  }

  /** What is held now. */
  get held(): readonly OwnedPartition[] {
    return [...this.#held.values()];
  }

  /** A new life as this member, which holds nothing. */
  begin(memberId: string): void {
    this.#memberId = memberId;
    this.#view = null;
    this.generation = 0;
    this.isWaiting = false;
  }

  /** Shows what was seen of the group last. What has to be done about it is done one after another, in the background. */
  show(group: Group, acknowledged: Acknowledged): void {
    this.#view = { group, acknowledged };
    this.#isShown = true;
    this.#working ??= this.#work();
  }

  /** Everything is gone at once: this member's life is over. */
  loseAll(reason: MillraceError): void {
    const lost = this.held;
    this.#memberId = null;
    this.#held.clear();
    this.isWaiting = false;
    if (lost.length > 0) this.#listener.lose(lost, reason);
  }

  /** One partition turned out to be claimed by another. Claimed again when it is still assigned here. */
  lose(owned: OwnedPartition, reason: MillraceError): void {
    const text = partitionText(owned.partition);
    if (this.#held.get(text) !== owned) return;
    this.#held.delete(text);
    this.#listener.lose([owned], reason);
    this.#events.onSuspicion(null);
  }

  /** Does nothing more, and lets go of everything in order. */
  async letGoOfAll(): Promise<void> {
    this.#isShown = false;
    this.#view = null;
    await this.#working;
    const held = this.held;
    if (held.length > 0) await this.#listener.revoke(held);
    this.#held.clear();
    this.#memberId = null;
  }

  async #work(): Promise<void> {
    try {
      while (this.#isShown && this.#view !== null) {
        this.#isShown = false;
        await this.#letGo(this.#view.group);
        // Nothing is claimed by a view before all was let go of that it takes away: a topic that was made again has the names of the old one.
        if (!this.#isShown) await this.#claimFree();
      }
    } catch (error) {
      this.#events.onError(error);
    } finally {
      this.#working = null;
    }
  }

  async #letGo(group: Group): Promise<void> {
    const memberId = this.#memberId;
    if (memberId === null) return;
    const assigned = new Set((group.assignment.get(memberId) ?? []).map(partitionText));
    const leaving = this.held.filter(({ partition }) => !assigned.has(partitionText(partition)));
    if (leaving.length > 0) await this.#listener.revoke(leaving);
    if (memberId !== this.#memberId) return;
    for (const { partition } of leaving) this.#held.delete(partitionText(partition));
    if (group.generation <= this.generation) return;
    this.generation = group.generation;
    this.#events.onLetGo();
  }

  async #claimFree(): Promise<void> {
    const memberId = this.#memberId;
    const view = this.#view;
    if (memberId === null || view === null) return;
    const { group, acknowledged } = view;
    const missing = assignedPartitions(group, memberId).filter(
      ({ partition }) => !this.#held.has(partitionText(partition)),
    );
    const free = missing.length === 0 ? [] : this.#free(missing, view);
    this.isWaiting = free.length < missing.length;
    if (free.length === 0) return;
    // Somebody has seen a later generation: the partition may be somebody else's by that one.
    const isOutdated = [...acknowledged.values()].some((generation) => generation > group.generation);
    if (isOutdated) return this.#events.onSuspicion(null);
    const { owned, refusedBy } = await claimPartitions(this.#deps, group, memberId, free);
    if (memberId !== this.#memberId) return;
    for (const one of owned) this.#held.set(partitionText(one.partition), one);
    if (owned.length > 0) await this.#listener.assign(owned);
    if (refusedBy !== null) this.#events.onSuspicion(refusedBy);
  }

  #free(missing: readonly PartitionOfTopic[], { group, acknowledged }: View): readonly PartitionOfTopic[] {
    const present = new Set(group.members.map(({ id }) => id));
    const open = group.handovers.filter((one) => present.has(one.from) && !hasLetGo(one, acknowledged));
    const waitedFor = new Set(open.map(({ partition }) => partitionText(partition)));
    return missing.filter(({ partition }) => !waitedFor.has(partitionText(partition)));
  }
}
