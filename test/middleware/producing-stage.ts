/** What tests of functions that produce have in common. */
import { systemClock as clock } from '../../lib/clock.ts';
import type { MillraceError } from '../../lib/errors.ts';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import type { Heads } from '../../lib/log/heads.ts';

/** The context of an invocation that may take so long. */
export function contextOf(timeMs = 10_000) {
  const endMs = clock.monotonicMs() + timeMs;
  return { awsRequestId: 'a', getRemainingTimeInMillis: () => endMs - clock.monotonicMs() };
}

/** A store with some requests to heads made otherwise. */
export function withHeads(store: EventSourceStore, changes: Partial<Heads>): EventSourceStore {
  const heads = new Proxy(store.heads, {
    get(target, name) {
      const value: unknown = Reflect.get(changes, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...store, heads };
}

/** What a call fails with. */
export const failureOf = (call: Promise<unknown>) =>
  call.then(
    (answer) => {
      throw new TypeError(`it answered ${JSON.stringify(answer)}`);
    },
    (error: unknown) => error as MillraceError,
  );
