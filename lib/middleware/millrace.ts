/** The ways in for functions that pull: a middleware for middy, and a plain wrapper. */
import { pullAnswer } from '../event-source/pull-pointer.ts';
import type { FunctionContext } from './function-time.ts';
import type { PullCall, PulledBatch, PullOptions } from './pull-call.ts';
import { PullFunction } from './pull-function.ts';

/** What middy hands to a middleware, of all its versions from 5 on. */
export interface MiddyRequest<E = unknown> {
  event: E;
  readonly context: FunctionContext;
  response?: unknown;
  readonly error?: unknown;
}

/** A middleware as middy takes it: a plain object. The handler behind it is given a `PulledBatch`. */
export interface MillraceMiddleware<K, V> {
  readonly before: (request: MiddyRequest<PulledBatch<K, V>>) => Promise<unknown>;
  readonly after: (request: MiddyRequest<PulledBatch<K, V>>) => Promise<void>;
  readonly onError: (request: MiddyRequest<PulledBatch<K, V>>) => Promise<void>;
}

/**
 * A middleware for functions that pull: `event` becomes a `PulledBatch`, one for each call, and what the handler returns or throws is settled. With `eachRecord` the handler itself is not called; all there is is handled, record by
 * record. Events that are not Millrace's pass as they are.
 *
 * @example
 * export const handler = middy()
 *   .use(millrace({ valueDeserializer: serdes.json<Order>() }))
 *   .handler(async ({ records }) => { for (const { value } of records) await bill(value); });
 */
export function millrace<K = Uint8Array | null, V = Uint8Array | null>(
  options: PullOptions<K, V> = {},
): MillraceMiddleware<K, V> {
  const pulling = new PullFunction(options);
  // By request: one process may handle several at once.
  const calls = new WeakMap<object, PullCall<K, V>>();
  const settle = async (request: MiddyRequest, how: (call: PullCall<K, V>) => Promise<void>) => {
    const call = calls.get(request);
    if (call === undefined) return;
    calls.delete(request);
    await how(call);
    await call.finish();
    // It is dealt with: nobody else is to try again.
    request.response = pullAnswer(call.end());
  };
  return {
    async before(request) {
      const call = await pulling.call(request.event, request.context);
      if (call === null) return undefined;
      if (options.eachRecord !== undefined) {
        await call.runEach(options.eachRecord);
        return pullAnswer(call.end());
      }
      const batch = await call.next();
      if (batch === null) return pullAnswer(call.end());
      calls.set(request, call);
      request.event = batch;
      return undefined;
    },
    after: (request) => settle(request, (call) => call.answered(request.response)),
    onError: (request) => settle(request, (call) => call.failed(request.error)),
  };
}

/**
 * A handler for a function that pulls, without middy: hands over one batch after another until nothing is left, or the function's time is nearly over. With `eachRecord` no handler is needed.
 *
 * @example
 * export const handler = pullHandler(async ({ records }) => { for (const record of records) await bill(record.json()); });
 */
export function pullHandler<K = Uint8Array | null, V = Uint8Array | null>(
  first: ((batch: PulledBatch<K, V>, context: FunctionContext) => unknown) | PullOptions<K, V>,
  second: PullOptions<K, V> = {},
): (event: unknown, context: FunctionContext) => Promise<unknown> {
  const handler = typeof first === 'function' ? first : null;
  const options = typeof first === 'function' ? second : first;
  const pulling = new PullFunction(options);
  return async (event, context) => {
    const call = await pulling.call(event, context);
    if (call === null) return undefined;
    if (options.eachRecord !== undefined) await call.runEach(options.eachRecord);
    else if (handler !== null) await call.run(handler);
    return pullAnswer(call.end());
  };
}
