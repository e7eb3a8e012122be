/**
 * Judges the history of a log from what its clients sent and saw, as Jepsen's workload for Kafka does. It knows nothing of the log itself.
 *
 * Events of one client stand in its own order; those of different clients may stand in any. `finalReader` is the client that read everything from the beginning when all was over.
 */
import type { LogEvent } from './log-event.ts';

/** What can be wrong. */
export type LogProblemKind =
  /** Acknowledged, and not in the log. */
  | 'lost'
  /** At two offsets. */
  | 'duplicated'
  /** A producer's records in another order than it sent them. */
  | 'reordered'
  /** In the log, although something that its producer sent before, and had not given up when it sent this, is not. */
  | 'overtaken'
  /** Never sent. */
  | 'phantom'
  /** Acknowledged at one offset, read at another; or two records acknowledged at one. */
  | 'inconsistent offset'
  /** Offsets that a reader was not given although nobody had them deleted, or not in order. */
  | 'gap'
  /** Deleted, and read from the beginning all the same. */
  | 'not trimmed'
  /** Read at or above the high watermark that came with it. */
  | 'above the high watermark'
  /** Two reads of an offset that differ. */
  | 'changed'
  /** Told that it was not committed, and it is in the log. */
  | 'refused but committed'
  /** Told twice what became of it. */
  | 'told twice';

/** One thing that is wrong. */
export interface LogProblem {
  readonly kind: LogProblemKind;
  readonly partition: number;
  readonly message: string;
}

/** What is wrong, and how much of what there was: a history without records would be clean. */
export interface LogVerdict {
  readonly problems: readonly LogProblem[];
  readonly sent: number;
  readonly acked: number;
  readonly refused: number;
  /** Sends of which nothing certain was told. */
  readonly uncertain: number;
  /** Of those, how many are in the log. */
  readonly uncertainCommitted: number;
  readonly records: number;
  readonly reads: number;
}

type Told = 'acked' | 'refused' | 'unsent' | 'unknown' | 'gone';

interface Send {
  readonly client: string;
  readonly partition: number;
  /** Among those of its client to its partition. */
  readonly index: number;
  readonly expectedOffset: number | undefined;
  /** Numbers of the events. */
  readonly sentAt: number;
  toldAt: number;
  told: Told | null;
  ackedAt: number | null;
}

const TOLD: ReadonlySet<LogEvent['kind']> = new Set<Told>(['acked', 'refused', 'unsent', 'unknown', 'gone']);

/** Its producer was told that it is not in the log. */
function isDenied({ told }: Send): boolean {
  return told === 'refused' || told === 'unsent';
}

/** What the final reader saw of a partition. */
interface FinalLog {
  readonly start: number;
  readonly values: string[];
}

class LogJudge {
  readonly problems: LogProblem[] = [];
  readonly sends = new Map<string, Send>();
  /** By partition and offset: what was read there first. */
  readonly #seen = new Map<string, string>();
  /** By partition and value: where it was read first. */
  readonly #placeOf = new Map<string, number>();
  /** By client and partition: the last offset read. */
  readonly #last = new Map<string, number>();
  /** By partition and offset: what was acknowledged there. */
  readonly #acks = new Map<string, string>();
  readonly #sentCounts = new Map<string, number>();
  /** By partition: below which offset somebody asked to delete. */
  readonly #trimAsked = new Map<number, number>();
  /** By partition: the highest log start offset that somebody was told. */
  readonly #trimmed = new Map<number, number>();
  reads = 0;

  say(kind: LogProblemKind, partition: number, message: string): void {
    this.problems.push({ kind, partition, message });
  }

  trim({ kind, partition, offset }: LogEvent & { readonly kind: 'trim' | 'trimmed' }): void {
    const marks = kind === 'trim' ? this.#trimAsked : this.#trimmed;
    marks.set(partition, Math.max(offset, marks.get(partition) ?? 0));
  }

