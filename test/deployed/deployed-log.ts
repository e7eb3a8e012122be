/** A deployed log without AWS: a memory store whose changes come to the router as records of a stream, functions that are called by a queue, and a scheduler, on a clock that is moved by hand. */
import { Millrace } from '../../lib/client/millrace.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import type { DelayNews } from '../../lib/delay/due-releaser.ts';
import type { PlannedCall } from '../../lib/deployed/plan-wake-ups.ts';
import { releaseOnEvent } from '../../lib/deployed/releaser.ts';
import { StreamRouter } from '../../lib/deployed/stream-router.ts';
import type { MillraceError } from '../../lib/errors.ts';
import type { EventSourceNews } from '../../lib/event-source/event-source-deps.ts';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import { SubscriptionAdmin } from '../../lib/event-source/subscription-admin.ts';
import type { SubscriptionLag } from '../../lib/event-source/subscription-lag.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { VirtualClock } from '../client/virtual-clock.ts';
import { bellRecord, minuteRecord } from './stream-records.ts';

/** Fails a call, where it is to fail. */
export type Refusal = (target: string) => MillraceError | undefined;

export function deployedLog() {
  const clock = new VirtualClock({ jumps: false });
  const memory = memoryStore({ clock, meter: noMeter });
  const calls: { target: string; payload: string }[] = [];
  const booked = new Map<string, PlannedCall>();
  const news: EventSourceNews[] = [];
  const released: DelayNews[] = [];
  const errors: MillraceError[] = [];
  const lags: [string, SubscriptionLag][] = [];
  const state = {
    refuse: (() => undefined) as Refusal,
    /** Releasers at work, and the most that were. */
    awake: 0,
    mostAwake: 0,
    streamIsOff: false,
    /** Ends a releaser before it does anything. */
    crash: false,
  };
  const tellStream = (record: object) => {
    if (!state.streamIsOff) void router.handle({ Records: [record] });
  };
  const store: EventSourceStore = {
    ...memory,
    bells: {
      ...memory.bells,
      async ring(bell, stamp, atMs = 0) {
        await memory.bells.ring(bell, stamp, atMs);
        tellStream(bellRecord({ ...bell, stamp, atMs }));
      },
    },
    dueMinutes: {
      ...memory.dueMinutes,
      async ring(minute) {
        await memory.dueMinutes.ring(minute);
        tellStream(minuteRecord(minute));
      },
    },
  };
  const release = async (payload: string, deadlineMs = 870_000) => {
    state.awake += 1;
    state.mostAwake = Math.max(state.mostAwake, state.awake);
    try {
      await releaseOnEvent({ store, clock, random }, JSON.parse(payload), {
        deadlineMs: clock.monotonicMs() + deadlineMs,
        onNews: (one) => released.push(one),
        onError: () => {},
      });
    } finally {
      state.awake -= 1;
    }
  };
  const router = new StreamRouter({
    store,
    clock,
    random,
    pump: 'pump',
    releaser: 'releaser',
    functions: {
      async start(target, payload) {
        const refusal = state.refuse(target);
        if (refusal !== undefined) throw refusal;
        calls.push({ target, payload });
        if (target === 'releaser' && !state.crash) void release(payload);
      },
    },
    calls: {
      async book(call) {
        const refusal = state.refuse('scheduler');
        if (refusal !== undefined) throw refusal;
        if (booked.has(call.name)) return;
        booked.set(call.name, call);
        // The latest that Scheduler may be.
        void clock.sleep(call.atMs + 60_000 - clock.nowMs()).then(() => {
          booked.delete(call.name);
          return release(call.payload);
        });
      },
    },
    onNews: (one) => news.push(one),
    onError: (error) => errors.push(error),
    onLag: (group, lag) => lags.push([group, lag]),
  });
  return {
    clock,
    random,
    store,
    memory,
    router,
    calls,
    booked,
    news,
    released,
    lags,
    errors,
    state,
    release,
    millrace: new Millrace({ store, clock, random }),
    subscriptions: new SubscriptionAdmin({ store, clock, random }),
  };
}
