import type { Clock, Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { backoffMs } from '../log/backoff.ts';
import type { TopicDirectory, TopicRoute } from '../log/topic-directory.ts';

/** What reading a topic needs. */
export interface ReadTopicDeps {
  readonly topics: TopicDirectory;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Reads a topic, again and again while the store fails in a way that may pass, until `deadlineMs` (monotonic); a look that is not answered by then is
 * not waited for. Throws what the last look threw, REQUEST_TIMED_OUT when there was none.
 */
export async function readTopic(deps: ReadTopicDeps, name: string, deadlineMs: number): Promise<TopicRoute> {
  const { topics, clock, random } = deps;
  let failure: unknown = notRead(name);
  for (let attempt = 1; ; attempt++) {
    const answer = await within(clock, deadlineMs, topics.read(name).catch(asFailure));
    if (answer === 'late') throw failure;
    if (!('failure' in answer)) return answer;
    failure = answer.failure;
    const mayRetry = failure instanceof MillraceError && failure.retriable;
    const delayMs = backoffMs(attempt, random);
    if (!mayRetry || clock.monotonicMs() + delayMs > deadlineMs) throw failure;
    await clock.sleep(delayMs);
  }
}

function asFailure(failure: unknown): { readonly failure: unknown } {
  return { failure };
}

/** What comes of a promise that never rejects, or `late`. */
async function within<T>(clock: Clock, deadlineMs: number, promise: Promise<T>): Promise<T | 'late'> {
  const answered = new AbortController();
  const waitMs = Math.max(0, deadlineMs - clock.monotonicMs());
  const late = clock.sleep(waitMs, answered.signal).then(() => 'late' as const);
  try {
    return await Promise.race([promise, late]);
  } finally {
    answered.abort();
  }
}

function notRead(name: string): MillraceError {
  return new MillraceError('REQUEST_TIMED_OUT', `topic ${name} could not be read in time`, {
    value: name,
    hint: 'The store did not answer. Try again, or raise maxBlockMs.',
  });
}
