/** Who reads, and what it was shown, held against the truth. */
import { type FetchedPartition, Fetcher, type FetchTarget } from '../../../lib/log/fetcher.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import type { BusyTime } from '../../simulate/schedule-size.ts';
import type { Oracle } from './oracle.ts';
import type { PartitionTruth } from './partition-truth.ts';
import type { Dice, Process, VirtualTime } from './virtual-time.ts';

/** Codes of a store that stays silent for too long. */
const STORE_CODES = new Set(['REQUEST_TIMED_OUT', 'THROTTLED', 'STORE_UNAVAILABLE']);
/** Codes of bytes that are not those that were written. */
const DAMAGE_CODES = new Set(['CORRUPT_MESSAGE', 'CORRUPT_OBJECT']);

/** A process that reads here and there, again and again. */
export class ReaderActor {
  readonly #fetcher: Fetcher;
  readonly #dice: Dice;
  readonly #time: VirtualTime;
  readonly #oracle: Oracle;

  constructor(parts: { process: Process; store: LogStore; dice: Dice; time: VirtualTime; oracle: Oracle }) {
    this.#fetcher = new Fetcher({ store: parts.store, clock: parts.process, random: parts.dice, attempts: 8 });
    this.#dice = parts.dice;
    this.#time = parts.time;
    this.#oracle = parts.oracle;
  }

  start(busy: BusyTime, pauseMs: number): void {
    const next = async () => {
      if (busy.isOver) return;
      await this.#readSomewhere();
      this.#time.schedule(this.#dice.magnitude(1, pauseMs), next);
    };
    this.#time.schedule(this.#dice.between(0, 500), next);
  }

  get #sawDamage(): boolean {
    return this.#oracle.counts.has('spoilt');
  }

  async #readSomewhere(): Promise<void> {
    const dice = this.#dice;
    const truths = [...this.#oracle.partitions.values()].filter(() => dice.chance(0.7));
    const offsets = truths.map(
      ({ head }) => head.start + BigInt(Math.floor(dice.fraction() * (Number(head.next - head.start) + 1))),
    );
    await this.#read(truths, offsets, dice.pick([1, 300, 1_000, 100_000]), dice.chance(0.4));
  }

  async #read(
    truths: readonly PartitionTruth[],
    offsets: readonly bigint[],
    maxBytes: number,
    consistent: boolean,
  ): Promise<readonly FetchedPartition[]> {
    const targets = truths.map(
      ({ partition, domain }, index): FetchTarget => ({ partition, domain, offset: offsets[index]!, maxBytes }),
    );
    const before = truths.map(({ head }) => head);
    const results = await this.#fetcher.fetch(targets, { maxBytes, consistent });
    results.forEach((result, index) => {
      const { head, isGone } = truths[index]!;
      const target = targets[index]!;
      const where = `fetch of ${target.partition.partition} at ${target.offset}`;
      this.#oracle.note(
        where,
        result.outcome === 'ok' ? `${result.nextOffset} of ${result.highWatermark}` : result.error.code,
      );
      this.#oracle.count('fetches');
      if (result.outcome === 'ok') {
        this.#checkBatches(truths[index]!, target, result, where);
        const isFresh = !consistent || result.highWatermark >= before[index]!.next;
        this.#oracle.expect(
          isFresh && result.highWatermark <= head.next,
          'High watermark',
          () => `${where}: ${result.highWatermark}`,
        );
        return;
      }
      const { code } = result.error;
      const isTrimmed = code === 'OFFSET_OUT_OF_RANGE' && target.offset < head.start;
      const isDeleted = isGone && code === 'UNKNOWN_TOPIC_OR_PARTITION';
      this.#oracle.expect(
        isTrimmed || isDeleted || STORE_CODES.has(code) || (DAMAGE_CODES.has(code) && this.#sawDamage),
        'No early death',
        () => `${where} (start ${head.start}): ${result.error.message}`,
      );
    });
    return results;
  }

  #checkBatches(
    { records }: PartitionTruth,
    { offset }: FetchTarget,
    result: Extract<FetchedPartition, { outcome: 'ok' }>,
    where: string,
  ): void {
    let next: bigint | null = null;
    for (const bytes of result.batches) {
      const batch = decodeBatch(bytes);
      const base = batch.header.baseOffset;
      this.#oracle.expect(
        next === null ? base <= offset : base === next,
        'Stable prefix',
        () => `${where}: a batch at ${base} instead of ${next}`,
      );
      for (const record of batch) {
        const value = Buffer.from(record.value!).toString().trimEnd();
        this.#oracle.expect(
          records[Number(record.offset)] === value,
          'Stable prefix',
          () => `${where}: ${value} at ${record.offset}`,
        );
      }
      next = base + BigInt(batch.recordCount);
    }
    this.#oracle.expect(
      result.nextOffset === (next ?? offset),
      'Stable prefix',
      () => `${where}: goes on at ${result.nextOffset} behind ${next}`,
    );
    this.#oracle.expect(
      result.nextOffset <= result.highWatermark,
      'High watermark',
      () => `${where}: ${result.nextOffset} above ${result.highWatermark}`,
    );
  }

  /** Reads everything, from the log start offset to the end. */
  async readAll(): Promise<void> {
    for (const truth of this.#oracle.living) {
      let offset = truth.head.start;
      while (offset < truth.head.next && this.#oracle.violation === null) {
        const [result] = await this.#read([truth], [offset], 2_000, true);
        const after = result!.outcome === 'ok' ? result!.nextOffset : offset;
        this.#oracle.expect(after > offset, 'Progress', () => `nothing at ${offset} of ${truth.partition.partition}`);
        offset = after;
      }
    }
  }
}
