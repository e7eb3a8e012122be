import { keyHash, type ReceivedEvent } from '../received-event.ts';
import type { SubscriptionOptions } from '../subscription-options.ts';

/** One part for each call: records of one key stay together and in order. What is too much for a call is left out: it comes next. */
export function splitBatch(
  batch: readonly ReceivedEvent[],
  options: Pick<SubscriptionOptions, 'ordering' | 'parallelizationFactor' | 'batchSize'>,
): readonly (readonly ReceivedEvent[])[] {
  const { ordering, parallelizationFactor, batchSize } = options;
  if (parallelizationFactor === 1) return [batch];
  const parts: ReceivedEvent[][] = Array.from({ length: parallelizationFactor }, () => []);
  for (const [index, record] of batch.entries()) {
    const key = ordering === 'key' ? keyHash(record) : null;
    parts[(key ?? index) % parallelizationFactor]!.push(record);
  }
  return parts.filter((part) => part.length > 0).map((part) => part.slice(0, batchSize));
}
