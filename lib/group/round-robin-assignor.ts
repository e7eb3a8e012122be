import { type Assignor, emptyShares, inOrder, wantedTopicNames } from './assignor-input.ts';

/** All partitions of all topics in order, dealt out in turn; who does not want a topic is passed over. Source: Kafka's `RoundRobinAssignor`. */
export const roundRobinAssignor: Assignor = (members, partitionCounts) => {
  const shares = emptyShares(members);
  const ring = inOrder(members).map(({ id, topics }) => ({ id, topics: new Set(topics) }));
  let place = 0;
  for (const topic of wantedTopicNames(members, partitionCounts)) {
    for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
      while (!ring[place]!.topics.has(topic)) place = (place + 1) % ring.length;
      shares.get(ring[place]!.id)!.push({ topic, partition });
      place = (place + 1) % ring.length;
    }
  }
  return shares;
};
