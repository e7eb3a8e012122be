/** Functions of a simulated event source: what they are given goes to the oracle, and what they do with it is drawn. */
import { UnansweredError } from '../../../lib/errors.ts';
import type { FunctionInvoker, InvokeAnswer } from '../../../lib/event-source/push/function-invoker.ts';
import { keyHash, type ReceivedEvent } from '../../../lib/event-source/received-event.ts';
import { type PartitionKey, partitionPk } from '../../../lib/log/partition-key.ts';
import type { PulledRecord } from '../../../lib/middleware/pulled-record.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import type { Dice, VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { EventSourceOracle } from './event-source-oracle.ts';
import type { CountedState } from './windows-oracle.ts';

/** A record as a Kafka event has it. */
interface EventRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key?: string;
  readonly value: string;
}

/** See the top of this file. */
export class SimulatedFunction {
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #oracle: EventSourceOracle;
  readonly #keys = new Map<string, Map<bigint, number | null>>();
  readonly #failureProbability: number;
  /** Whoever wrote it has found his mistake: nothing fails any more. */
  isMended = false;

  constructor(parts: { time: VirtualTime; dice: Dice; oracle: EventSourceOracle }) {
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#oracle = parts.oracle;
    this.#failureProbability = parts.dice.pick([0, 0.05, 0.3]);
  }

  /** A record is in the log. */
  know(partition: PartitionKey, offset: bigint, key: string | null): void {
    const keys = this.#keysOf(partition);
    keys.set(offset, key === null ? null : keyHash({ keyBytes: Buffer.from(key) }));
    this.#ends.set(partitionPk(partition), BigInt(Math.max(Number(this.endOf(partition)), Number(offset) + 1)));
  }

  readonly #ends = new Map<string, bigint>();

  /** Behind the last record that is in the log. */
  endOf(partition: PartitionKey): bigint {
    return this.#ends.get(partitionPk(partition)) ?? 0n;
  }

