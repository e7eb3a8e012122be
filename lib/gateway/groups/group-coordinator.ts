/**
 * The groups that belong to this gateway, each loaded from the store when it is first asked for.
 *
 * Which gateway a group belongs to is agreed on by hash (`live-gateways.ts`), so nobody has to be told; that views differ for some seconds does no harm, because only who holds the group's tenure in the store can
 * write. A gateway that finds a group taken looks at the gateways again before it takes it back, so that two do not take it from each other in turns.
 */
import { hasCode } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import type { GroupDeps } from '../../group/group-deps.ts';
import { parseGroupName } from '../../group/group-name.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Gateways } from '../live-gateways.ts';
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import { ClassicCoordination } from './classic-coordination.ts';
import { ConsumerCoordination } from './consumer-coordination.ts';
import type { CoordinatedGroup } from './coordinated-group.ts';
import type { CoordinatorSettings } from './coordinator-settings.ts';
import { GroupCell } from './group-cell.ts';
import { type CoordinatedKind, takeGroup } from './group-tenure.ts';
import { storeErrorOf } from './store-error.ts';
import { TopicNames } from './topic-names.ts';

/** What it needs. */
export interface GroupCoordinatorDeps extends GroupDeps {
  readonly gateways: Gateways & { look?(): Promise<void> };
}

/** A group of either protocol, with its tenure. */
export type AnyCell = GroupCell<CoordinatedGroup>;

/** Somebody who waits for a group that is being loaded is told so after this long. */
const LOAD_MS = 2_000;
/** An empty group that nobody has asked for is forgotten after this long. */
const IDLE_MS = 600_000;
const SWEEP_MS = 60_000;

/** See the top of this file. */
export class GroupCoordinator {
  readonly deps: GroupCoordinatorDeps;
  readonly settings: CoordinatorSettings;
  readonly topics: TopicNames;
  readonly #cells = new Map<string, AnyCell>();
  readonly #loading = new Map<string, Promise<AnyCell | KafkaErrorName | null>>();
  readonly #committing = new Map<string, Set<Promise<unknown>>>();
  #looking: Promise<void> | null = null;
  #sweptMs = Number.NEGATIVE_INFINITY;
  #lapses = 0;
  #isClosed = false;

  constructor(deps: GroupCoordinatorDeps, settings: CoordinatorSettings) {
    this.deps = deps;
    this.settings = settings;
    this.topics = new TopicNames(deps);
  }