  sent({ client, partition, value, expectedOffset }: LogEvent & { readonly kind: 'sent' }, sentAt: number): void {
    if (this.sends.has(value)) throw new TypeError(`${client} sends ${value} again: values must be unique`);
    const line = `${client}/${partition}`;
    const index = this.#sentCounts.get(line) ?? 0;
    this.#sentCounts.set(line, index + 1);
    const toldAt = Number.POSITIVE_INFINITY;
    this.sends.set(value, { client, partition, index, expectedOffset, sentAt, toldAt, told: null, ackedAt: null });
  }

  told(event: LogEvent & { readonly kind: Told }, toldAt: number): void {
    const { kind, client, partition, value } = event;
    const send = this.sends.get(value);
    if (send === undefined) {
      this.say('phantom', partition, `${client} is told ${kind} of ${value}, which nobody sent`);
      return;
    }
    if (send.told !== null) this.say('told twice', partition, `${value} was ${send.told}, then ${kind}`);
    send.told = kind;
    send.toldAt = toldAt;
    if (kind !== 'acked') return;
    const { offset } = event as LogEvent & { readonly kind: 'acked' };
    send.ackedAt = offset;
    if (send.expectedOffset !== undefined && send.expectedOffset !== offset)
      this.say('inconsistent offset', partition, `${value} was acknowledged at ${offset}, not ${send.expectedOffset}`);
    const place = `${partition}/${offset}`;
    const other = this.#acks.get(place);
    if (other !== undefined)
      this.say('inconsistent offset', partition, `${other} and ${value} were acknowledged at ${offset}`);
    this.#acks.set(place, value);
  }

  read({ client, partition, offset, value, highWatermark }: LogEvent & { readonly kind: 'read' }): void {
    this.reads += 1;
    const line = `${client}/${partition}`;
    const last = this.#last.get(line);
    const isNext = last === undefined || offset === last + 1 || (offset > last && offset <= this.trimAsked(partition));
    if (!isNext) this.say('gap', partition, `${client} was given ${offset} behind ${last}`);
    this.#last.set(line, offset);
    if (highWatermark !== null && offset >= highWatermark) {
      this.say(
        'above the high watermark',
        partition,
        `${client} read ${offset} with a high watermark of ${highWatermark}`,
      );
    }
    const place = `${partition}/${offset}`;
    const before = this.#seen.get(place);
    if (before === undefined) this.#found(partition, offset, value);
    else if (before !== value) this.say('changed', partition, `${offset} was ${before}, ${client} reads ${value}`);
  }

