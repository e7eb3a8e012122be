/** DescribeCluster and DescribeLogDirs: what administrators ask of brokers. */
import { describeTopic, type PartitionDescription } from '../log/describe-topic.ts';
import { inParallel } from '../log/in-parallel.ts';
import { CLUSTER_ID, partitionPlace } from './cluster.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { type Handler, type Route, route } from './handler.ts';
import { controllerOf } from './metadata.ts';
import { errorCodes } from './protocol/error-codes.ts';
import { describeClusterApi, describeLogDirsApi } from './protocol/messages/cluster-messages.ts';

/** Brokers, not controllers. */
const ENDPOINT_BROKERS = 1;
/** The one place where all data is. */
const LOG_DIR = '/millrace';
const PARALLEL = 8;

/** The routes of this file. */
export function clusterRoutes(deps: GatewayDeps): readonly Route[] {
  return [route(describeClusterApi, describeClusterHandler(deps)), route(describeLogDirsApi, logDirsHandler(deps))];
}

function describeClusterHandler({ cluster }: GatewayDeps): Handler<typeof describeClusterApi> {
  return async ({ endpointType }) => {
    if (endpointType !== ENDPOINT_BROKERS) {
      const errorMessage = 'There are no controllers to describe: every gateway is a broker.';
      return { errorCode: errorCodes.MISMATCHED_ENDPOINT_TYPE, errorMessage, endpointType };
    }
    const brokers = cluster.live.map(({ nodeId, host, port, rack }) => ({ brokerId: nodeId, host, port, rack }));
    return { endpointType, clusterId: CLUSTER_ID, controllerId: controllerOf(cluster), brokers };
  };
}

/** A gateway shows the partitions that it is named for, so that those of all brokers add up. */
function logDirsHandler(deps: GatewayDeps): Handler<typeof describeLogDirsApi> {
  const { cluster, topics, store, clock, random } = deps;
  const isOurs = ({ topicId }: { readonly topicId: string }, partition: number) =>
    partitionPlace(cluster, { topicId, partition }).leaderId === cluster.self.nodeId;
  return async ({ topics: asked }) => {
    const wanted = new Map(asked?.map(({ topic, partitions }) => [topic, new Set(partitions)]));
    const names = asked === null ? (await topics.readAll()).map(({ name }) => name) : [...wanted.keys()];
    const found: { name: string; partitions: readonly object[] }[] = [];
    await inParallel(names, PARALLEL, async (name) => {
      const described = await describeTopic({ store, clock, random }, name).catch(() => null);
      if (described === null) return;
      const shown = described.partitions.filter(
        ({ partition }) => isOurs(described.topic, partition) && (wanted.get(name)?.has(partition) ?? true),
      );
      if (shown.length > 0) found.push({ name, partitions: shown.map(sizeOf) });
    });
    const shown = found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
    return { results: [{ errorCode: errorCodes.NONE, logDir: LOG_DIR, topics: shown }] };
  };
}

/** Bytes that were trimmed are counted too: what is left of them is not known without reading. */
function sizeOf({ partition, appendedBytes }: PartitionDescription) {
  return { partitionIndex: partition, partitionSize: appendedBytes };
}
