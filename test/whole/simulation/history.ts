/** What the clients of a run tell of themselves, and the judges' view of it. */
import { partitionPk } from '../../../lib/log/partition-key.ts';
import { checkGroupHistory, type GroupEvent } from '../../history/check-group-history.ts';
import { checkLogHistory } from '../../history/check-log-history.ts';
import type { LogEvent } from '../../history/log-event.ts';
import type { Oracle } from '../../log/simulation/oracle.ts';
import type { PartitionTruth } from '../../log/simulation/partition-truth.ts';
import { type Dice, START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';

/** A partition as clients name it: they do not know whether its topic was made again. */
export interface Named {
  readonly topic: string;
  readonly partition: number;
}

type Without<E, K extends string> = E extends unknown ? Omit<E, K> : never;
/** As `LogEvent`, by the name of the topic. */
export type ClientEvent = Without<LogEvent, 'partition'> & Named;
/** As `GroupEvent`, of one partition at most. */
export interface MemberEvent {
  readonly member: string;
  readonly kind: GroupEvent['kind'];
  readonly at?: Named;
  readonly offset?: number;
  /** Of what was given. */
  readonly value?: string;
}

/** The topic that stays, and grows. */
export const KEPT = 'topic-kept';
/** The topic that is deleted and made again. */
export const REMADE = 'topic-remade';
/** The client that reads everything when all is over. */
export const FINAL_READER = 'end';

/** See the top of this file. */
export class History {
  readonly #time: VirtualTime;
  readonly #oracle: Oracle;
  readonly #events: { readonly event: ClientEvent; readonly topicId: string | undefined }[] = [];
  readonly #members: { readonly event: MemberEvent; readonly atMs: number; readonly topicId: string | undefined }[] =
    [];
  /** Values that members were given. */
  readonly #given = new Set<string>();
  /** By name: the id of the topic that was made last. */
  readonly #topicIds = new Map<string, string>();

  constructor(time: VirtualTime, oracle: Oracle) {
    this.#time = time;
    this.#oracle = oracle;
  }

  /** A topic was made. */
  named(topic: string, topicId: string): void {
    this.#topicIds.set(topic, topicId);
  }

  tell(event: ClientEvent): void {
    this.#events.push({ event, topicId: this.#topicIds.get(event.topic) });
    this.#oracle.count(event.kind);
    this.#oracle.note(`${event.client} ${event.kind} ${event.topic}/${event.partition}`, event);
  }

  tellOfMember(event: MemberEvent): void {
    this.#members.push({ event, atMs: this.#time.nowMs, topicId: this.#topicIds.get(event.at?.topic ?? '') });
    if (event.value !== undefined) this.#given.add(event.value);
    this.#oracle.count(event.kind);
    this.#oracle.note(`${event.member} ${event.kind} ${event.at?.topic}/${event.at?.partition}`, event.offset ?? null);
  }

  /** Whether somebody was given the last record of a partition, or it was trimmed before that. */
  isGiven({ records, head }: PartitionTruth): boolean {
    const last = records.at(-1);
    return last === undefined || head.start >= BigInt(records.length) || this.#given.has(last);
  }

  /** Holds all that was told against what was promised. */
  judge(options: { readonly graceMs: number }): readonly string[] {
    const places = new Places([...this.#oracle.partitions.values()]);
    const events = this.#events.map(({ event, topicId }) => {
      const value = 'value' in event ? event.value : undefined;
      return { ...event, partition: places.of(event, value, topicId) } as LogEvent;
    });
    const log = checkLogHistory([...events, ...places.deletedLogs()], FINAL_READER);
    const problems = log.problems.map(
      ({ kind, partition, message }) => `${kind}: ${message} (${places.name(partition)})`,
    );
    const group = checkGroupHistory(this.#memberEvents(places), places.ends(), {
      graceMs: options.graceMs,
      trims: highestTrims(events),
    });
    return [...problems, ...group.problems.map((problem) => `group: ${problem}`)];
  }

  /** An assignment is of the topic whose records came of it, and what follows is about the same. */
  #memberEvents(places: Places): readonly GroupEvent[] {
    const assignments = new Map<string, number>();
    const placeOf = new Map<string, number>();
    const named = this.#members.map(({ event, atMs, topicId }) => {
      const { member, kind, at, value } = event;
      const line = `${member} ${at?.topic}/${at?.partition}`;
      if (kind === 'assigned') assignments.set(line, (assignments.get(line) ?? 0) + 1);
      const assignment = `${line} ${assignments.get(line)}`;
      if (at !== undefined && value !== undefined) placeOf.set(assignment, places.of(at, value, topicId));
      return { event, atMs, topicId, assignment };
    });
    return named.flatMap(({ event, atMs, topicId, assignment }) => {
      const { member, kind, at, offset = -1 } = event;
      // Of a topic that is made again nobody can say which one was meant, as long as no record tells.
      if (at?.topic === REMADE && !placeOf.has(assignment)) return [];
      const partitions = at === undefined ? [] : [placeOf.get(assignment) ?? places.of(at, undefined, topicId)];
      return { member, kind, atMs, offset, partitions };
    });
  }
}

