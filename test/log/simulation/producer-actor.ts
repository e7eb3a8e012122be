/** Who appends, and what each append was told, held against the truth. */
import { MillraceError } from '../../../lib/errors.ts';
import type { AppendTarget } from '../../../lib/log/append-part.ts';
import type { Appender } from '../../../lib/log/appender.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { partitionPk } from '../../../lib/log/partition-key.ts';
import { encodeBatch } from '../../../lib/record/encode-batch.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';
import type { Oracle } from './oracle.ts';
import { type Dice, type Process, START_MS, type VirtualTime } from './virtual-time.ts';

/** One append and what became of it. */
interface Append {
  readonly target: AppendTarget;
  readonly values: readonly string[];
  readonly expectedOffset: bigint | undefined;
  readonly appendedAt: number;
  readonly nextWhenAppended: bigint;
  settledAt: number | null;
  outcome:
    | { readonly kind: 'pending' }
    | { readonly kind: 'acked'; readonly offset: bigint }
    | { readonly kind: 'failed'; readonly code: string };
}

/** Told of a partition that was deleted. */
const GONE = 'UNKNOWN_TOPIC_OR_PARTITION';
/** Codes that leave it open whether the records are in the log, or were. */
const OPEN_CODES = new Set(['COMMIT_UNKNOWN', GONE]);

/** A process with an appender. */
export class ProducerActor {
  readonly process: Process;
  readonly appender: Appender;
  readonly appends: Append[] = [];
  readonly #store: LogStore;
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #oracle: Oracle;
  readonly #targets: readonly AppendTarget[];
  readonly #strictShare: number;
  readonly #hotShare: number;
  #busy: BusyTime | null = null;
  /** Where this producer believes the end to be. */
  readonly #ends = new Map<string, bigint>();

  constructor(parts: {
    process: Process;
    appender: Appender;
    store: LogStore;
    time: VirtualTime;
    dice: Dice;
    oracle: Oracle;
    targets: readonly AppendTarget[];
    /** How much of what it does is to append at an expected offset. */
    strictShare: number;
    /** How much of what it does is for the first target. */
    hotShare: number;
  }) {
    this.process = parts.process;
    this.appender = parts.appender;
    this.#store = parts.store;
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#oracle = parts.oracle;
    this.#targets = parts.targets;
    this.#strictShare = parts.strictShare;
    this.#hotShare = parts.hotShare;
  }

  /** Appends now and then for as long as all are busy. */
  start(busy: BusyTime, pauseMs: number): void {
    const dice = this.#dice;
    this.#busy = busy;
    const next = () => {
      if (!this.process.alive || busy.isOver) return;
      void this.#act();
      // Now and then long enough for what is known to grow old.
      const delayMs = dice.chance(0.03) ? 6_000 : dice.magnitude(1, pauseMs);
      this.#time.schedule(delayMs, next);
    };
    this.#time.schedule(dice.between(0, 100), next);
  }

  async #act(): Promise<void> {
    const dice = this.#dice;
    const target = this.#pickTarget();
    if (dice.chance(this.#strictShare)) return this.#appendExpecting(target, dice.between(1, 3));
    for (let count = dice.chance(0.3) ? dice.between(2, 12) : 1; count > 0; count--)
      this.#append(dice.chance(0.7) ? target : this.#pickTarget());
  }

  #pickTarget(): AppendTarget {
    return this.#dice.chance(this.#hotShare) ? this.#targets[0]! : this.#dice.pick(this.#targets);
  }

