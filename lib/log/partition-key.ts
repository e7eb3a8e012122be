/** A partition as the stores name it: a topic that is deleted and made again has another topicId, so its old records can never show. */
export interface PartitionKey {
  /** UUID text, lower case. */
  readonly topicId: string;
  readonly partition: number;
}

/** The partition key of the head and the chunks of a partition. */
export function partitionPk({ topicId, partition }: PartitionKey): string {
  return `P#${topicId}#${partition}`;
}

/** What `partitionPk` was made of. */
export function partitionFromPk(pk: string): PartitionKey {
  const [, topicId = '', partition] = pk.split('#');
  return { topicId, partition: Number(partition) };
}
