import { type Assignor, emptyShares, inOrder, subscribersByTopic } from './assignor-input.ts';

/**
 * Each topic by itself: its partitions in order, in ranges of equal length over those who want it, one longer for the first of them when it does not come out even. Source: Kafka's
 * `RangeAssignor`.
 */
export const rangeAssignor: Assignor = (members, partitionCounts) => {
  const shares = emptyShares(members);
  for (const [topic, subscribers] of subscribersByTopic(inOrder(members), partitionCounts)) {
    const count = partitionCounts.get(topic)!;
    const each = Math.floor(count / subscribers.length);
    const longer = count % subscribers.length;
    let partition = 0;
    for (const [index, { id }] of subscribers.entries()) {
      const end = partition + each + (index < longer ? 1 : 0);
      for (; partition < end; partition++) shares.get(id)!.push({ topic, partition });
    }
  }
  return shares;
};
