import { describe, expect, it } from 'vitest';
import { timelyInvoker } from '../../lib/deployed/timely-invoker.ts';
import { MillraceError, UnansweredError } from '../../lib/errors.ts';
import type { InvokeAnswer } from '../../lib/event-source/push/function-invoker.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

const RETURNED: InvokeAnswer = { kind: 'returned', payload: '{}' };

/** A function that runs so long, called by somebody who has ten seconds. */
function called(runMs: number, failure?: Error) {
  const clock = new VirtualClock({ jumps: false });
  const calls: string[][] = [];
  const invoke = async (...call: string[]) => {
    calls.push(call);
    await clock.sleep(runMs);
    if (failure !== undefined) throw failure;
    return RETURNED;
  };
  const invoker = timelyInvoker({ clock, invoker: { invoke }, endMs: clock.monotonicMs() + 10_000 });
  const outcome = invoker.invoke('bill', '{"records":{}}').catch((error: unknown) => error);
  return { clock, calls, outcome };
}

describe('an answer that is waited for in time', () => {
  it('is what the function answers', async () => {
    const { clock, calls, outcome } = called(9_000);
    await clock.advance(9_000);
    expect(await outcome).toEqual(RETURNED);
    expect(calls).toEqual([['bill', '{"records":{}}']]);
  });

  it('is an error of whoever calls it', async () => {
    const failure = new MillraceError('STORE_UNAVAILABLE', 'not now');
    const { clock, outcome } = called(1, failure);
    await clock.advance(1);
    expect(await outcome).toBe(failure);
  });

  it.each([
    ['that comes later', undefined],
    ['that never comes, for an error that comes later', new MillraceError('STORE_UNAVAILABLE', 'too late')],
  ])('is given up: one %s', async (_, failure) => {
    const { clock, outcome } = called(900_000, failure);
    await clock.advance(10_000);
    const error = await outcome;
    expect(error).toBeInstanceOf(UnansweredError);
    expect((error as Error).message).toMatch(/^bill gave no answer in 10 s; a function that is pushed may run for ten/);
    // Nobody is there for what comes then, and nothing may end the process for it.
    await clock.advance(900_000);
  });
});
