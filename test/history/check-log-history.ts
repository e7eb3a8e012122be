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
  /** Never sent. */
  | 'phantom'
  /** Acknowledged at one offset, read at another; or two records acknowledged at one. */
  | 'inconsistent offset'
  /** Offsets that a reader was not given, or not in order. */
  | 'gap'
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

type Told = 'acked' | 'refused' | 'unknown';

interface Send {
  readonly client: string;
  readonly partition: number;
  /** Among those of its client to its partition. */
  readonly index: number;
  told: Told | null;
  ackedAt: number | null;
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
  reads = 0;

  say(kind: LogProblemKind, partition: number, message: string): void {
    this.problems.push({ kind, partition, message });
  }

  sent({ client, partition, value }: LogEvent & { readonly kind: 'sent' }): void {
    if (this.sends.has(value)) throw new TypeError(`${client} sends ${value} again: values must be unique`);
    const line = `${client}/${partition}`;
    const index = this.#sentCounts.get(line) ?? 0;
    this.#sentCounts.set(line, index + 1);
    this.sends.set(value, { client, partition, index, told: null, ackedAt: null });
  }

  told(event: LogEvent & { readonly kind: Told }): void {
    const { kind, client, partition, value } = event;
    const send = this.sends.get(value);
    if (send === undefined) {
      this.say('phantom', partition, `${client} is told ${kind} of ${value}, which nobody sent`);
      return;
    }
    if (send.told !== null) this.say('told twice', partition, `${value} was ${send.told}, then ${kind}`);
    send.told = kind;
    if (kind !== 'acked') return;
    const { offset } = event as LogEvent & { readonly kind: 'acked' };
    send.ackedAt = offset;
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
    if (last !== undefined && offset !== last + 1)
      this.say('gap', partition, `${client} was given ${offset} behind ${last}`);
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
    else if (send.told === 'refused') this.say('refused but committed', partition, `${value} stands at ${offset}`);
    else if (send.ackedAt !== null && send.ackedAt !== offset) {
      this.say(
        'inconsistent offset',
        partition,
        `${value} was acknowledged at ${send.ackedAt} and stands at ${offset}`,
      );
    }
  }

  /** Holds what the final reader saw against what was promised. */
  finish(log: ReadonlyMap<number, readonly string[]>): void {
    for (const [partition, values] of log) this.#checkOrder(partition, values);
    const placed = new Set([...log].flatMap(([partition, values]) => values.map((value) => `${partition}/${value}`)));
    for (const [value, { partition, told, ackedAt }] of this.sends) {
      if (told !== 'acked' || placed.has(`${partition}/${value}`)) continue;
      this.say('lost', partition, `${value} was acknowledged at ${ackedAt}`);
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
  for (const event of events) if (event.kind === 'sent') judge.sent(event);
  for (const event of events) if (event.kind !== 'sent' && event.kind !== 'read') judge.told(event);
  const log = new Map<number, string[]>();
  for (const event of events) {
    if (event.kind !== 'read') continue;
    judge.read(event);
    if (event.client !== finalReader) continue;
    const values = log.get(event.partition) ?? [];
    if (event.offset !== values.length)
      judge.say('gap', event.partition, `the log has ${event.offset} where ${values.length} is due`);
    values.push(event.value);
    log.set(event.partition, values);
  }
  if (log.size === 0) throw new TypeError(`${finalReader} has read nothing`);
  judge.finish(log);
  const sends = [...judge.sends];
  const all = new Set([...log].flatMap(([partition, values]) => values.map((value) => `${partition}/${value}`)));
  const uncertain = sends.filter(([, { told }]) => told === null || told === 'unknown');
  return {
    problems: judge.problems,
    sent: sends.length,
    acked: sends.filter(([, { told }]) => told === 'acked').length,
    refused: sends.filter(([, { told }]) => told === 'refused').length,
    uncertain: uncertain.length,
    uncertainCommitted: uncertain.filter(([value, { partition }]) => all.has(`${partition}/${value}`)).length,
    records: all.size,
    reads: judge.reads,
  };
}
