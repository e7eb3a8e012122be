import type { PartitionKey } from '../log/partition-key.ts';
import type { Group } from './group.ts';

/** A partition by its topic's name and by its key. */
export interface PartitionOfTopic {
  readonly topic: string;
  readonly partition: PartitionKey;
}

/** Names of a group's topics by their ids. */
export function topicNames(group: Group): ReadonlyMap<string, string> {
  return new Map(group.topics.map(({ topicId, name }) => [topicId, name]));
}