  /** Appends where it believes the end to be: after a look, or after its own last append. */
  async #appendExpecting(target: AppendTarget, count: number): Promise<void> {
    const key = partitionPk(target.partition);
    let expected = this.#ends.get(key);
    if (expected === undefined || this.#dice.chance(0.7)) {
      try {
        expected = (await this.#store.heads.read(target.partition, { consistent: true }))!.next;
      } catch {
        return;
      }
    }
    if (this.#busy?.isOver) return;
    // Now and then ahead of the end.
    if (this.#dice.chance(0.3)) expected += BigInt(this.#dice.between(1, 2));
    for (; count > 0; count--) expected += BigInt(this.#append(target, expected));
  }

  /** Once to each partition: when all is well again, every append is acknowledged. */
  async appendEverywhere(): Promise<void> {
    for (const target of this.#targets) this.#append(target);
    await this.appender.close();
    const failed = this.appends.find(({ outcome }) => outcome.kind !== 'acked');
    this.#oracle.expect(!failed, 'Progress', () => `${failed!.values[0]} was not acknowledged although all was well`);
  }

  #append(target: AppendTarget, expectedOffset?: bigint): number {
    const dice = this.#dice;
    const { partition } = target;
    const number = this.appends.length;
    const recordCount = dice.between(1, 3);
    const values = Array.from({ length: recordCount }, (_, index) => `${this.process.name}.${number}.${index}`);
    const padBytes = dice.chance(0.4) ? 0 : dice.between(1, 400);
    const timestampMs = BigInt(START_MS + Math.round(this.#time.nowMs) + dice.between(-5_000, 5_000));
    const batches = encodeBatch(
      values.map((value, index) => ({
        key: null,
        value: Buffer.from(value.padEnd(value.length + padBytes)),
        headers: [],
        timestampMs: timestampMs + BigInt(index * dice.between(-3, 3)),
      })),
    );
    const append: Append = {
      target,
      values,
      expectedOffset,
      appendedAt: this.#time.eventCount,
      nextWhenAppended: this.#oracle.of(partition).head.next,
      settledAt: null,
      outcome: { kind: 'pending' },
    };
    this.appends.push(append);
    this.#oracle.note(
      `${this.process.name} appends ${values[0]} to ${partition.partition}${expectedOffset === undefined ? '' : ` at ${expectedOffset}`}`,
      null,
    );
    const request = expectedOffset === undefined ? { target, batches } : { target, batches, expectedOffset };
    this.appender.append(request).then(
      ({ baseOffset }) => this.#acked(append, baseOffset),
      (error: unknown) => this.#failed(append, error),
    );
    return recordCount;
  }

  #acked(append: Append, offset: bigint): void {
    const { target, values, expectedOffset } = append;
    append.settledAt = this.#time.eventCount;
    append.outcome = { kind: 'acked', offset };
    this.#oracle.count('acked');
    this.#oracle.note(`${values[0]} is acknowledged at ${offset}`, null);
    const { records } = this.#oracle.of(target.partition);
    const stands = values.every((value, index) => records[Number(offset) + index] === value);
    this.#oracle.expect(stands, 'Acknowledged', () => `${values[0]} is not at ${offset}`);
    const atExpected = expectedOffset === undefined || expectedOffset === offset;
    this.#oracle.expect(atExpected, 'Expected offset', () => `${values[0]} is at ${offset}, not ${expectedOffset}`);
    this.#ends.set(partitionPk(target.partition), offset + BigInt(values.length));
  }

  #failed(append: Append, error: unknown): void {
    const { values, target } = append;
    const code = error instanceof MillraceError ? error.code : 'DEFECT';
    append.settledAt = this.#time.eventCount;
    append.outcome = { kind: 'failed', code };
    this.#oracle.count(code);
    this.#oracle.note(`${values[0]} fails`, `${code} ${error instanceof Error ? error.message : ''}`);
    this.#ends.delete(partitionPk(target.partition));
    const { isGone } = this.#oracle.of(target.partition);
    const isKnown = code === 'NOT_COMMITTED' || code === 'COMMIT_UNKNOWN' || code === 'OFFSET_MISMATCH';
    this.#oracle.expect(isKnown || (isGone && code === GONE), 'Answer', () => `${values[0]} was told ${String(error)}`);
    if (code !== 'OFFSET_MISMATCH') return;
    const { highWatermark } = (error as MillraceError).value as { highWatermark: bigint };
    const next = this.#oracle.of(target.partition).head.next;
    const wasTrue =
      highWatermark !== append.expectedOffset && highWatermark >= append.nextWhenAppended && highWatermark <= next;
    this.#oracle.expect(
      wasTrue,
      'Answer',
      () => `${values[0]} was told the end is ${highWatermark}, it was ${append.nextWhenAppended} to ${next}`,
    );
  }

  /** What only the end shows, once every late request has taken effect. */
  check(): void {
    const places = this.#places();
    for (const [key, lane] of Map.groupBy(this.appends, ({ target }) => partitionPk(target.partition))) {
      const found = lane.map((append) => places.get(`${key} ${append.values[0]}`) ?? []);
      lane.forEach((append, index) => {
        this.#checkOutcome(append, found[index]!);
        if (found[index]!.length > 0) this.#checkOrder(lane, found, index);
      });
    }
  }

  /** Offsets of every value, by partition. */
  #places(): Map<string, bigint[]> {
    const places = new Map<string, bigint[]>();
    for (const [key, { records }] of this.#oracle.partitions) {
      records.forEach((value, index) => {
        const name = `${key} ${value}`;
        places.set(name, [...(places.get(name) ?? []), BigInt(index)]);
      });
    }
    return places;
  }

  #checkOutcome({ outcome, values }: Append, found: readonly bigint[]): void {
    this.#oracle.expect(found.length <= 1, 'Once', () => `${values[0]} stands at ${found.join(' and ')}`);
    if (outcome.kind === 'acked') {
      this.#oracle.expect(
        found[0] === outcome.offset,
        'Acknowledged',
        () => `${values[0]} stands at ${found}, not ${outcome.offset}`,
      );
    } else if (outcome.kind === 'failed' && !OPEN_CODES.has(outcome.code)) {
      this.#oracle.expect(
        found.length === 0,
        'Not committed',
        () => `${values[0]} was told ${outcome.code} and stands at ${found}`,
      );
    } else if (outcome.kind === 'pending') {
      this.#oracle.expect(!this.process.alive, 'Settled', () => `${values[0]} was never answered`);
    }
  }

  /** What stands in the log stands behind all that was sent before it and was not given up before it was sent. */
  #checkOrder(lane: readonly Append[], found: readonly (readonly bigint[])[], index: number): void {
    const later = lane[index]!;
    for (let before = 0; before < index; before++) {
      const earlier = lane[before]!;
      const place = found[before]![0];
      if (place !== undefined) {
        this.#oracle.expect(
          place < found[index]![0]!,
          'Producer order',
          () => `${earlier.values[0]} stands behind ${later.values[0]}`,
        );
        continue;
      }
      const givenUpBefore = earlier.settledAt !== null && earlier.settledAt <= later.appendedAt;
      this.#oracle.expect(
        givenUpBefore,
        'Producer order',
        () => `${later.values[0]} is in the log, but ${earlier.values[0]} before it is not`,
      );
    }
  }
}
