/**
 * What a worker remembers of a partition beside the committed offset, so that the next one goes on where it ended. Stored with the lease as JSON with short names, since every update pays for it; '' where there is nothing to remember.
 */
import { MillraceError } from '../errors.ts';
import type { Reservation } from './limits/rate-plan.ts';
import { formatRanges, type OffsetRange, parseRanges } from './offset-ranges.ts';
import type { WindowProgress } from './tumbling-window.ts';

/** A record that failed and is to be given again. */
export interface FailedRecord {
  readonly offset: bigint;
  /** How often it failed. */
  readonly failures: number;
  /** Not again before this. */
  readonly notBeforeMs: number;
  /** What stands for its key where what follows it under its key waits for it, see `keyHash`; null: nothing waits. */
  readonly key: number | null;
}

/** See the module comment. */
export interface Progress extends WindowProgress {
  /** At or above the committed offset: dealt with. */
  readonly done: readonly OffsetRange[];
  /** By offset. With the ordering `partition` at most one. */
  readonly failed: readonly FailedRecord[];
  /** Records from the committed offset up to this were given together, and failed as a whole; null: none. */
  readonly suspectEnd: bigint | null;
  /** Records given up in a row, none having succeeded between them. */
  readonly givenUpInARow: number;
  /** Calls of the function in a row that did not take place: it was throttled, not there, or not reached. */
  readonly refusedInARow: number;
  /** Where something waits: everything up to this was looked at, so that only what lies behind it is news. Null: nothing waits, or nothing more can be taken in until it is done. */
  readonly seenEnd: bigint | null;
  /** When the oldest record that waits for its batch to be full was seen; null: none waits. */
  readonly windowSinceMs: number | null;
  /** Where something waits: the version of the subscription by whose options it does. Null: nothing waits. */
  readonly waitsUnder: number | null;
  /** Records that may be given at a time, by a limit of so many a second; null: none. */
  readonly reserved: Reservation | null;
  /** Nothing may be given before somebody else has stopped calling the function. */
  readonly waitsForSlot: boolean;
  /** What went wrong last, for people. */
  readonly error: string;
}

/** Nothing to remember. */
export const NO_PROGRESS: Progress = {
  done: [],
  failed: [],
  suspectEnd: null,
  givenUpInARow: 0,
  refusedInARow: 0,
  seenEnd: null,
  windowSinceMs: null,
  waitsUnder: null,
  reserved: null,
  waitsForSlot: false,
  window: null,
  windowFloorMs: null,
  error: '',
};

/** As much of an error as is kept. */
const ERROR_CHARACTERS = 300;

interface Stored {
  /** from, to, from, to, … */
  readonly d?: readonly string[];
  readonly f?: readonly (readonly [offset: string, failures: number, notBeforeMs: number, key: number | null])[];
  readonly s?: string;
  readonly g?: number;
  readonly b?: number;
  readonly n?: string;
  readonly w?: number;
  readonly v?: number;
  readonly r?: readonly [records: number, atMs: number, rate: number];
  readonly c?: 1;
  readonly e?: string;
  readonly t?: readonly [startMs: number, endMs: number, failures: number, state: unknown];
  readonly u?: number;
}

/** The stored form. */
export function formatProgress(progress: Progress): string {
  const { done, failed, suspectEnd, givenUpInARow, seenEnd, windowSinceMs, waitsUnder, reserved, waitsForSlot, error } =
    progress;
  const { window, windowFloorMs, refusedInARow } = progress;
  const stored: Stored = {
    ...(done.length > 0 && { d: formatRanges(done) }),
    ...(failed.length > 0 && {
      f: failed.map(({ offset, failures, notBeforeMs, key }) => [`${offset}`, failures, notBeforeMs, key] as const),
    }),
    ...(suspectEnd !== null && { s: `${suspectEnd}` }),
    ...(givenUpInARow > 0 && { g: givenUpInARow }),
    ...(refusedInARow > 0 && { b: refusedInARow }),
    ...(seenEnd !== null && { n: `${seenEnd}` }),
    ...(windowSinceMs !== null && { w: windowSinceMs }),
    ...(waitsUnder !== null && { v: waitsUnder }),
    ...(reserved !== null && { r: [reserved.records, reserved.atMs, reserved.rate] as const }),
    ...(waitsForSlot && { c: 1 as const }),
    ...(window !== null && { t: [window.startMs, window.endMs, window.failures, window.state] as const }),
    ...(windowFloorMs !== null && { u: windowFloorMs }),
    ...(error !== '' && { e: error.slice(0, ERROR_CHARACTERS).toWellFormed() }),
  };
  return Object.keys(stored).length === 0 ? '' : JSON.stringify(stored);
}

/** Throws CORRUPT_OBJECT for a text that `formatProgress` did not make. */
export function parseProgress(text: string): Progress {
  if (text === '') return NO_PROGRESS;
  try {
    const {
      d = [],
      f = [],
      s,
      g = 0,
      b = 0,
      n,
      w = null,
      v = null,
      r,
      c,
      e = '',
      t,
      u = null,
    } = JSON.parse(text) as Stored;
    return {
      done: parseRanges(d),
      failed: f.map(([offset, failures, notBeforeMs, key]) => ({ offset: BigInt(offset), failures, notBeforeMs, key })),
      suspectEnd: s === undefined ? null : BigInt(s),
      givenUpInARow: g,
      refusedInARow: b,
      seenEnd: n === undefined ? null : BigInt(n),
      windowSinceMs: w,
      waitsUnder: v,
      reserved: r === undefined ? null : { records: r[0], atMs: r[1], rate: r[2] },
      waitsForSlot: c === 1,
      window: t === undefined ? null : { startMs: t[0], endMs: t[1], failures: t[2], state: t[3] },
      windowFloorMs: u,
      error: e,
    };
  } catch (cause) {
    throw badProgress(text, cause);
  }
}

/** The error for a stored progress that makes no sense. */
export function badProgress(text: string, cause: unknown): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', 'what a worker had remembered makes no sense', {
    value: text.slice(0, 256),
    hint: 'The item was changed by something else than Millrace; seek the subscription to go on.',
    cause,
  });
}
