import type { VirtualTime } from '../log/simulation/virtual-time.ts';
import type { RunRecorder } from './run-recorder.ts';

/** A simulated run, as far as time passes in it. */
export interface PassingRun {
  readonly time: VirtualTime;
  readonly oracle: Pick<RunRecorder, 'violation' | 'expect'>;
}

/** How long a run goes on. */
export interface UntilOptions {
  /** From now. */
  readonly limitMs: number;
  /** A run of more goes round in a circle. */
  readonly maxEvents: number;
}

/** Lets time pass in a run until `isOver`, or for as long as it may; false when that was too short. A run in which a rule was broken is over. */
export async function runUntil(
  { time, oracle }: PassingRun,
  { limitMs, maxEvents }: UntilOptions,
  isOver: () => boolean,
): Promise<boolean> {
  const endMs = time.nowMs + limitMs;
  while (!isOver() && oracle.violation === null) {
    if (!(await time.step(endMs))) return isOver();
    oracle.expect(time.eventCount < maxEvents, 'Progress', () => 'the run goes round in a circle');
  }
  return true;
}
