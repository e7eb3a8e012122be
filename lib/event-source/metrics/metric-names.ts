/**
 * Names and units of metrics: those of Lambda's event source mappings, counted as they are there, and three of our own at the end. Source: "Event source mapping metrics" in the Lambda developer guide.
 *
 * | metric | unit | what is counted |
 * |---|---|---|
 * | `PolledEventCount` | records | read, those among them that are read again after a crash |
 * | `FilteredOutEventCount` | records | left out by the filters |
 * | `InvokedEventCount` | records | given to the function, each time that they are |
 * | `FailedInvokeEventCount` | records | given and not handled, or not given because the function could not be called |
 * | `DroppedEventCount` | records | given up without a place to go to (`onFailure: null`) |
 * | `OnFailureDestinationDeliveredEventCount` | records | given up, and durable at the `onFailure` destination |
 * | `CommittedEventCount` | offsets | by which committed offsets have moved |
 * | `PollingErrorCount` | errors | while reading the log |
 * | `InvokeErrorCount` | batches | for which the function threw, died, ran out of time, answered nonsense, or could not be called |
 * | `OnFailureDestinationDeliveryErrorCount` | errors | of the destination; nothing is dropped, it is tried again |
 * | `SchemaRegistryErrorCount` | records | that a deserializer or a schema of a function that pulls refused |
 * | `CommitErrorCount` | commits | that were refused because somebody else has the lease |
 * | `IteratorAge` | ms | how old the newest record of a batch is when the function is called |
 * | `OffsetLag` | records | behind the committed offset of a partition, at each commit |
 * | `MaxOffsetLag` | records | behind the committed offset of the partition that is furthest behind, at each sweep |
 * | `SumOffsetLag` | records | behind the committed offsets of all partitions, at each sweep |
 * | `MaxTimeLag` | ms | how long the oldest record that was not handled has been there, at each sweep |
 * | `RetriedEventCount` | records | sent to a retry topic |
 * | `SkippedEventCount` | offsets | gone by retention before they were read |
 *
 * What has no counterpart: `DeletedEventCount`, since records stay in the log whoever has read them, and what counts pollers, since there are none.
 */
export const METRICS = {
  PolledEventCount: { unit: 'Count', keeps: 'sum' },
  FilteredOutEventCount: { unit: 'Count', keeps: 'sum' },
  InvokedEventCount: { unit: 'Count', keeps: 'sum' },
  FailedInvokeEventCount: { unit: 'Count', keeps: 'sum' },
  DroppedEventCount: { unit: 'Count', keeps: 'sum' },
  OnFailureDestinationDeliveredEventCount: { unit: 'Count', keeps: 'sum' },
  CommittedEventCount: { unit: 'Count', keeps: 'sum' },
  PollingErrorCount: { unit: 'Count', keeps: 'sum' },
  InvokeErrorCount: { unit: 'Count', keeps: 'sum' },
  OnFailureDestinationDeliveryErrorCount: { unit: 'Count', keeps: 'sum' },
  SchemaRegistryErrorCount: { unit: 'Count', keeps: 'sum' },
  CommitErrorCount: { unit: 'Count', keeps: 'sum' },
  IteratorAge: { unit: 'Milliseconds', keeps: 'values' },
  OffsetLag: { unit: 'Count', keeps: 'values' },
  MaxOffsetLag: { unit: 'Count', keeps: 'values' },
  SumOffsetLag: { unit: 'Count', keeps: 'values' },
  MaxTimeLag: { unit: 'Milliseconds', keeps: 'values' },
  RetriedEventCount: { unit: 'Count', keeps: 'sum' },
  SkippedEventCount: { unit: 'Count', keeps: 'sum' },
} as const satisfies Record<string, { readonly unit: 'Count' | 'Milliseconds'; readonly keeps: 'sum' | 'values' }>;

/** See the module comment. */
export type MetricName = keyof typeof METRICS;

/** One value, or what is to be added. */
export type MetricValue = readonly [name: MetricName, value: number];