function highestTrims(events: readonly LogEvent[]): ReadonlyMap<number, number> {
  const trims = new Map<number, number>();
  for (const event of events) {
    if (event.kind === 'trim') trims.set(event.partition, Math.max(event.offset, trims.get(event.partition) ?? 0));
  }
  return trims;
}

/** No partition. */
const NOWHERE = -1;

/** Numbers of all partitions that ever were. Which topic of a name a client means is told by the values that it sends and sees. */
class Places {
  readonly #truths: readonly PartitionTruth[];
  readonly #byKey = new Map<string, number>();
  readonly #byValue = new Map<string, number>();

  constructor(truths: readonly PartitionTruth[]) {
    this.#truths = truths;
    for (const [number, { partition, records }] of truths.entries()) {
      this.#byKey.set(partitionPk(partition), number);
      for (const value of records) this.#byValue.set(`${value} ${partition.partition}`, number);
    }
  }

  of({ topic, partition }: Named, value: string | undefined, topicId: string | undefined): number {
    const byValue = value === undefined ? undefined : this.#byValue.get(`${value} ${partition}`);
    if (byValue !== undefined) return byValue;
    // Of what is in no log nobody can say which of the topics of that name was meant.
    if (value !== undefined && topic === REMADE) return NOWHERE;
    return this.#byKey.get(partitionPk({ topicId: topicId ?? '', partition })) ?? NOWHERE;
  }

  name(number: number): string {
    const partition = this.#truths[number]?.partition;
    return `${partition?.topicId}/${partition?.partition}`;
  }

  /** Nobody can read a deleted topic to its end, so what its log was is taken from the stores. */
  deletedLogs(): readonly LogEvent[] {
    return this.#truths.flatMap(({ isGone, records, head }, partition) => {
      if (!isGone) return [];
      const all = records.map((value, offset): LogEvent => {
        return { kind: 'read', client: FINAL_READER, partition, offset, value, highWatermark: null };
      });
      return all.slice(Number(head.start));
    });
  }

  /** High watermarks; null of what was deleted. */
  ends(): ReadonlyMap<number, number | null> {
    const ends = this.#truths.map(({ isGone, records }, number) => [number, isGone ? null : records.length] as const);
    return new Map([...ends, [NOWHERE, null]]);
  }
}

/** A value that nobody else sends, of some length. */
export function uniqueValue(
  client: string,
  number: number,
  dice: Dice,
): { readonly value: string; readonly bytes: string } {
  const value = `${client}.${number}`;
  return { value, bytes: value.padEnd(value.length + (dice.chance(0.4) ? 0 : dice.between(1, 500))) };
}

/** The wall clock of a moment of the run. */
export function wallMs(time: VirtualTime): number {
  return START_MS + Math.round(time.nowMs);
}
