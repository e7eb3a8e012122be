/** The gateways of a store as brokers of one cluster: every one serves every partition, and one is named as its leader so that appends rarely race. */
import { type PartitionKey, partitionPk } from '../log/partition-key.ts';

/** A gateway as clients reach it. */
export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** The gateways of a store, as one of them knows them. */
export interface Cluster {
  readonly self: BrokerAddress;
  /** All that live, with this one, by their node ids. */
  readonly live: readonly BrokerAddress[];
  /** Who is named for a key. */
  ownerOf(key: string): BrokerAddress;
}

/** Leaders change without epochs: order does not depend on them. */
export const LEADER_EPOCH = 0;

/** The name of the cluster in Kafka's protocol. */
export const CLUSTER_ID = 'millrace';

/** How a partition is described to clients: one copy, at its leader, which is not behind. */
export function partitionPlace(cluster: Cluster, partition: PartitionKey) {
  const { nodeId } = cluster.ownerOf(partitionPk(partition));
  return { leaderId: nodeId, leaderEpoch: LEADER_EPOCH, replicaNodes: [nodeId], isrNodes: [nodeId] };
}
