/** A gateway: everything that speaks Kafka's wire protocol over one store, put together. */
import type { BufferPool } from '../buffer-pool.ts';
import { type Clock, eventLoop, type Random } from '../clock.ts';
import type { MillraceError } from '../errors.ts';
import type { Store } from '../group/group-store.ts';
import { Appender } from '../log/appender.ts';
import { Fetcher } from '../log/fetcher.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { apiVersionsHandler, offeredVersions } from './api-versions.ts';
import type { Cluster } from './cluster.ts';
import { clusterRoutes } from './cluster-handlers.ts';
import { configRoutes } from './config-handlers.ts';
import { FailureNews, type OnFailure } from './failure-news.ts';
import { fetchRoute } from './fetch-handler.ts';
import { FetchRemainders } from './fetch-remainders.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import type { GatewayLimits } from './gateway-limits.ts';
import { GatewayTopics } from './gateway-topics.ts';
import { type CoordinatorSettings, coordinatorDefaults } from './groups/coordinator-settings.ts';
import { GroupCoordinator } from './groups/group-coordinator.ts';
import { groupRoutes } from './groups/group-routes.ts';
import { type Route, route } from './handler.ts';
import { HeadWatch } from './head-watch.ts';
import { initProducerIdRoute } from './init-producer-id.ts';
import { checkAddress, LiveGateways } from './live-gateways.ts';
import { metadataRoutes } from './metadata.ts';
import { offsetRoutes } from './offset-handlers.ts';
import { produceRoute } from './produce-handler.ts';
import { apiVersionsApi } from './protocol/messages/cluster-messages.ts';
import { Credentials } from './security/credentials.ts';
import { SaslDoor } from './security/sasl-handlers.ts';
import { Dispatcher } from './server/dispatcher.ts';
import { GatewayServer, type TlsIdentity } from './server/gateway-server.ts';
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
  /** How groups are coordinated. Default: as Kafka's brokers do. */
  readonly groups?: Partial<CoordinatorSettings>;
  readonly limits?: Partial<GatewayLimits>;
  /** Passwords by users, for PLAIN and SCRAM. Default: whoever connects may do everything. */
  readonly users?: ReadonlyMap<string, string> | undefined;
  /** Default: nothing is encrypted. */
  readonly tls?: TlsIdentity | undefined;
  /** Where answers stand in memory. Default: a pool of its own. */
  readonly answerBuffers?: BufferPool | undefined;
  /** Where requests and segments stand in memory. Default: one pool for each. */
  readonly requestBuffers?: BufferPool | undefined;
  /** Told of connections that were ended for what they sent. */
  readonly onRefused?: (clientHost: string, error: MillraceError) => void;
  /** Told why the store does not answer, once for each reason, and null when it does again. */
  readonly onStore?: (error: MillraceError | null) => void;
  /** Told of requests for records that failed by no fault of their clients, one of each code in a minute. */
  readonly onFailure?: OnFailure;
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

/** Starts a gateway. Rejects with INVALID_REQUEST when it cannot listen, INVALID_CONFIG when clients cannot be told where it is, and what the store throws. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { store, clock, random, host = '127.0.0.1', limits = {}, onRefused, onStore, requestBuffers } = options;
  const inner = { clock, limits, tls: options.tls, requestBuffers, ...(onRefused && { onRefused }) };
  const server = new GatewayServer(inner);
  const port = await server.listen(host, options.port);
  const opened: (() => Promise<void> | void)[] = [() => server.close()];
  const close = async () => {
    for (const one of opened) await one();
  };
  try {
    const address = { host, port, rack: null, ...options.advertised };
    checkAddress(address);
    // It is told of gateways that come and go from the beginning; who coordinates is there when it begins.
    const parts: { coordinator?: GroupCoordinator } = {};
    const onChange = (change: { readonly lapsed: boolean }) => {
      parts.coordinator?.gatewaysChanged(change);
      if (change.lapsed) server.endConnections();
    };
    const gateways = new LiveGateways({ store, clock, random }, { address, onChange, ...(onStore && { onStore }) });
    await gateways.start();
    const own = { deliveryTimeoutMs: DELIVERY_TIMEOUT_MS, ...(requestBuffers && { buffers: requestBuffers }) };
    const appender = new Appender({ store, clock, random, ...own, afterTurn: eventLoop.afterArrivals });
    parts.coordinator = new GroupCoordinator(
      { store, clock, random, gateways },
      { ...coordinatorDefaults, ...options.groups },
    );
    // The others learn of it first, then members are sent away, before their connections end.
    opened.unshift(
      () => gateways.stop(),
      () => parts.coordinator?.close(),
    );
    opened.push(() => appender.close());
    const deps = { ...gatewayDeps(options, gateways, appender), answers: server.answers };
    const door = options.users === undefined ? null : new SaslDoor(new Credentials(options.users, random), random);
    server.serve(new Dispatcher(gatewayRoutes(deps, parts.coordinator, door), door, options.answerBuffers));
    return { port, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function gatewayDeps(options: GatewayOptions, cluster: Cluster, appender: Appender): Omit<GatewayDeps, 'answers'> {
  const { store, clock, random } = options;
  const admin = new TopicAdmin({ store, clock, random });
  const topics = new GatewayTopics(admin, clock, {
    autoCreateTopics: options.autoCreateTopics ?? false,
    partitionCount: options.partitionCount ?? 1,
  });
  const fetcher = new Fetcher({ store, clock, random });
  const watch = new HeadWatch({ store, clock, changes: options.changes ?? null });
  const news = new FailureNews(clock, options.onFailure);
  return { store, clock, random, cluster, admin, topics, appender, fetcher, watch, news };
}

/** Everything that a gateway answers. */
export function gatewayRoutes(
  deps: GatewayDeps,
  coordinator: GroupCoordinator,
  door: SaslDoor | null,
): readonly Route[] {
  const routes = [
    ...metadataRoutes(deps),
    ...clusterRoutes(deps),
    ...topicRoutes(deps),
    ...configRoutes(deps),
    ...offsetRoutes(deps),
    produceRoute(deps),
    initProducerIdRoute(deps),
    ...groupRoutes(coordinator),
    ...(door?.routes ?? []),
    fetchRoute(deps, new FetchRemainders(REMAINDER_BYTES)),
  ];
  const offered: { apiKey: number; minVersion: number; maxVersion: number }[] = [];
  const all = [...routes, route(apiVersionsApi, apiVersionsHandler(offered))];
  offered.push(...offeredVersions(all));
  return all;
}
