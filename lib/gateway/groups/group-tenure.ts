/**
 * The right of one gateway to speak for a group in the store, until another takes it.
 *
 * It begins with a write that raises the group's generation. Every partition that is assigned is then claimed under a generation of this tenure, so whatever the gateway before has under way is refused from
 * then on; others are claimed when something is first committed in them. All later writes of the group are IF nobody else wrote it. Within a tenure the gateway's memory says who may commit, and claims stay.
 *
 * Always true: a partition that is given to somebody else has no commit under way and none whose fate is unknown: such ones are claimed anew, under a later generation.
 */
import { changeGroup } from '../../group/change-group.ts';
import { assignedPartitions, claimPartitions } from '../../group/claim-partitions.ts';
import { emptyGroup, type Group, partitionText } from '../../group/group.ts';
import type { GroupDeps } from '../../group/group-deps.ts';
import { asKind } from '../../group/group-kind.ts';
import { OffsetCommitter } from '../../group/offset-committer.ts';
import type { OwnedPartition } from '../../group/owned-partition.ts';
import type { PartitionOfTopic } from '../../group/partition-of-topic.ts';
import { freshUuid } from '../../log/fresh-uuid.ts';
import { repeatRequest } from '../../log/repeat-request.ts';

/** Kinds of groups that gateways coordinate. */
export type CoordinatedKind = 'classic' | 'consumer';

/** How a group is taken. */
export interface TakeRequest {
  readonly gateway: string;
  /** What it becomes when it has no members; null: what it is, or classic. */
  readonly kind: CoordinatedKind | null;
  /** One that is not there is made. */
  readonly mayMake: boolean;
}

/** Takes a group from whoever has it; see `isLost`, since others may do so too. Null when there is none. Throws INCONSISTENT_GROUP_PROTOCOL when it has members of another kind, and what the store throws after ten attempts. */
export async function takeGroup(
  deps: GroupDeps,
  name: string,
  { gateway, kind, mayMake }: TakeRequest,
): Promise<GroupTenure | null> {
  const tenure = freshUuid(deps.random);
  const groupId = freshUuid(deps.random);
  const group = await changeGroup(deps, name, (current) => {
    if (current === null && !mayMake) return null;
    if (current?.coordination?.tenure === tenure) return null;
    const base = kindFor(current ?? emptyGroup(name, groupId, kind ?? 'classic'), kind);
    const coordination = { gateway, tenure, state: base.coordination?.state ?? null };
    return { ...base, generation: base.generation + 1, coordination };
  });
  if (group === null) return null;
  const taken = new GroupTenure(deps, group);
  const assigned = group.members.flatMap(({ id }) => assignedPartitions(group, id));
  await taken.claim(assigned);
  return taken;
}

function kindFor(group: Group, kind: CoordinatedKind | null): Group {
  const isCoordinated = group.kind === 'classic' || group.kind === 'consumer';
  return kind === null && isCoordinated ? group : asKind(group, kind ?? 'classic');
}

/** What a write changes. */
export type GroupChanges = Pick<Group, 'topics' | 'members' | 'assignment' | 'assignor'> & { readonly state: unknown };

/** See the top of this file. */
export class GroupTenure {
  readonly #deps: GroupDeps;
  readonly #committer: OffsetCommitter;
  #group: Group;
  readonly #owned = new Map<string, OwnedPartition>();
  /** Claims that are on their way, by partition. */
  readonly #claiming = new Map<string, Promise<OwnedPartition | null>>();
  /** Commits that are on their way, by partition. */
  readonly #committing = new Map<string, Set<Promise<unknown>>>();
  /** Partitions of which a commit may still take effect. */
  readonly #inDoubt = new Set<string>();
  #writing: Promise<void> = Promise.resolve();
  /** The look that is under way, and the one behind it, which has not begun. */
  #looking: Promise<unknown> = Promise.resolve();
  #nextLook: Promise<boolean> | null = null;
  #isLost = false;

  constructor(deps: GroupDeps, group: Group) {
    this.#deps = deps;
    this.#group = group;
    this.#committer = new OffsetCommitter(deps, group.name);
  }

  /** The group as this tenure wrote it last. */
  get group(): Group {
    return this.#group;
  }

