/**
 * A group that this gateway coordinates: its state in memory, its tenure in the store, and the alarm for what is due.
 *
 * Requests change the state at once; what has to be written is written one after another, and whoever waits for that is answered behind it. When the tenure is lost, or the store is away for too long, everybody is
 * sent away, and whoever asks next loads the group anew.
 */
import type { Clock } from '../../clock.ts';
import type { Group, GroupTopic } from '../../group/group.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import type { KafkaErrorName } from '../protocol/error-codes.ts';
import type { CoordinatedGroup, MemberView, UnstoredView } from './coordinated-group.ts';
import type { GroupTenure } from './group-tenure.ts';
import { storeErrorOf } from './store-error.ts';
import type { TopicNames } from './topic-names.ts';

/** What a cell needs of its gateway. */
export interface CellDeps {
  readonly clock: Clock;
  readonly topics: TopicNames;
  /** The cell is of no use any more. */
  readonly onClosed: (cell: GroupCell<CoordinatedGroup>) => void;
}

/** Whoever is told so gives up what it has, or itself. */
const PUTS_OUT: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>([
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'FENCED_INSTANCE_ID',
  'FENCED_MEMBER_EPOCH',
  'UNRELEASED_INSTANCE_ID',
]);

/** Names of topics that are looked up at once. */
type TopicsByName = ReadonlyMap<string, GroupTopic>;

/** See the top of this file. */
export class GroupCell<T extends CoordinatedGroup> {
  readonly group: T;
  readonly tenure: GroupTenure;
  readonly #deps: CellDeps;
  #storing: Promise<void> | null = null;
  #alarm: { readonly atMs: number; readonly stop: AbortController } | null = null;
  /** Why it is closed; null while it is not. */
  closed: KafkaErrorName | null = null;
  /** Monotonic. */
  usedMs: number;

  constructor(group: T, tenure: GroupTenure, deps: CellDeps) {
    this.group = group;
    this.tenure = tenure;
    this.#deps = deps;
    this.usedMs = deps.clock.monotonicMs();
    this.#settle();
  }

  /** Changes the group, and sees to what follows. Not when it is closed. */
  change<R>(event: (group: T, nowMs: number) => R): R {
    this.usedMs = this.#deps.clock.monotonicMs();
    const result = event(this.group, this.usedMs);
    this.#settle();
    return result;
  }

  /** What a member may be told: that it is out, only when the group is held still. Another gateway may have taken it, heard its members and let them in, and gone again, while this one heard nothing. */
  async confirm(error: KafkaErrorName): Promise<KafkaErrorName> {
    if (!PUTS_OUT.has(error)) return error;
    return (await this.whyNotHeld()) ?? error;
  }

  /** Why nobody is to be told what is known here; null when the group is held still. Costs a read. */
  async whyNotHeld(): Promise<KafkaErrorName | null> {
    try {
      if (!(await this.tenure.isHeld())) this.close('NOT_COORDINATOR');
    } catch (cause) {
      return storeErrorOf(cause);
    }
    return this.closed;
  }

  /** Sends everybody away. */
  close(error: KafkaErrorName): void {
    if (this.closed !== null) return;
    this.closed = error;
    this.#alarm?.stop.abort();
    this.group.abandon(error);
    this.#deps.onClosed(this);
  }

  #settle(): void {
    if (this.closed !== null) return;
    this.#storing ??= this.#store();
    this.#setAlarm();
  }

  #setAlarm(): void {
    const atMs = this.group.nextDeadlineMs();
    if (this.#alarm !== null && this.#alarm.atMs <= atMs) return;
    this.#alarm?.stop.abort();
    this.#alarm = null;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const alarm = { atMs, stop: new AbortController() };
    this.#alarm = alarm;
    void this.#deps.clock.sleep(Math.max(0, atMs - this.#deps.clock.monotonicMs()), alarm.stop.signal).then(() => {
      if (alarm.stop.signal.aborted || this.closed !== null) return;
      this.#alarm = null;
      this.group.tick(this.#deps.clock.monotonicMs());
      this.#settle();
    });
  }

  /** Ends when all that has to be written is. */
  async stored(): Promise<void> {
    await this.#storing;
  }

  async #store(): Promise<void> {
    // So that it is known to run before it ends.
    await null;
    for (let next = this.group.takeUnstored(); next !== null; next = this.group.takeUnstored()) {
      if (this.closed === null) await this.#writeOrClose(next);
      for (const tell of next.onStored) tell(this.closed);
      if (this.closed === null) this.#setAlarm();
    }
    this.#storing = null;
  }

  async #writeOrClose(view: UnstoredView): Promise<void> {
    try {
      if (!(await this.#write(view))) this.close('NOT_COORDINATOR');
    } catch (error) {
      this.close(storeErrorOf(error));
    }
  }

  async #write({ state, assignor, members }: UnstoredView): Promise<boolean> {
    const names = new Set(
      members.flatMap(({ topics, assigned }) => [...topics, ...assigned.map(({ topic }) => topic)]),
    );
    const topics = await this.#deps.topics.findAll(names);
    const changes = groupChanges(this.tenure.group, members, topics);
    if (!(await this.tenure.write({ ...changes, assignor, state }))) return false;
    const topicNames = new Map([...topics.values()].map(({ topicId, name }) => [topicId, name]));
    const assigned = [...changes.assignment.values()].flat();
    return this.tenure.claim(assigned.map((partition) => ({ topic: topicNames.get(partition.topicId)!, partition })));
  }
}

/** The members of Kafka's protocols as other kinds of groups have them, so that whoever describes a group need not know whose it is. A partition that several have been given is that of the first. */
function groupChanges(
  group: Group,
  views: readonly MemberView[],
  topics: TopicsByName,
): Pick<Group, 'topics' | 'members' | 'assignment'> {
  const taken = new Set<string>();
  const assignment = new Map<string, readonly PartitionKey[]>();
  for (const { id, assigned } of views) {
    const partitions = assigned.flatMap(({ topic, partitions: numbers }): PartitionKey[] => {
      const found = topics.get(topic);
      if (found === undefined) return [];
      return numbers
        .filter((number) => number >= 0 && number < found.partitionCount)
        .map((partition) => ({ topicId: found.topicId, partition }));
    });
    const free = partitions.filter(({ topicId, partition }) => {
      const text = `${topicId}/${partition}`;
      return !taken.has(text) && taken.add(text);
    });
    assignment.set(id, free.sort(byTopicAndNumber));
  }
  const known = group.topics.filter(({ name }) => !topics.has(name));
  return {
    topics: [...known, ...topics.values()].sort((left, right) => (left.name < right.name ? -1 : 1)),
    members: views.map(({ assigned: _, ...member }) => ({ ...member, assignors: [] })),
    assignment,
  };
}

function byTopicAndNumber(left: PartitionKey, right: PartitionKey): number {
  if (left.topicId !== right.topicId) return left.topicId < right.topicId ? -1 : 1;
  return left.partition - right.partition;
}
