/** The client: connect to a store, administer topics and groups, send and read records. */
export type { CommitOffset, CommitRequest, CommittedOffset } from './client/commit-request.ts';
export type { Consumer } from './client/consumer.ts';
export type { ConsumerOptions, RebalanceListener } from './client/consumer-options.ts';
export type { DelayedMetadata, DelayedOutgoingRecord } from './client/delayed-sends.ts';
export { Millrace, type MillraceDeps } from './client/millrace.ts';
export type { Bytes, OutgoingHeaders, OutgoingRecord } from './client/outgoing-record.ts';
export type { PartitionedRecord, Partitioner } from './client/partitioner.ts';
export type { Producer } from './client/producer.ts';
export type { FailedSend, ProducerOptions } from './client/producer-options.ts';
export type { Assignment, Reader } from './client/reader.ts';
export type { ReaderOptions, TypedReaderOptions } from './client/reader-options.ts';
export type { RawBytes, ReceivedRecord } from './client/received-record.ts';
export type { ReadProgress, ReceivedBatch, TopicPartition } from './client/record-stream.ts';
export type { RecordMetadata } from './client/send-waiter.ts';
export { type Deserializer, type Serde, type SerdeContext, type Serializer, serdes } from './client/serde.ts';
export type { StandardSchema } from './client/standard-schema.ts';
export type { StartPosition } from './client/start-position.ts';
export type { Clock, Random } from './clock.ts';
export { systemClock, systemRandom } from './clock.ts';
export { type ConnectOptions, connect, type OpenedStore } from './connect/connect.ts';
export { type NoticeSenderDeps, noticeSender } from './connect/notice-sender.ts';
export type {
  CancelOutcome,
  DelayAdmin,
  DelayedLookup,
  DelayedRecord,
  DelayedRecordSummary,
  ListDelayed,
} from './delay/delay-admin.ts';
export type { DelayStore, WatchedStore } from './delay/delay-store.ts';
export type { Delay } from './delay/delay-time.ts';
export type { DelayNews } from './delay/due-releaser.ts';
export { LocalDelays, type LocalDelaysDeps } from './delay/local-delays.ts';
export { type ErrorCode, type ErrorDetails, hasCode, MillraceError, UnansweredError } from './errors.ts';
export type { DeadRecordSink, EventSourceNews } from './event-source/event-source-deps.ts';
export type { EmbeddedStore, EventSourceStore } from './event-source/event-source-store.ts';
export type { FunctionSubscription } from './event-source/function-subscription.ts';
export { GiveUp, type RecordSender } from './event-source/give-up.ts';
export {
  LocalEventSource,
  type LocalEventSourceDeps,
  type LocalEventSourceOptions,
} from './event-source/local-event-source.ts';
export type { FailureNotice, NoticeOutcome, NoticeSender, OutsideDestination } from './event-source/notice-sender.ts';
export type { KafkaBatchResponse } from './event-source/push/batch-response.ts';
export type { FunctionInvoker, InvokeAnswer } from './event-source/push/function-invoker.ts';
export type { WindowResponse } from './event-source/push/window-event.ts';
export { type ReplayRequest, type ReplayState, Replays } from './event-source/replays.ts';
export {
  type RebuildLogReport,
  type RebuildLogRequest,
  type RestoredBeside,
  rebuildLog,
} from './event-source/restore/rebuild-log.ts';
export type { OldGroups } from './event-source/restore/restore-deps.ts';
export { RetryAfter } from './event-source/retry-after.ts';
export { SubscriptionAdmin, type SubscriptionDescription } from './event-source/subscription-admin.ts';
export type { SubscriptionOptions } from './event-source/subscription-options.ts';
export type { CreateSubscriptionRequest, StartingPosition } from './event-source/subscription-request.ts';
export { type AssignorName, assignorNames } from './group/assignor.ts';
export type { GroupDescription } from './group/describe-group.ts';
export type { GroupAdmin } from './group/group-admin.ts';
export type { AutoOffsetReset } from './group/group-start.ts';
export type { Store } from './group/group-store.ts';
export type { GroupPosition, SeekGroupRequest, SoughtPartition } from './group/seek-group.ts';
export type { Subscription } from './group/subscription.ts';
export { recordsOfRange, type ToldRange } from './http/records-of-range.ts';
export { limits } from './limits.ts';
export type { LogStore } from './log/log-store.ts';
export { type Meter, requestDollars, type StoreRequest, type StoreUsage, UsageMeter } from './log/meter.ts';
export type { TopicAdmin } from './log/topic-admin.ts';
export { describeJobs, type JobDescription } from './maintenance/describe-jobs.ts';
export { type ExplainedObject, explainObjects } from './maintenance/explain-objects.ts';
export type { ForkedPartition } from './maintenance/fork-partition.ts';
export type { ForkPoint } from './maintenance/fork-plan.ts';
export { type ForkRequest, forkTopic, type TopicFork } from './maintenance/fork-topic.ts';
export type { MaintenanceDeps } from './maintenance/maintenance-deps.ts';
export { MaintenanceLoop, type MaintenanceLoopDeps } from './maintenance/maintenance-loop.ts';
export { discardUnplaced } from './maintenance/rebuild/discard-unplaced.ts';
export type { OldTables } from './maintenance/rebuild/old-tables.ts';
export { type RebuildProgress, type RebuildRequest, rebuild } from './maintenance/rebuild/rebuild.ts';
export type { RebuildReport, RebuiltPartition, RebuiltTopic } from './maintenance/rebuild/rebuild-report.ts';
export {
  type JobName,
  type JobRun,
  jobNames,
  type MaintenanceOptions,
  runMaintenance,
} from './maintenance/run-maintenance.ts';
export { type CompressionType, compressionTypes } from './record/compression.ts';
export type { LogRecord, RecordData, RecordHeader } from './record/record.ts';
