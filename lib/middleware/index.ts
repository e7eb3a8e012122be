/** For functions: a middleware and a handler that pull records themselves. */
export { type Deserializer, type Serde, serdes } from '../client/serde.ts';
export type { StandardSchema } from '../client/standard-schema.ts';
export { RetryAfter } from '../event-source/retry-after.ts';
export { type MiddyRequest, type MillraceMiddleware, millrace, pullHandler } from './millrace.ts';
export type { FunctionContext, PulledBatch, PullOptions } from './pull-call.ts';
export type { PulledBatchResponse } from './pulled-batch-response.ts';
export type { PulledRecord } from './pulled-record.ts';