  #keysOf(partition: PartitionKey): Map<bigint, number | null> {
    const pk = partitionPk(partition);
    const keys = this.#keys.get(pk) ?? new Map<bigint, number | null>();
    this.#keys.set(pk, keys);
    return keys;
  }

  /** What a worker calls; it hears the answer while it lives. */
  invokerOf(process: MemberProcess, key: string): FunctionInvoker {
    return {
      invoke: (_, payload) =>
        new Promise((resolve, reject) => {
          if (!process.alive) return;
          const fate = this.#draw();
          const ways = { there: this.#dice.magnitude(1, 50), back: this.#dice.magnitude(1, 50) };
          if (fate === 'throttled') {
            this.#time.schedule(ways.there, () => process.whenRunning(() => resolve({ kind: 'throttled' })));
            return;
          }
          this.#time.schedule(ways.there, () => {
            const { records, window } = eventOf(payload);
            this.#called(key, records, window);
            const group = groupOf(key);
            if (!process.wasStopped) this.#oracle.checkEnabled(group);
            const over = this.#oracle.limits.onCall({ process, group, records: records.length, isOwn: false });
            this.#time.schedule(this.#dice.magnitude(1, 10_000), () => {
              over();
              const answer = this.#handle(key, records, fate, window);
              if (fate === 'unheard') {
                const error = new UnansweredError('the call broke');
                this.#time.schedule(ways.back, () => process.whenRunning(() => reject(error)));
              } else this.#time.schedule(ways.back, () => process.whenRunning(() => resolve(answer)));
            });
          });
        }),
    };
  }

  /** What a function does that pulls, with what it was handed: it throws, answers what failed, or nothing; or its process ends. */
  async pulled(
    process: MemberProcess,
    { key, die }: { readonly key: string; readonly die: () => void },
    given: readonly PulledRecord[],
  ): Promise<unknown> {
    const fate = this.#draw();
    const records = given.map(
      ({ topic, partition, offset, keyBytes, valueBytes }): EventRecord => ({
        topic,
        partition,
        offset: Number(offset),
        value: Buffer.from(valueBytes ?? []).toString('base64'),
        ...(keyBytes !== null && { key: Buffer.from(keyBytes).toString('base64') }),
      }),
    );
    this.#called(key, records);
    await process.sleep(this.#dice.magnitude(1, 10_000));
    if (fate === 'unheard') {
      die();
      await new Promise(() => {});
    }
    const answer = this.#handle(key, records, fate === 'throttled' ? 'well' : fate);
    if (answer.kind === 'failed') throw new RangeError(answer.errorMessage);
    const { batchItemFailures = [] } = (JSON.parse((answer as { payload: string }).payload) ?? {}) as {
      batchItemFailures?: { itemIdentifier: { offset: number } }[];
    };
    // One record alone fails by what is thrown.
    if (given.length === 1 && batchItemFailures.length > 0) throw new RangeError('no');
    return {
      batchItemFailures: batchItemFailures.map(({ itemIdentifier }) => ({ itemIdentifier: itemIdentifier.offset })),
    };
  }

  #draw(): 'well' | 'throws' | 'some' | 'throttled' | 'unheard' {
    const dice = this.#dice;
    if (this.isMended || !dice.chance(this.#failureProbability)) return 'well';
    return dice.pick(['throws', 'throws', 'some', 'throttled', 'unheard'] as const);
  }

  #called(key: string, records: readonly EventRecord[], window: EventWindow | null = null): void {
    if (window !== null) {
      const offsets = records.map(({ offset }) => offset);
      this.#oracle.windows.onGiven(key, offsets, window.state);
    }
    if (window?.isFinal) {
      this.#oracle.note(`called for the end of ${window.startMs} of ${key}`, window.state);
      return;
    }
    const batch = records.map(
      ({ offset, key: recordKey }): ReceivedEvent =>
        ({
          offset: BigInt(offset),
          keyBytes: recordKey === undefined ? null : Buffer.from(recordKey, 'base64'),
        }) as ReceivedEvent,
    );
    const { ordering } = this.#oracle.truth(key).options;
    this.#oracle.note(`called for ${key}`, records.map(({ offset }) => offset).join());
    this.#oracle.onGiven(key, batch);
    if (ordering === 'key') {
      const pk = key.slice(key.indexOf(' ') + 1);
      this.#oracle.onGivenByKey(key, batch, this.#keys.get(pk)!);
    }
  }

  #handle(key: string, records: readonly EventRecord[], fate: string, window: EventWindow | null = null): InvokeAnswer {
    const { reportBatchItemFailures } = this.#oracle.truth(key).options;
    const isBad = ({ value }: EventRecord) =>
      (!this.isMended && Buffer.from(value, 'base64').toString().startsWith('poison')) ||
      (fate === 'some' && this.#dice.chance(0.3));
    const bad = records.filter(isBad);
    const error = { kind: 'failed', errorType: 'Error', errorMessage: 'no', stack: '' } as const;
    if (fate === 'throws' || (bad.length > 0 && !reportBatchItemFailures)) return error;
    if (window?.isFinal) {
      this.#oracle.windows.onTaken(key, window.startMs, window.state);
      return { kind: 'returned', payload: 'null' };
    }
    const good = records.filter((record) => !bad.includes(record));
    const firstBad = records.findIndex((record) => bad.includes(record));
    const counted = (firstBad < 0 ? records : records.slice(0, firstBad)).map(({ offset }) => offset);
    const state = window && { state: { offsets: [...(window.state.offsets ?? []), ...counted] } };
    this.#oracle.onHandled(
      key,
      good.map(({ offset }) => BigInt(offset)),
    );
    if (!reportBatchItemFailures) return { kind: 'returned', payload: JSON.stringify(state) };
    const batchItemFailures = bad.map(({ topic, partition, offset }) => ({
      itemIdentifier: { partition: `${topic}-${partition}`, offset },
    }));
    return { kind: 'returned', payload: JSON.stringify({ ...state, batchItemFailures }) };
  }
}

/** The name of a truth begins with its group. */
const groupOf = (key: string): string => key.slice(0, key.indexOf(' '));

/** What a function is told of a tumbling window. */
interface EventWindow {
  readonly startMs: number;
  readonly isFinal: boolean;
  readonly state: CountedState;
}

function eventOf(payload: string): { readonly records: readonly EventRecord[]; readonly window: EventWindow | null } {
  const event = JSON.parse(payload) as {
    readonly records: Readonly<Record<string, readonly EventRecord[]>>;
    readonly window?: { readonly start: string };
    readonly state: CountedState;
    readonly isFinalInvokeForWindow: boolean;
  };
  const { window, state, isFinalInvokeForWindow: isFinal } = event;
  const records = Object.values(event.records).flat();
  return { records, window: window === undefined ? null : { startMs: Date.parse(window.start), isFinal, state } };
}
