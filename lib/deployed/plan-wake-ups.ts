/**
 * Who sees to what has its time: a pure decision. Scheduler is precise to a minute, and costs nothing while it waits; a function that sleeps is precise to milliseconds, and is paid for. So what comes soon is slept for by the releaser, and what
 * comes later is booked with Scheduler, which calls the releaser a minute before.
 */
import { createHash } from 'node:crypto';
import { partitionPk } from '../log/partition-key.ts';
import { releaserPayload, type WakeUp } from './releaser-event.ts';

/** What comes within this is slept for. */
export const SLEEP_MS = 90_000;
/** Scheduler calls up to 60 seconds late (EventBridge Scheduler user guide, "Schedule types"), and the function has to start. */
export const EARLY_MS = 65_000;
/** Wake-ups of one call: some 100 KB of an event that may have 256. */
const PER_CALL = 500;

/** A call that is to be booked, as `OneTimeSchedules` takes it. */
export interface PlannedCall {
  readonly name: string;
  readonly atMs: number;
  readonly payload: string;
}

/** What has its time. */
export interface TimedWork {
  readonly wakeUps: readonly WakeUp[];
  /** Beginnings of minutes in which delayed records are due. */
  readonly minutesMs: readonly number[];
}

/** What is to be done about it. */
export interface WakeUpPlan {
  /** Events of the releaser, for now. */
  readonly now: readonly string[];
  readonly later: readonly PlannedCall[];
  /** Some minute is near, or has begun. */
  readonly release: boolean;
}

/** See the top of this file. */
export function planWakeUps({ wakeUps, minutesMs }: TimedWork, nowMs: number): WakeUpPlan {
  const isNear = (atMs: number) => atMs <= nowMs + SLEEP_MS;
  const near = wakeUps.filter(({ atMs }) => isNear(atMs));
  const now = Array.from({ length: Math.ceil(near.length / PER_CALL) }, (_, call) =>
    releaserPayload({ wakeUps: near.slice(call * PER_CALL, (call + 1) * PER_CALL), release: false }),
  );
  const farMinutes = new Set(minutesMs.filter((minuteMs) => !isNear(minuteMs)));
  const farWakeUps = new Map(wakeUps.filter(({ atMs }) => !isNear(atMs)).map((one) => [wakeUpName(one), one]));
  return {
    now,
    release: minutesMs.some(isNear),
    later: [
      ...[...farWakeUps].map(([name, one]) => ({
        name,
        atMs: one.atMs - EARLY_MS,
        payload: releaserPayload({ wakeUps: [one], release: false }),
      })),
      ...[...farMinutes].map((minuteMs) => ({
        name: `due-${minuteMs}`,
        atMs: minuteMs - EARLY_MS,
        payload: releaserPayload({ wakeUps: [], release: true }),
      })),
    ],
  };
}

/** Of the same wake-up it is the same, so that it is booked once however often it is heard of. */
function wakeUpName({ group, partition, atMs }: WakeUp): string {
  const place = createHash('sha256')
    .update(`${partitionPk(partition)} ${group}`)
    .digest('hex');
  return `wake-${place.slice(0, 40)}-${atMs}`;
}
