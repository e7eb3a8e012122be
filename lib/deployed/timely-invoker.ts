import { AWAKE, type Clock } from '../clock.ts';
import { UnansweredError } from '../errors.ts';
import type { FunctionInvoker } from '../event-source/push/function-invoker.ts';

/** What it needs. */
export interface TimelyInvokerDeps {
  readonly clock: Clock;
  readonly invoker: FunctionInvoker;
  /** By the monotonic clock: no answer is waited for any more. */
  readonly endMs: number;
}

/**
 * Calls functions, and gives up an answer that does not come in time for whoever waits, so that it can still store that the call has failed.
 *
 * How long a function may run is not known of one that was imported, and may be changed after it was deployed. Whoever waited to the end of its own time would leave an attempt without a reason, and a lease that has to run out.
 */
export function timelyInvoker({ clock, invoker, endMs }: TimelyInvokerDeps): FunctionInvoker {
  return {
    async invoke(target, payload) {
      const beganMs = clock.monotonicMs();
      const over = new AbortController();
      const answer = invoker.invoke(target, payload);
      const tooLate = clock.sleep(endMs - beganMs, over.signal).then(() => 'too late' as const);
      try {
        const first = await Promise.race([answer, tooLate]);
        if (first !== 'too late') return first;
      } finally {
        over.abort(AWAKE);
      }
      // Nobody hears of it any more.
      answer.catch(() => {});
      const seconds = Math.round((clock.monotonicMs() - beganMs) / 1_000);
      // Only the message stays with the attempt.
      const bound = 'a function that is pushed may run for ten minutes, with a tumbling window for five';
      throw new UnansweredError(`${target} gave no answer in ${seconds} s; ${bound}`, { value: target });
    },
  };
}
