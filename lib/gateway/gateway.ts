/** A gateway: everything that speaks Kafka's wire protocol over one store, put together. */
import type { Clock, Random } from '../clock.ts';
import type { MillraceError } from '../errors.ts';
import type { Store } from '../group/group-store.ts';
import { Appender } from '../log/appender.ts';
import { Fetcher } from '../log/fetcher.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { apiVersionsHandler, offeredVersions } from './api-versions.ts';
import { type Cluster, lonelyCluster } from './cluster.ts';
import { clusterRoutes } from './cluster-handlers.ts';
import { configRoutes } from './config-handlers.ts';
import { fetchRoute } from './fetch-handler.ts';
import { FetchRemainders } from './fetch-remainders.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import type { GatewayLimits } from './gateway-limits.ts';
import { GatewayTopics } from './gateway-topics.ts';
import { type Route, route } from './handler.ts';
import { HeadWatch } from './head-watch.ts';
import { initProducerIdRoute } from './init-producer-id.ts';
import { metadataRoutes } from './metadata.ts';
import { offsetRoutes } from './offset-handlers.ts';
import { produceRoute } from './produce-handler.ts';
import { apiVersionsApi } from './protocol/messages/cluster-messages.ts';
import { Dispatcher } from './server/dispatcher.ts';
import { GatewayServer } from './server/gateway-server.ts';
import { topicRoutes } from './topic-handlers.ts';

/** How a gateway is run. */
export interface GatewayOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Of a store on this machine: tells that something was changed. Default: heads are read while clients wait. */
  readonly changes?: { count(): number } | undefined;
  /** Address to listen at. Default 127.0.0.1. */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Where clients reach it. Default: where it listens. */
  readonly advertised?: { readonly host: string; readonly port: number } | undefined;
  /** Whether a topic that a client asks for is made. Default false. */
  readonly autoCreateTopics?: boolean;
  /** Of topics that are made without a number. Default 1. */
  readonly partitionCount?: number;
  readonly limits?: Partial<GatewayLimits>;
  /** Told of connections that were ended for what they sent. */
  readonly onRefused?: (clientHost: string, error: MillraceError) => void;
}

/** A gateway that runs. */
export interface Gateway {
  /** Where it listens. */
  readonly port: number;
  /** Answers what was begun, settles what is being appended, and ends. */
  close(): Promise<void>;
}

/** Clients wait 30 s for an answer by default: they are to be told before that. */
const DELIVERY_TIMEOUT_MS = 15_000;
const REMAINDER_BYTES = 32 * 1024 * 1024;
const NODE_ID = 1;

/** Starts a gateway. Rejects with INVALID_REQUEST when it cannot listen. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { store, clock, random, host = '127.0.0.1', limits = {}, onRefused } = options;
  const admin = new TopicAdmin({ store, clock, random });
  const topics = new GatewayTopics(admin, clock, {
    autoCreateTopics: options.autoCreateTopics ?? false,
    partitionCount: options.partitionCount ?? 1,
  });
  const appender = new Appender({ store, clock, random, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS });
  const fetcher = new Fetcher({ store, clock, random });
  const watch = new HeadWatch({ store, clock, changes: options.changes ?? null });
  const place = { host: options.advertised?.host ?? host, port: options.advertised?.port ?? options.port };
  const self = { nodeId: NODE_ID, rack: null, ...place };
  const cluster: Cluster = lonelyCluster(self);
  const routes = gatewayRoutes({ store, clock, random, cluster, admin, topics, appender, fetcher, watch });
  const server = new GatewayServer({
    clock,
    limits,
    dispatcher: new Dispatcher(routes, null),
    ...(onRefused && { onRefused }),
  });
  const port = await server.listen(host, options.port);
  // Known only now when any free one was wanted.
  if (options.advertised === undefined) self.port = port;
  const close = async () => {
    await server.close();
    await appender.close();
  };
  return { port, close };
}

/** Everything that a gateway answers. */
export function gatewayRoutes(deps: GatewayDeps): readonly Route[] {
  const routes = [
    ...metadataRoutes(deps),
    ...clusterRoutes(deps),
    ...topicRoutes(deps),
    ...configRoutes(deps),
    ...offsetRoutes(deps),
    produceRoute(deps),
    initProducerIdRoute(deps),
    fetchRoute(deps, new FetchRemainders(REMAINDER_BYTES)),
  ];
  const offered: { apiKey: number; minVersion: number; maxVersion: number }[] = [];
  const all = [...routes, route(apiVersionsApi, apiVersionsHandler(offered))];
  offered.push(...offeredVersions(all));
  return all;
}