  /** Another has the group: nothing can be written any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Looks whether the group is this tenure's still. Whoever was robbed learns of it only when it writes, and what it remembers of members until then is worth nothing. One consistent read, which all share
   * who ask while another is under way. Throws what the store throws after ten attempts.
   */
  isHeld(): Promise<boolean> {
    this.#nextLook ??= this.#looking.then(() => {
      this.#nextLook = null;
      const look = this.#look();
      this.#looking = look.catch(() => {});
      return look;
    });
    return this.#nextLook;
  }

  async #look(): Promise<boolean> {
    const { name, coordination } = this.#group;
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.groups.get(name));
    if (answer?.coordination?.tenure !== coordination!.tenure) this.#isLost = true;
    return !this.#isLost;
  }

  /** Writes the group, one generation later: false when another has taken it. Throws what the store throws after ten attempts; then the tenure is over. */
  write({ state, ...changes }: GroupChanges): Promise<boolean> {
    return this.#update((group) => {
      const coordination = { ...group.coordination!, state };
      return { ...group, ...changes, coordination, generation: group.generation + 1 };
    });
  }

  #raise(generation: number): Promise<boolean> {
    return this.#update((group) => ({ ...group, generation: Math.max(group.generation, generation) + 1 }));
  }

  /** One write at a time, each made of what the one before has written. */
  #update(change: (group: Group) => Group): Promise<boolean> {
    const written = this.#writing.then(() => this.#send(change(this.#group)));
    this.#writing = written.then(
      () => {},
      () => {
        this.#isLost = true;
      },
    );
    return written;
  }

  async #send(next: Group): Promise<boolean> {
    if (this.#isLost) return false;
    const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.groups.update(next));
    const { item } = answer;
    // Refused by this very write, whose first answer was lost.
    const isOurs = item?.version === next.version + 1 && item.coordination?.tenure === next.coordination!.tenure;
    if (answer.outcome === 'done' || isOurs) this.#group = item!;
    else this.#isLost = true;
    return !this.#isLost;
  }

  /**
   * Sees to it that nothing that was sent before can move these partitions: false when another has taken the group. Waits for commits that are under way; claims what was not claimed yet, or has a commit
   * whose fate is unknown. Call it before they are given to somebody. One write unit for each claim.
   */
  async claim(partitions: readonly PartitionOfTopic[]): Promise<boolean> {
    const texts = partitions.map(({ partition }) => partitionText(partition));
    await Promise.all(texts.flatMap((text) => [...(this.#committing.get(text) ?? [])]));
    await Promise.all(texts.map((text) => this.#claiming.get(text)));
    const isDoubted = (text: string) => this.#inDoubt.has(text);
    const isStale = texts.some(
      (text) => isDoubted(text) && this.#owned.get(text)?.generation === this.#group.generation,
    );
    if (isStale && !(await this.#raise(this.#group.generation))) return false;
    const missing = partitions.filter(({ partition }) => {
      const text = partitionText(partition);
      return !this.#owned.has(text) || isDoubted(text);
    });
    return this.#claimAll(missing);
  }

  /** Sees to it that what is read of these partitions next is not changed by a commit that was sent before: false when another has taken the group. Costs nothing where none is under way or in doubt. */
  async settle(partitions: readonly PartitionOfTopic[]): Promise<boolean> {
    const isOpen = (text: string) => this.#committing.has(text) || this.#inDoubt.has(text);
    const open = partitions.filter(({ partition }) => isOpen(partitionText(partition)));
    return open.length === 0 || this.claim(open);
  }

  async #claimAll(missing: readonly PartitionOfTopic[]): Promise<boolean> {
    let left = missing;
    while (left.length > 0) {
      if (this.#isLost) return false;
      const { owned, refusedBy } = await claimPartitions(
        this.#deps,
        this.#group,
        this.#group.coordination!.gateway,
        left,
      );
      for (const one of owned) this.#own(one);
      if (refusedBy === null) return true;
      // Claimed by the one who has taken the group meanwhile; or long ago, for a group of this name that was deleted.
      if (!(await this.#raise(refusedBy))) return false;
      const claimed = new Set(owned.map(({ partition }) => partitionText(partition)));
      left = left.filter(({ partition }) => !claimed.has(partitionText(partition)));
    }
    return !this.#isLost;
  }

  #own(owned: OwnedPartition): void {
    const text = partitionText(owned.partition);
    this.#owned.set(text, owned);
    this.#inDoubt.delete(text);
  }

  /** Commits an offset, or that there is none (null): false when another has taken the group. One write unit, and one more for the first of a partition. Throws what the store throws after ten attempts. */
  async commit(at: PartitionOfTopic, offset: bigint | null, metadata: string): Promise<boolean> {
    const text = partitionText(at.partition);
    const commit = this.#commit(text, at, offset, metadata);
    const settled = commit.catch(() => {});
    const under = this.#committing.get(text) ?? new Set();
    this.#committing.set(text, under.add(settled));
    try {
      return await commit;
    } finally {
      under.delete(settled);
      if (under.size === 0 && this.#committing.get(text) === under) this.#committing.delete(text);
    }
  }

  async #commit(text: string, at: PartitionOfTopic, offset: bigint | null, metadata: string): Promise<boolean> {
    const owned = this.#owned.get(text) ?? (await this.#claimOne(text, at));
    if (owned === null || this.#isLost) return false;
    try {
      const { outcome } = await this.#committer.commit(owned, offset, metadata);
      if (outcome === 'done') this.#inDoubt.delete(text);
      else this.#isLost = true;
      return outcome === 'done';
    } catch (error) {
      this.#inDoubt.add(text);
      throw error;
    }
  }

  async #claimOne(text: string, at: PartitionOfTopic): Promise<OwnedPartition | null> {
    const under = this.#claiming.get(text);
    if (under !== undefined) return under;
    const claim = this.#claimAll([at]).then((done) => (done ? (this.#owned.get(text) ?? null) : null));
    this.#claiming.set(text, claim);
    try {
      return await claim;
    } finally {
      this.#claiming.delete(text);
    }
  }
}
