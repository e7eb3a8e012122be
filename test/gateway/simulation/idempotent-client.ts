/**
 * A producer of Kafka that numbers its records in a partition: at most five batches under way, in order, each again until it is told where it stands, now through one gateway, now through another.
 *
 * Connections keep the order of what is sent over them. They break, and what was sent last is lost; answers are lost; all that a connection holds comes late, when it was sent again long since, or once more.
 */
import type { KafkaErrorName } from '../../../lib/gateway/protocol/error-codes.ts';
import { encodeBatch } from '../../../lib/record/encode-batch.ts';
import type { Oracle } from '../../log/simulation/oracle.ts';
import type { PartitionTruth } from '../../log/simulation/partition-truth.ts';
import { type Dice, type Process, START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';
import type { ProduceAnswer, ProduceGateway } from './produce-gateway.ts';

/** What it needs. */
export interface IdempotentClientParts {
  readonly process: Process;
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly oracle: Oracle;
  readonly way: RequestWay;
  /** Those that live. */
  readonly gateways: () => readonly ProduceGateway[];
  readonly topic: string;
  readonly truth: PartitionTruth;
  readonly producerId: bigint;
  readonly batchCount: number;
  readonly faultProbability: number;
}

interface Batch {
  readonly values: readonly string[];
  readonly baseSequence: number;
  readonly records: Uint8Array;
  baseOffset: bigint | null;
}

const IN_FLIGHT = 5;
const ANSWER_MS = 3_000;

/** See the top of this file. */
export class IdempotentClient {
  readonly #parts: IdempotentClientParts;
  readonly #batches: readonly Batch[];

  constructor(parts: IdempotentClientParts) {
    this.#parts = parts;
    const { dice, process, producerId, batchCount } = parts;
    let baseSequence = 0;
    this.#batches = Array.from({ length: batchCount }, (): Batch => {
      const count = dice.between(1, 3);
      const values = Array.from({ length: count }, (_, index) => `${process.name}/${baseSequence + index}`);
      const padBytes = dice.chance(0.5) ? 0 : dice.between(1, 500);
      const records = encodeBatch(
        values.map((value) => ({
          key: null,
          value: Buffer.from(value.padEnd(value.length + padBytes)),
          headers: [],
          timestampMs: BigInt(START_MS + dice.between(0, 5_000)),
        })),
        { producerId, producerEpoch: 0, baseSequence },
      );
      const batch = { values, baseSequence, records, baseOffset: null };
      baseSequence += count;
      return batch;
    });
  }

  get name(): string {
    return this.#parts.process.name;
  }

  get isDone(): boolean {
    return this.#batches.every(({ baseOffset }) => baseOffset !== null);
  }

  /** Sends until everything is told. */
  async run(): Promise<void> {
    const { dice, process, gateways } = this.#parts;
    let gateway: ProduceGateway | null = null;
    while (!this.isDone) {
      const living = gateways();
      if (gateway === null || !living.includes(gateway) || dice.chance(0.1)) gateway = dice.pick(living);
      const first = this.#batches.findIndex(({ baseOffset }) => baseOffset === null);
      const window = this.#batches.slice(first, first + dice.between(1, IN_FLIGHT));
      const sent = window.filter(({ baseOffset }) => baseOffset === null);
      const through = gateway;
      const heard = await this.#connect(through, sent);
      // Whoever is not answered connects to another.
      if (heard.includes(null)) gateway = null;
      if (!this.isDone) await process.sleep(dice.magnitude(1, 300));
    }
  }

  /** Sends some batches over one connection: what it was told of each, null when it heard nothing. */
  #connect(gateway: ProduceGateway, batches: readonly Batch[]): Promise<readonly (ProduceAnswer | null)[]> {
    const { dice, way, oracle, process, faultProbability } = this.#parts;
    const isFaulty = !way.calm && dice.chance(faultProbability);
    const fault = isFaulty ? dice.pick(['request lost', 'answer lost', 'late', 'twice'] as const) : 'none';
    if (isFaulty) oracle.count(fault);
    const brokenFrom = isFaulty ? dice.between(0, batches.length - 1) : batches.length;
    const lateMs = fault === 'late' ? dice.between(1_000, 20_000) : 0;
    const againMs = dice.between(1, 5_000);
    let waitMs = 0;
    return Promise.all(
      batches.map((batch, place) => {
        // Some come when those before them are decided, and their client does not know it yet.
        waitMs += dice.chance(0.15) ? dice.between(1, 600) : dice.between(0, 2);
        const isBroken = place >= brokenFrom;
        const what = isBroken ? fault : 'none';
        oracle.note(`${process.name} sends ${batch.values[0]} to ${gateway.process.name}, ${what}`, null);
        const arrivals = what === 'request lost' ? [] : [waitMs + (isBroken ? lateMs : 0)];
        if (fault === 'twice') arrivals.push(waitMs + againMs);
        return this.#send(gateway, batch, { arrivals, isHeard: what !== 'answer lost' });
      }),
    );
  }

  #send(
    gateway: ProduceGateway,
    batch: Batch,
    { arrivals, isHeard }: { readonly arrivals: readonly number[]; readonly isHeard: boolean },
  ): Promise<ProduceAnswer | null> {
    const { time, dice, process } = this.#parts;
    return new Promise((resolve) => {
      time.schedule(ANSWER_MS, () => process.whenRunning(() => resolve(null)));
      const answer = (told: ProduceAnswer) => {
        if (isHeard) time.schedule(dice.between(0, 5), () => process.whenRunning(() => resolve(told)));
      };
      const arrive = () => gateway.process.whenRunning(() => void this.#arrive(gateway, batch).then(answer));
      for (const atMs of arrivals) time.schedule(atMs, arrive);
    });
  }

  async #arrive(gateway: ProduceGateway, batch: Batch): Promise<ProduceAnswer> {
    const { oracle, truth, topic } = this.#parts;
    const { partition } = truth.partition;
    const before = this.#standing();
    const told = await gateway.produce({ topic, partition, records: batch.records, timeoutMs: 30_000 });
    oracle.note(`${batch.values[0]} is told ${told.error} ${told.baseOffset}`, null);
    oracle.count(told.error === 'NONE' ? 'acked' : told.error);
    if (told.error === 'NONE') this.#acknowledged(batch, told.baseOffset);
    else this.#refused(batch, told.error, before);
    return told;
  }

  #acknowledged(batch: Batch, baseOffset: bigint): void {
    const { oracle, truth } = this.#parts;
    const stands = batch.values.every((value, index) => truth.records[Number(baseOffset) + index] === value);
    oracle.expect(stands, 'Acknowledged', () => `${batch.values[0]} is not at ${baseOffset}`);
    const isSame = batch.baseOffset === null || batch.baseOffset === baseOffset;
    oracle.expect(isSame, 'Once', () => `${batch.values[0]} was at ${batch.baseOffset}, and is told ${baseOffset}`);
    batch.baseOffset = baseOffset;
  }

  #refused({ values, baseSequence }: Batch, error: KafkaErrorName, before: number): void {
    const { oracle } = this.#parts;
    oracle.expect(!FINAL.has(error), 'Answer', () => `${values[0]} was told ${error}`);
    // It was the next all the time from when it came until it was answered.
    const wasNext = before === baseSequence && this.#standing() === baseSequence;
    const isTrue = error !== 'OUT_OF_ORDER_SEQUENCE_NUMBER' || !wasNext;
    oracle.expect(isTrue, 'Answer', () => `${values[0]} is called out of order, and is the next`);
  }

  /** Records of it that are there. */
  #standing(): number {
    const { truth, process } = this.#parts;
    return truth.records.filter((value) => value.startsWith(`${process.name}/`)).length;
  }

  /** Once each, in order, and all that were told of where they were told. */
  check(): void {
    const { oracle, truth, process } = this.#parts;
    const own = truth.records.filter((value) => value.startsWith(`${process.name}/`));
    const all = this.#batches.flatMap(({ values }) => values);
    oracle.expect(own.join() === all.join(), 'Producer order', () => `${process.name}: ${own.join()}`);
  }
}

/** Nothing of the kind has been sent: a client that is told so ends. */
const FINAL = new Set<KafkaErrorName>([
  'UNKNOWN_SERVER_ERROR',
  'INVALID_RECORD',
  'CORRUPT_MESSAGE',
  'INVALID_PRODUCER_EPOCH',
]);
