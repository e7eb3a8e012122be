import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { faultyStore, seededFaults } from '../log/faulty-store.ts';
import { codeOf, openStage, readAll, TOPIC } from './client-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

const PARTITIONS = 3;

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      partition: fc.nat(PARTITIONS - 1),
      sizeBytes: fc.nat(2500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('room' as const) }) },
);

const options = fc.record({
  batchBytes: fc.integer({ min: 100, max: 4000 }),
  lingerMs: fc.constantFrom(0, 0, 5, 50),
  bufferMemoryBytes: fc.constantFrom(20_000, 60_000, 1_000_000),
  compression: fc.constantFrom('none' as const, 'lz4' as const),
  maxPutsInFlight: fc.integer({ min: 1, max: 4 }),
});

interface Sent {
  readonly partition: number;
  readonly text: string;
  /** The offset, or the code of the error. */
  readonly outcome: unknown;
}

/** Sends by the steps, not awaiting them, and tells what came of each and what is in the log then. */
async function run(
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
  producerOptions: object,
  wrap?: Parameters<typeof openStage>[0],
) {
  const clock = new VirtualClock({ jumps: true });
  const stage = await openStage({ ...wrap, clock, partitionCount: PARTITIONS });
  const producer = stage.millrace.producer({ ...producerOptions, maxBlockMs: 600_000 });
  const sends: Promise<Sent>[] = [];
  for (const [n, one] of steps.entries()) {
    if (one.kind === 'flush') void producer.flush();
    else if (one.kind === 'wait') await clock.sleep(one.ms);
    else if (one.kind === 'room') await producer.room();
    else {
      const { partition } = one;
      const text = `${n}`.padEnd(one.sizeBytes + 1);
      const outcome = codeOf(producer.send({ topic: TOPIC, partition, value: text }).then(({ offset }) => offset));
      sends.push(outcome.then((known) => ({ partition, text, outcome: known })));
    }
  }
  await producer.close();
  const sent = await Promise.all(sends);
  expect(producer.bufferedBytes).toBe(0);
  const log = await readAll(stage);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    sent: sent.filter((one) => one.partition === partition),
    log: log.filter((record) => record.partition === partition).map((record) => record.text()!),
  }));
  return { partitions };
}

describe('whatever is sent, in whatever interleaving', () => {
  it('stands in its partition in the order of the sends, once, at the offsets that were told', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), options, async (steps, producerOptions) => {
        const { partitions } = await run(steps, producerOptions);
        for (const { sent, log } of partitions) {
          expect(log).toEqual(sent.map(({ text }) => text));
          expect(sent.map(({ outcome }) => outcome)).toEqual(log.map((_, offset) => BigInt(offset)));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is neither lost nor doubled nor reordered by lost, late, repeated and refused requests', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), options, fc.nat(), async (steps, producerOptions, seed) => {
        const { partitions } = await run(steps, producerOptions, {
          wrap: (store, clock) => faultyStore(store, { clock, plan: seededFaults({ seed, probability: 0.15 }) }).store,
        });
        for (const { sent, log } of partitions) {
          const acknowledged = sent.filter(({ outcome }) => typeof outcome === 'bigint');
          for (const { text, outcome } of acknowledged) expect(log[Number(outcome)]).toBe(text);
          expect(new Set(log).size).toBe(log.length);
          const order = sent.map(({ text }) => text);
          const places = log.map((text) => order.indexOf(text));
          expect(places).toEqual(places.toSorted((a, b) => a - b));
          const notThere = sent.filter(({ outcome }) => outcome === 'NOT_COMMITTED').map(({ text }) => text);
          expect(notThere.filter((text) => log.includes(text))).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('has no gap before the first failure of its partition that was told, when a store goes away', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60 }),
        options,
        fc.nat(40),
        async (steps, producerOptions, downFrom) => {
          let puts = 0;
          const { partitions } = await run(
            steps,
            { ...producerOptions, deliveryTimeoutMs: 100 },
            {
              wrap: (store, clock) =>
                faultyStore(store, {
                  clock,
                  onCall: ({ operation }) => {
                    if (operation !== 'objects.put' && operation !== 'heads.commit') return;
                    puts += 1;
                    if (puts > downFrom) throw new MillraceError('STORE_UNAVAILABLE', 'down');
                  },
                }).store,
            },
          );
          for (const { sent, log } of partitions) {
            const firstFailure = sent.findIndex(({ outcome }) => typeof outcome !== 'bigint');
            const before = firstFailure < 0 ? sent : sent.slice(0, firstFailure);
            expect(log).toEqual(before.map(({ text }) => text));
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
