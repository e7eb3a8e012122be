/** The ways in for functions that produce: a middleware for middy, and a plain wrapper. */
import type { Bytes } from '../client/outgoing-record.ts';
import { MillraceError } from '../errors.ts';
import { parsePullEvent } from '../event-source/pull-pointer.ts';
import type { FunctionContext } from './function-time.ts';
import type { InvocationProducer } from './invocation-producer.ts';
import { type ProduceOptions, type ProducingCall, ProducingFunction } from './producing-function.ts';

/** What is added to the context of a handler. */
export interface Producing<K = Bytes, V = Bytes> {
  readonly producer: InvocationProducer<K, V>;
}

/** What middy hands to this middleware. */
export interface ProducingRequest<K, V> {
  readonly event: unknown;
  readonly context: FunctionContext & Producing<K, V>;
  response?: unknown;
  error?: unknown;
}

/** A middleware as middy takes it: a plain object. */
export interface MillraceProducerMiddleware<K, V> {
  readonly before: (request: ProducingRequest<K, V>) => Promise<void>;
  readonly after: (request: ProducingRequest<K, V>) => Promise<void>;
  readonly onError: (request: ProducingRequest<K, V>) => Promise<void>;
}

/**
 * A middleware for functions that produce: the handler finds a producer in its context, whose `send` need not be awaited. What it sent leaves together when it is done, and the function answers when all of it is acknowledged. Otherwise the
 * invocation fails, and its error names what is not. With `millrace`, use that one first. Throws INVALID_CONFIG.
 *
 * @example
 * export const handler = middy<{ lines: string[] }>()
 *   .use(millraceProducer({ compression: 'zstd' }))
 *   .handler(async (event, { producer }) => { for (const value of event.lines) producer.send({ topic: 'lines', value }); });
 */
export function millraceProducer<K = Bytes, V = Bytes>(
  options: ProduceOptions<K, V> = {},
): MillraceProducerMiddleware<K, V> {
  const producing = new ProducingFunction(options);
  // By request: one process may handle several at once.
  const calls = new WeakMap<object, ProducingCall<K, V>>();
  const settle = async (request: ProducingRequest<K, V>, error?: unknown) => {
    const call = calls.get(request);
    if (call === undefined) return null;
    calls.delete(request);
    return call.settle(error);
  };
  return {
    async before(request) {
      checkOrder(request.event);
      const call = await producing.call(request.event, request.context);
      calls.set(request, call);
      // Not in what is printed of a context.
      Object.defineProperty(request.context, 'producer', { value: call.producer, configurable: true });
    },
    async after(request) {
      const error = await settle(request);
      if (error !== null) throw error;
    },
    async onError(request) {
      // Other middleware is still to hear of it.
      const error = await settle(request, request.error);
      if (error !== null) request.error = error;
    },
  };
}

/**
 * A handler for a function that produces, without middy; see `millraceProducer`. A handler that still runs when the time of the function is nearly over has failed, with REQUEST_TIMED_OUT. Throws INVALID_CONFIG.
 *
 * @example
 * export const handler = producerHandler(async (event: { lines: string[] }, { producer }) => {
 *   for (const value of event.lines) producer.send({ topic: 'lines', value });
 * });
 */
export function producerHandler<E, R, C extends FunctionContext = FunctionContext, K = Bytes, V = Bytes>(
  handler: (event: E, context: C & Producing<K, V>) => R | Promise<R>,
  options: ProduceOptions<K, V> = {},
): (event: E, context: C) => Promise<R> {
  const producing = new ProducingFunction(options);
  return async (event, context) => {
    checkOrder(event);
    const call = await producing.call(event, context);
    // Whoever has the context at the same time has another producer.
    const own = Object.create(context, { producer: { value: call.producer, enumerable: true } }) as C & Producing<K, V>;
    let answer: R;
    try {
      answer = await call.inTime(async () => handler(event, own));
    } catch (error) {
      throw (await call.settle(error)) ?? error;
    }
    const error = await call.settle();
    if (error !== null) throw error;
    return answer;
  };
}

/** Otherwise a batch would be committed before what was made of it is acknowledged. */
function checkOrder(event: unknown): void {
  if (parsePullEvent(event) === null) return;
  throw new MillraceError('INVALID_CONFIG', 'the producer stands around the middleware that pulls', {
    hint: 'Use millrace() first and millraceProducer() after it, or give producerHandler(…) to pullHandler.',
  });
}
