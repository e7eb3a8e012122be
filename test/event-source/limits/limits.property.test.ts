import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reserveTransition } from '../../../lib/event-source/limits/limit-transitions.ts';
import {
  burstRecords,
  costUs,
  LATE_MS,
  type Reservation,
  reservationOf,
  stateOf,
} from '../../../lib/event-source/limits/rate-plan.ts';
import type { RecordRate } from '../../../lib/event-source/limits/record-rate.ts';
import { freeSlots, SLOT_MARGIN_MS, takeSlots } from '../../../lib/event-source/limits/slot-decisions.ts';
import { NO_SLOTS, type Slots, slotsFromItem, slotsToItem } from '../../../lib/event-source/limits/slots.ts';

const PARTITIONS = 6;
const step = fc.record({
  partition: fc.integer({ min: 0, max: PARTITIONS - 1 }),
  what: fc.constantFrom('take', 'take', 'take', 'free', 'queue', 'die'),
  wanted: fc.integer({ min: 1, max: 3 }),
  passMs: fc.constantFrom(0, 10, 1_000, 13_000),
});

describe('slots, whatever happens', () => {
  it('are never more than the limit, and nobody overtakes one who waits', () => {
    const run = fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 80 }), (limit, steps) => {
      let slots: Slots = NO_SLOTS;
      let nowMs = 0;
      const epochs = Array<number>(PARTITIONS).fill(1);
      const running = new Map<string, { readonly calls: number; readonly untilMs: number }>();
      for (const { partition, what, wanted, passMs } of steps) {
        nowMs += passMs;
        const worker = { group: 'g', topicId: 't', partition, epoch: epochs[partition]! };
        const before = slots.waiting.map((one) => one.partition);
        if (what === 'take') {
          const expiresAtMs = nowMs + 10_000;
          const grant = takeSlots(slots, worker, { limit, wanted, nowMs, expiresAtMs });
          const isNew = !running.has(`${partition}#${worker.epoch}`);
          // Whoever gets one had it kept, or nobody who waited before is still waiting.
          if (grant.calls > 0 && isNew && before.includes(partition)) {
            const [earliest] = before;
            const still = grant.slots.waiting.map((one) => one.partition);
            expect(earliest === partition || !still.includes(earliest!)).toBe(true);
          }
          if (grant.calls > 0)
            running.set(`${partition}#${worker.epoch}`, { calls: grant.calls, untilMs: expiresAtMs });
          ({ slots } = grant);
        } else if (what === 'die') {
          epochs[partition]! += 1;
        } else {
          running.delete(`${partition}#${worker.epoch}`);
          ({ slots } = freeSlots(slots, worker, { limit, nowMs, isQueueing: what === 'queue' }));
        }
        for (const [name, { untilMs }] of running) if (untilMs + SLOT_MARGIN_MS <= nowMs) running.delete(name);
        const calls = [...running.values()].reduce((sum, one) => sum + one.calls, 0);
        expect(calls).toBeLessThanOrEqual(limit);
        const places = slots.waiting.map((one) => one.partition);
        expect(new Set(places).size).toBe(places.length);
        expect(slotsFromItem(slotsToItem(slots))).toEqual(slots);
      }
    });
    fc.assert(run, { numRuns: 500 });
  });
});

const grantStep = fc.record({
  records: fc.integer({ min: 1, max: 400 }),
  passMs: fc.constantFrom(0, 1, 7, 300, 999, 5_000),
  lateMs: fc.integer({ min: 0, max: 2_000 }),
});

describe('a rate, whatever is reserved', () => {
  it('is never exceeded in any window by more than a burst, and what may come late', () => {
    const rates = fc.constantFrom(0.05, 0.4, 1, 1.5, 3, 20, 333.3, 1_000);
    const run = fc.property(rates, fc.array(grantStep, { maxLength: 60 }), (rate, steps) => {
      let current: RecordRate | undefined;
      let nowMs = 1_764_000_000_000;
      const reserved: { readonly reservation: Reservation; readonly useMs: number }[] = [];
      for (const { records, passMs, lateMs } of steps) {
        nowMs += passMs;
        const asked = Math.min(records, burstRecords(rate));
        current = reserveTransition(current, { nowUs: nowMs * 1_000, costUs: costUs(rate, asked), seenUs: 0 });
        const reservation = reservationOf(asked, rate, { nowMs, nextUs: current.nextUs });
        expect(stateOf(reservation, { nowMs: reservation.atMs - 1, recordsPerSecond: rate })).toBe('wait');
        reserved.push({ reservation, useMs: reservation.atMs + lateMs });
      }
      const used = reserved
        .filter(({ reservation, useMs }) => stateOf(reservation, { nowMs: useMs, recordsPerSecond: rate }) === 'use')
        .map(({ reservation, useMs }) => ({ atMs: useMs, records: reservation.records }))
        .sort((left, right) => left.atMs - right.atMs);
      const burst = Math.max(1, rate);
      for (const [from, first] of used.entries()) {
        let sum = 0;
        for (const one of used.slice(from)) {
          sum += one.records;
          const windowMs = one.atMs - first.atMs + 1;
          expect(sum).toBeLessThanOrEqual((rate * (windowMs + LATE_MS)) / 1_000 + burst + 1e-6);
        }
      }
    });
    fc.assert(run, { numRuns: 500 });
  });

  it('is reached: what was reserved stands as close as the rate allows', () => {
    let current: RecordRate | undefined;
    let last = 0;
    for (let n = 0; n < 100; n++) {
      current = reserveTransition(current, { nowUs: 0, costUs: costUs(50, 10), seenUs: 0 });
      last = reservationOf(10, 50, { nowMs: 0, nextUs: current.nextUs }).atMs;
    }
    // A thousand records at fifty a second, of which the first fifty come at once.
    expect(last).toBe(19_000);
  });
});