  /** Why this gateway does not answer for a group; null when it does. */
  refusal(name: string): KafkaErrorName | null {
    if (!isGroupName(name)) return 'INVALID_GROUP_ID';
    const { gateways } = this.deps;
    if (this.#isClosed || !gateways.isLive) return 'COORDINATOR_NOT_AVAILABLE';
    return gateways.ownerOf(groupOwnerKey(name)).id === gateways.self.id ? null : 'NOT_COORDINATOR';
  }

  /** How often this gateway may have been taken for dead. What was asked before may have been asked again elsewhere since. */
  get lapses(): number {
    return this.#lapses;
  }

  /** To be called when gateways have come or gone: groups that belong to others are let go of. A gateway that may have been taken for dead has to end its clients' connections too. */
  gatewaysChanged({ lapsed }: { readonly lapsed: boolean }): void {
    if (lapsed) this.#lapses += 1;
    for (const [name, cell] of [...this.#cells]) {
      if (lapsed || this.refusal(name) !== null) cell.close('NOT_COORDINATOR');
    }
  }

  /** Sends everybody away; nothing is coordinated any more. */
  close(): void {
    this.#isClosed = true;
    for (const cell of [...this.#cells.values()]) cell.close('NOT_COORDINATOR');
  }

  /** The group when it is in memory here; it may have changed in the store. */
  held(name: string): AnyCell | null {
    return this.#cells.get(name) ?? null;
  }

  /** The group as it is stored; null for none. Throws what the store throws after ten attempts. */
  async stored(name: string): Promise<Group | null> {
    const { answer } = await repeatRequest(this.deps, () => this.deps.store.groups.get(name));
    return answer?.state === 'deleting' ? null : answer;
  }

  /** Forgets a group without members, so that it is loaded anew. */
  forget(name: string): void {
    this.#cells.get(name)?.close('NOT_COORDINATOR');
  }

  /** Keeps in mind that commits are under way in a group. They must not reject. */
  async noteCommits<T>(name: string, commits: Promise<T>): Promise<T> {
    const under = this.#committing.get(name) ?? new Set();
    this.#committing.set(name, under.add(commits));
    const done = await commits;
    under.delete(commits);
    if (under.size === 0 && this.#committing.get(name) === under) this.#committing.delete(name);
    return done;
  }

  /** Ends when the commits do that are under way now. */
  async commitsOf(name: string): Promise<void> {
    await Promise.all(this.#committing.get(name) ?? []);
  }

  /** The group of somebody who says that he is in it; null when nobody is. */
  openForMember(name: string): Promise<AnyCell | KafkaErrorName | null> {
    return this.#open(name, async () => {
      const group = await this.stored(name);
      const hasMembers = group !== null && group.kind !== 'sdk' && group.members.length > 0;
      return hasMembers ? this.#load(name, { kind: null, mayMake: false }) : null;
    });
  }

  /** The group, for members of this kind to join. One that is not there is made. */
  async openToJoin(name: string, kind: CoordinatedKind): Promise<AnyCell | KafkaErrorName> {
    const held = this.#cells.get(name);
    if (held !== undefined && held.group.kind !== kind) {
      if (!held.group.isEmpty) return 'INCONSISTENT_GROUP_PROTOCOL';
      held.close('NOT_COORDINATOR');
    }
    const cell = await this.#openOrMake(name, kind);
    return typeof cell === 'string' || cell.group.kind === kind ? cell : this.openToJoin(name, kind);
  }

  /** The group, for somebody who commits offsets without being in it. One that is not there is made. */
  async openToCommit(name: string): Promise<AnyCell | KafkaErrorName> {
    return this.#openOrMake(name, null);
  }

  async #openOrMake(name: string, kind: CoordinatedKind | null): Promise<AnyCell | KafkaErrorName> {
    const load = () => this.#load(name, { kind, mayMake: true });
    // Null is the answer to somebody else, who looked for a group and would not make it.
    const opened = (await this.#open(name, load)) ?? (await this.#open(name, load));
    return opened ?? 'COORDINATOR_NOT_AVAILABLE';
  }

  async #open(
    name: string,
    load: () => Promise<AnyCell | KafkaErrorName | null>,
  ): Promise<AnyCell | KafkaErrorName | null> {
    const { lapses } = this;
    const refusal = this.refusal(name);
    if (refusal !== null) return refusal;
    await this.#looking;
    const isStale = this.#lapses !== lapses;
    if (isStale || this.refusal(name) !== null) return isStale ? 'NOT_COORDINATOR' : this.refusal(name);
    this.#sweep();
    const held = this.#cells.get(name);
    if (held !== undefined) return held;
    const loading = this.#loading.get(name) ?? this.#begin(name, load);
    const waited = new AbortController();
    const tooLong = this.deps.clock.sleep(LOAD_MS, waited.signal).then(() => 'COORDINATOR_LOAD_IN_PROGRESS' as const);
    const opened = await Promise.race([loading, tooLong]);
    waited.abort();
    return opened;
  }

  #begin(name: string, load: () => Promise<AnyCell | KafkaErrorName | null>): Promise<AnyCell | KafkaErrorName | null> {
    const loading = load().catch(loadError);
    this.#loading.set(name, loading);
    void loading.then(() => this.#loading.delete(name));
    return loading;
  }

  async #load(
    name: string,
    request: { readonly kind: CoordinatedKind | null; readonly mayMake: boolean },
  ): Promise<AnyCell | KafkaErrorName | null> {
    const { gateways, clock } = this.deps;
    const tenure = await takeGroup(this.deps, name, { gateway: gateways.self.id, ...request });
    if (tenure === null) return null;
    const refusal = this.refusal(name);
    if (refusal !== null || tenure.isLost) return refusal ?? 'NOT_COORDINATOR';
    const group = this.#groupOf(tenure.group, clock.monotonicMs());
    const cell = new GroupCell(group, tenure, {
      clock,
      topics: this.topics,
      onClosed: (closed) => this.#closed(name, closed),
    });
    this.#cells.set(name, cell);
    return cell;
  }

  #groupOf(group: Group, nowMs: number): CoordinatedGroup {
    const Coordination = group.kind === 'consumer' ? ConsumerCoordination : ClassicCoordination;
    return new Coordination(group, this.settings, nowMs);
  }

  #closed(name: string, cell: AnyCell): void {
    if (this.#cells.get(name) === cell) this.#cells.delete(name);
    if (!cell.tenure.isLost) return;
    const looking = (this.deps.gateways.look?.() ?? Promise.resolve()).catch(() => {});
    this.#looking = looking;
    void looking.then(() => {
      if (this.#looking === looking) this.#looking = null;
    });
  }

  #sweep(): void {
    const nowMs = this.deps.clock.monotonicMs();
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    for (const cell of [...this.#cells.values()]) {
      if (cell.group.isEmpty && nowMs - cell.usedMs > IDLE_MS) cell.close('NOT_COORDINATOR');
    }
  }
}

/** What decides which gateway a group belongs to. */
export function groupOwnerKey(name: string): string {
  return `group ${name}`;
}

/** Whether a group may have this name. */
export function isGroupName(name: string): boolean {
  try {
    return parseGroupName(name) === name;
  } catch {
    return false;
  }
}

function loadError(error: unknown): KafkaErrorName {
  if (hasCode(error, 'INCONSISTENT_GROUP_PROTOCOL')) return 'INCONSISTENT_GROUP_PROTOCOL';
  return storeErrorOf(error);
}