  #found(partition: number, offset: number, value: string): void {
    this.#seen.set(`${partition}/${offset}`, value);
    const key = `${partition}/${value}`;
    const first = this.#placeOf.get(key);
    if (first !== undefined) this.say('duplicated', partition, `${value} stands at ${first} and at ${offset}`);
    else this.#placeOf.set(key, offset);
    const send = this.sends.get(value);
    if (send === undefined || send.partition !== partition)
      this.say('phantom', partition, `${value} at ${offset} was not sent there`);
    else if (isDenied(send)) this.say('refused but committed', partition, `${value} stands at ${offset}`);
    else if (send.ackedAt !== null && send.ackedAt !== offset) {
      this.say(
        'inconsistent offset',
        partition,
        `${value} was acknowledged at ${send.ackedAt} and stands at ${offset}`,
      );
    }
  }

  /** Below which offset somebody asked to delete. */
  trimAsked(partition: number): number {
    return this.#trimAsked.get(partition) ?? 0;
  }

  /** Holds what the final reader saw against what was promised. */
  finish(logs: ReadonlyMap<number, FinalLog>): void {
    for (const [partition, { start, values }] of logs) {
      const trimmed = this.#trimmed.get(partition) ?? 0;
      if (start < trimmed) this.say('not trimmed', partition, `it begins at ${start}, ${trimmed} was told`);
      this.#checkOrder(partition, values);
    }
    for (const [value, send] of this.sends) {
      const { partition, told, ackedAt } = send;
      if (told !== 'acked' || this.#isPlaced(value, send) || ackedAt! < this.#start(partition, logs)) continue;
      this.say('lost', partition, `${value} was acknowledged at ${ackedAt}`);
    }
    this.#checkOvertaken(logs);
  }

  /** Log start offset; of a partition that was trimmed to its end nothing but that can be known. */
  #start(partition: number, logs: ReadonlyMap<number, FinalLog>): number {
    return logs.get(partition)?.start ?? this.trimAsked(partition);
  }

  /** Whether anybody ever read it where it was sent. */
  #isPlaced(value: string, { partition }: Send): boolean {
    return this.#placeOf.has(`${partition}/${value}`);
  }

  #checkOvertaken(logs: ReadonlyMap<number, FinalLog>): void {
    const lanes = Map.groupBy([...this.sends], ([, { client, partition }]) => `${client}/${partition}`);
    for (const lane of lanes.values()) this.#checkLane(lane.toReversed(), logs);
  }

  /** From the last send of a producer to a partition to its first. */
  #checkLane(lane: readonly (readonly [string, Send])[], logs: ReadonlyMap<number, FinalLog>): void {
    let next: readonly [string, Send] | null = null;
    for (const [value, send] of lane) {
      if (this.#isPlaced(value, send)) next = [value, send];
      // What was trimmed before anybody read it cannot be told from what was never there.
      const mayBeTrimmed = this.#start(send.partition, logs) > 0 && !isDenied(send);
      if (next === null || next[0] === value || mayBeTrimmed || send.told === 'unsent' || send.told === 'gone')
        continue;
      if (send.toldAt < next[1].sentAt) continue;
      this.say('overtaken', send.partition, `${next[0]} is in the log, ${value} before it is not`);
    }
  }

  #checkOrder(partition: number, values: readonly string[]): void {
    const last = new Map<string, { readonly index: number; readonly value: string }>();
    for (const value of values) {
      const send = this.sends.get(value);
      if (send === undefined) continue;
      const before = last.get(send.client);
      if (before !== undefined && send.index < before.index) {
        this.say('reordered', partition, `${value} was sent before ${before.value}, and stands behind it`);
      }
      last.set(send.client, { index: send.index, value });
    }
  }
}

/** See the top of this file. Throws for a history that is none: a value that is sent twice, or no final reader. */
export function checkLogHistory(events: readonly LogEvent[], finalReader: string): LogVerdict {
  const judge = new LogJudge();
  // Sends first, then what was told of them: reads may have been written down before either.
  for (const [number, event] of events.entries()) {
    if (event.kind === 'sent') judge.sent(event, number);
    else if (event.kind === 'trim' || event.kind === 'trimmed') judge.trim(event);
  }
  for (const [number, event] of events.entries()) {
    if (TOLD.has(event.kind)) judge.told(event as LogEvent & { readonly kind: Told }, number);
  }
  const log = new Map<number, FinalLog>();
  for (const event of events) {
    if (event.kind !== 'read') continue;
    judge.read(event);
    if (event.client !== finalReader) continue;
    const { partition, offset, value } = event;
    const { start, values } = log.get(partition) ?? { start: offset, values: [] };
    log.set(partition, { start, values });
    if (values.length === 0 && start > judge.trimAsked(partition))
      judge.say(
        'gap',
        partition,
        `the log begins at ${start}, and nobody had more than ${judge.trimAsked(partition)} deleted`,
      );
    values.push(value);
  }
  if (log.size === 0) throw new TypeError(`${finalReader} has read nothing`);
  judge.finish(log);
  const sends = [...judge.sends];
  const all = new Set([...log].flatMap(([partition, { values }]) => values.map((value) => `${partition}/${value}`)));
  const uncertain = sends.filter(([, { told }]) => told === null || told === 'unknown' || told === 'gone');
  return {
    problems: judge.problems,
    sent: sends.length,
    acked: sends.filter(([, { told }]) => told === 'acked').length,
    refused: sends.filter(([, send]) => isDenied(send)).length,
    uncertain: uncertain.length,
    uncertainCommitted: uncertain.filter(([value, { partition }]) => all.has(`${partition}/${value}`)).length,
    records: all.size,
    reads: judge.reads,
  };
}
