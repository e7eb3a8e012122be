/**
 * Time and chance, injected. Nothing below `connect` reads the wall clock, sets a timer or draws a random number by itself, so that a
 * simulated run is the same, byte for byte, every time.
 */
import { randomFillSync } from 'node:crypto';
import { performance } from 'node:perf_hooks';

/** A clock and a timer. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump either way. */
  nowMs(): number;
  /** Never goes back; only differences mean something. */
  monotonicMs(): number;
  /** Resolves after `durationMs`, or at once when `signal` is or becomes aborted. It never rejects. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** A source of chance. */
export interface Random {
  /** `count` fresh random bytes. */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1). */
  fraction(): number;
}

function sleep(durationMs: number, signal: AbortSignal | undefined, keepsProcess: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    if (!keepsProcess) timer.unref();
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** To be given to `abort()` where that only ends a sleep: without a reason Node makes an exception with its stack, for nobody, which takes longer than the rest. */
export const AWAKE = 'awake';

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (durationMs, signal) => sleep(durationMs, signal, true),
};

/** The machine's clock, for what goes on in the background: a process that has nothing else to do ends although somebody sleeps by it. */
export const backgroundClock: Clock = {
  ...systemClock,
  sleep: (durationMs, signal) => sleep(durationMs, signal, false),
};

/** The machine's random numbers. */
export const systemRandom: Random = {
  bytes: (count) => randomFillSync(new Uint8Array(count)),
  fraction: () => Math.random(),
};

/** The machine's event loop, for servers that do together what comes together. What decides anything does not use it: it takes such a function. */
export const eventLoop = {
  /** Runs `then` when all that has come in by sockets so far has been handled. */
  afterArrivals(then: () => void): void {
    setImmediate(then);
  },
  /** Runs `then` when what was called from the event loop is over, with all promises that were settled meanwhile. */
  afterTurn(then: () => void): void {
    process.nextTick(then);
  },
};
