/**
 * Idempotent producers that send again whatever they were not told of, to gateways that come and go, over a store that loses, repeats and delays requests: what they were told stands once, at the
 * place that they were told, in their order.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import type { Appender } from '../../lib/log/appender.ts';
import { Fetcher } from '../../lib/log/fetcher.ts';
import { decodeBatch } from '../../lib/record/decode-batch.ts';
import { fractions, seededFaults } from './faulty-store.ts';
import { batchOf, type LogStage, large, logStage } from './log-stage.ts';

const PRODUCERS = 3;
const BATCHES = 8;
/** As clients keep under way. */
const IN_FLIGHT = 5;
const ROUNDS = 60;

/** A client: at most five batches under way, in order, each again until it is told; sometimes it does not hear, and sometimes it has gone to another gateway meanwhile. */
class IdempotentClient {
  readonly acknowledged: (bigint | null)[] = new Array(BATCHES).fill(null);
  readonly #producerId: bigint;
  readonly #fraction: () => number;

  constructor(producerId: bigint, fraction: () => number) {
    this.#producerId = producerId;
    this.#fraction = fraction;
  }

  get isDone(): boolean {
    return !this.acknowledged.includes(null);
  }

  /** Sends what comes next through some gateways, and takes in what it is told. */
  async round(stage: LogStage, appenders: readonly Appender[]): Promise<void> {
    const through = this.#fraction() < 0.5 ? appenders : [appenders[Math.floor(this.#fraction() * appenders.length)]!];
    const first = this.acknowledged.indexOf(null);
    const sequences = this.acknowledged.flatMap((offset, sequence) =>
      offset === null && sequence < first + IN_FLIGHT ? [sequence] : [],
    );
    await Promise.all(
      through.flatMap((appender) => sequences.map((sequence) => this.#send(stage, appender, sequence))),
    );
  }

  async #send(stage: LogStage, appender: Appender, sequence: number): Promise<void> {
    const value = `${this.#producerId}/${sequence}`;
    const of = { producerId: this.#producerId, producerEpoch: 0, baseSequence: sequence };
    const batches = batchOf([sequence % 2 === 0 ? value : large(value)], [], of);
    const hears = this.#fraction() < 0.6;
    try {
      const { baseOffset } = await appender.append({ target: stage.target(), batches, isSequenced: true });
      // A batch has one place, whoever tells it.
      if (this.acknowledged[sequence] !== null) expect(baseOffset).toBe(this.acknowledged[sequence]);
      if (hears) this.acknowledged[sequence] = baseOffset;
    } catch (error) {
      // A batch behind one that failed is out of order until that is there: it is sent again, as a client does.
      if (!(error instanceof MillraceError)) throw error;
    }
  }
}

async function run(seed: number): Promise<void> {
  const plan = seededFaults({ seed, probability: 0.25 });
  const stage = await logStage({ plan });
  const fraction = fractions(seed ^ 0x5eed);
  const appenders = [stage.appender({ deliveryTimeoutMs: 3_000 }), stage.appender({ deliveryTimeoutMs: 3_000 })];
  const clients = Array.from({ length: PRODUCERS }, (_, index) => new IdempotentClient(BigInt(index + 1), fraction));
  let heard = 0;
  for (let round = 0; round < ROUNDS && clients.some(({ isDone }) => !isDone); round++) {
    // A gateway dies with what it knows, and another one is there.
    if (fraction() < 0.2) appenders[Math.floor(fraction() * 2)] = stage.appender({ deliveryTimeoutMs: 3_000 });
    await Promise.all(clients.map((client) => client.round(stage, appenders)));
    if (fraction() < 0.3) await stage.fill([batchOf(['of nobody'])]);
    if (fraction() < 0.2) await stage.roll();
    const late = stage.faulty.late.slice(heard);
    heard += late.length;
    for (const one of late) if (fraction() < 0.5) await one.release();
  }
  await check(stage, clients);
}

async function check(stage: LogStage, clients: readonly IdempotentClient[]): Promise<void> {
  const { start } = await stage.head();
  const fetcher = new Fetcher({ store: stage.base, clock: stage.clock, random: stage.random });
  const read = { partition: stage.partition(), domain: 'shared', offset: start, maxBytes: 1e8 };
  const [result] = await fetcher.fetch([read], { maxBytes: 1e8, consistent: true });
  if (result!.outcome === 'failed') throw result!.error;
  const records = result!.batches.flatMap((bytes) => [...decodeBatch(bytes)]);
  const texts = records.map(({ value }) => Buffer.from(value!).toString().replace(/\.+$/, ''));
  for (const [index, client] of clients.entries()) {
    const own = texts.filter((text) => text.startsWith(`${index + 1}/`));
    // Once each, and in order: a later one never without those before it.
    expect(own).toEqual(Array.from({ length: own.length }, (_, sequence) => `${index + 1}/${sequence}`));
    for (const [sequence, offset] of client.acknowledged.entries()) {
      if (offset !== null) expect(texts[Number(offset)]).toBe(`${index + 1}/${sequence}`);
    }
  }
}

describe('idempotent producers over gateways that come and go', () => {
  it('have what they were told of once, in order, at its place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => run(seed)),
      { numRuns: 60 },
    );
  }, 60_000);
});
