import type { EventSourceNews } from '../event-source-deps.ts';
import type { SubscriptionLag } from '../subscription-lag.ts';
import type { MetricValue } from './metric-names.ts';

/** What news add to metrics: a pure function. */
export function metricsOf(news: EventSourceNews): readonly MetricValue[] {
  switch (news.kind) {
    case 'read':
      return [['PolledEventCount', news.records]];
    case 'filtered':
      return [['FilteredOutEventCount', news.records]];
    case 'invoked':
      return [
        ['InvokedEventCount', news.records],
        ['FailedInvokeEventCount', news.failed],
        ['InvokeErrorCount', news.error === '' ? 0 : 1],
        ['IteratorAge', news.ageMs],
      ];
    case 'pulled':
      return [
        ['InvokedEventCount', news.records + news.failed],
        ['FailedInvokeEventCount', news.failed],
        ...(news.ageMs === null ? [] : ([['IteratorAge', news.ageMs]] as const)),
      ];
    case 'throttled':
      return [
        ['FailedInvokeEventCount', news.records],
        ['InvokeErrorCount', 1],
      ];
    case 'given-up':
      return [[GIVEN_UP[news.to], news.records]];
    case 'destination-failed':
      return [['OnFailureDestinationDeliveryErrorCount', 1]];
    case 'undecodable':
      return [['SchemaRegistryErrorCount', news.records]];
    case 'committed':
      return [
        ['CommittedEventCount', Number(news.to - news.from)],
        ['OffsetLag', Number(news.lag)],
      ];
    case 'fenced':
      return [['CommitErrorCount', 1]];
    case 'unreadable':
      return [['PollingErrorCount', 1]];
    case 'skipped':
      return [['SkippedEventCount', Number(news.to - news.from)]];
    default:
      return [];
  }
}

const GIVEN_UP = {
  'retry-topic': 'RetriedEventCount',
  destination: 'OnFailureDestinationDeliveredEventCount',
  nowhere: 'DroppedEventCount',
} as const;

/** What a look at all partitions of a subscription adds to metrics. A lag in time that could not be told is left out. */
export function metricsOfLag({ records, maxRecords, maxMs }: SubscriptionLag): readonly MetricValue[] {
  const time: readonly MetricValue[] = maxMs === null ? [] : [['MaxTimeLag', maxMs]];
  return [['MaxOffsetLag', Number(maxRecords)], ['SumOffsetLag', Number(records)], ...time];
}
