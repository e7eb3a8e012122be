/**
 * What must hold of tumbling windows: each record is in the state of one window exactly, and no window ends before its function has taken its state. It believes what the store holds: a state counts once the window is closed there, since a worker that
 * has stood still may call a function with an old one.
 */
import { parseProgress } from '../../../lib/event-source/progress.ts';
import type { OpenWindow } from '../../../lib/event-source/tumbling-window.ts';
import type { RunRecorder } from '../../simulate/run-recorder.ts';

/** Clocks are wrong by so much at most. */
const SKEW_MS = 1_000;

/** What functions of the simulation hand on: the offsets that they have counted. */
export interface CountedState {
  readonly offsets?: readonly number[];
}

interface Watched {
  /** As it was stored last. */
  window: OpenWindow | null;
  readonly counted: Set<number>;
  readonly closed: Set<number>;
}

/** See the top of this file. */
export class WindowsOracle {
  readonly #recorder: RunRecorder;
  readonly #watched = new Map<string, Watched>();
  /** States that a function has taken at the end of a window, or that were given up. */
  readonly #taken = new Set<string>();
  /** By partition and offset: the time of a record. */
  readonly #times = new Map<string, number>();

  constructor(recorder: RunRecorder) {
    this.#recorder = recorder;
  }

  add(key: string): void {
    this.#watched.set(key, { window: null, counted: new Set(), closed: new Set() });
  }

  /** A record is in the log; `place` is what stands behind the group in the keys. */
  know(place: string, offset: bigint, atMs: number): void {
    this.#times.set(`${place} ${offset}`, atMs);
  }

  /** A function was called for the end of a window and has ended well, or the state was given up. */
  onTaken(key: string, startMs: number, state: unknown): void {
    this.#recorder.count('window ends');
    this.#taken.add(`${key} ${startMs} ${JSON.stringify(state)}`);
  }

  /** A batch is handed over: none of it is in the state. */
  onGiven(key: string, offsets: readonly number[], { offsets: counted = [] }: CountedState): void {
    const twice = offsets.find((offset) => counted.includes(offset));
    this.#recorder.expect(twice === undefined, 'Window once', () => `${twice} of ${key} is in the state already`);
  }

  /** The lease of a partition was changed. */
  onStored(key: string, progress: string): void {
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    const { window } = parseProgress(progress);
    const before = watched.window;
    watched.window = window;
    if (before !== null && before.startMs !== window?.startMs) this.#close(key, watched, before);
  }

  #close(key: string, { counted, closed }: Watched, { startMs, endMs, state }: OpenWindow): void {
    const expect = this.#recorder.expect.bind(this.#recorder);
    expect(!closed.has(startMs), 'Window once', () => `the window ${startMs} of ${key} ends twice`);
    closed.add(startMs);
    const isTaken = this.#taken.has(`${key} ${startMs} ${JSON.stringify(state)}`);
    expect(isTaken, 'Window end', () => `the window ${startMs} of ${key} is closed, and nobody has taken its state`);
    for (const offset of (state as CountedState).offsets ?? []) {
      expect(!counted.has(offset), 'Window once', () => `${offset} of ${key} is in two windows`);
      counted.add(offset);
      const atMs = this.#times.get(`${key.slice(key.indexOf(' ') + 1)} ${offset}`)!;
      expect(
        atMs < endMs + SKEW_MS,
        'Window time',
        () => `${offset} of ${key} came ${atMs - endMs} ms behind its window`,
      );
    }
  }

  /** Somebody sought: states are forgotten. */
  onSeek(key: string): void {
    if (this.#watched.has(key)) this.add(key);
  }

  /** Whether a window is open. */
  isOpen(key: string): boolean {
    return (this.#watched.get(key)?.window ?? null) !== null;
  }

  /** Everything was handled: `isLeftOut` says of an offset that it need not be in any window. */
  onEnd(
    key: string,
    range: { readonly from: bigint; readonly to: bigint },
    isLeftOut: (offset: bigint) => boolean,
  ): void {
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    for (let offset = range.from; offset < range.to; offset++) {
      const isCounted = watched.counted.has(Number(offset));
      this.#recorder.expect(isCounted || isLeftOut(offset), 'Window once', () => `${offset} of ${key} is in no window`);
    }
  }
}
