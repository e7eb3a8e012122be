/** For functions: a middleware and a handler that pull records themselves, and a middleware and a handler that produce. */
export type { OutgoingRecord } from '../client/outgoing-record.ts';
export type { RecordMetadata } from '../client/send-waiter.ts';
export { type Deserializer, type Serde, type Serializer, serdes } from '../client/serde.ts';
export type { StandardSchema } from '../client/standard-schema.ts';
export type { GivenRecord } from '../event-source/given-record.ts';
export { HOPS_HEADER, hopsFrom } from '../event-source/hops.ts';
export { idempotencyKey } from '../event-source/idempotency-key.ts';
export {
  EventSourceMetrics,
  type MetricReport,
  type MetricWriter,
} from '../event-source/metrics/event-source-metrics.ts';
export { RetryAfter } from '../event-source/retry-after.ts';
export { type EmbeddedMetricsOptions, embeddedMetrics } from './embedded-metrics.ts';
export type { FunctionContext } from './function-time.ts';
export type { InvocationProducer } from './invocation-producer.ts';
export { type MiddyRequest, type MillraceMiddleware, millrace, pullHandler } from './millrace.ts';
export {
  type MillraceProducerMiddleware,
  millraceProducer,
  type Producing,
  producerHandler,
} from './millrace-producer.ts';
export type { ProduceOptions } from './producing-function.ts';
export type { PulledBatch, PullOptions } from './pull-call.ts';
export type { PulledBatchResponse } from './pulled-batch-response.ts';
export type { PulledRecord } from './pulled-record.ts';
