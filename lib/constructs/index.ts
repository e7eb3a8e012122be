/** `millrace/constructs`: a log, its topics and the functions that read them, for stacks of the AWS CDK. */
export { FailureDestination } from './failure-destination.ts';
export { type GatewayTls, KafkaGateway, type KafkaGatewayProps } from './kafka-gateway.ts';
export type { FunctionSettings } from './log-function.ts';
export type { MaintenanceJob } from './log-metrics.ts';
export type { MetricDetail } from './metric-detail.ts';
export { type IMillrace, Millrace, outputsOf } from './millrace.ts';
export type { MillraceGrants } from './millrace-grants.ts';
export type { MillraceAttributes, MillraceProps } from './millrace-props.ts';
export { MillraceMonitoring, type MonitoringProps } from './monitoring.ts';
export { ProduceApi, type ProduceApiProps } from './produce-api.ts';
export { StartingPosition } from './starting-position.ts';
export { Subscription, type SubscriptionProps, type TopicEventSourceProps } from './subscription.ts';
export type { RedriveProps, SubscriptionOptionsProps } from './subscription-props.ts';
export { type ITopic, Topic, type TopicAttributes, TopicIsolation, type TopicProps } from './topic.ts';
export { TopicEventSource } from './topic-event-source.ts';
export type { TopicGrants } from './topic-grants.ts';
