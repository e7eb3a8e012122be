/** Everything on one machine, in one process: an embedded store, the event source, functions as processes, and a page. */
import { resolve } from 'node:path';
import { RepeatableSends } from '../client/repeatable-sends.ts';
import { systemClock as clock, systemRandom as random } from '../clock.ts';
import { type EventSourceTools, eventSourceTools } from '../connect/event-source-tools.ts';
import { ConsoleApi } from '../console/console-api.ts';
import { ConsoleServer } from '../console/console-server.ts';
import { MetricTotals } from '../console/metric-totals.ts';
import type { DelayNews } from '../delay/due-releaser.ts';
import { LocalDelays } from '../delay/local-delays.ts';
import { MillraceError } from '../errors.ts';
import type { EventSourceNews } from '../event-source/event-source-deps.ts';
import type { EmbeddedStore } from '../event-source/event-source-store.ts';
import { GiveUp } from '../event-source/give-up.ts';
import { LocalEventSource } from '../event-source/local-event-source.ts';
import { EventSourceMetrics } from '../event-source/metrics/event-source-metrics.ts';
import type { CreateSubscriptionRequest } from '../event-source/subscription-request.ts';
import { startGateway } from '../gateway/gateway.ts';
import { HttpApi } from '../http/http-api.ts';
import { NodeHttpApi } from '../http/node-http.ts';
import { InvokeApi } from '../lambda-host/invoke-api.ts';
import { type HostNews, LambdaHost } from '../lambda-host/lambda-host.ts';
import { Appender } from '../log/appender.ts';
import { Fetcher } from '../log/fetcher.ts';
import { TopicDirectory } from '../log/topic-directory.ts';
import { MaintenanceLoop } from '../maintenance/maintenance-loop.ts';
import type { JobRun } from '../maintenance/run-maintenance.ts';
import { openFileStore } from '../sqlite/sqlite-store.ts';
import type { DevConfig } from './dev-config.ts';

/** What happens, for whoever looks at it. */
export type DevNews =
  | EventSourceNews
  | HostNews
  | DelayNews
  | { readonly kind: 'delays-failed'; readonly error: string }
  /** Outside of any batch; it is tried again. */
  | { readonly kind: 'event-source-failed'; readonly error: string };

/** How it is run. */
export interface DevServerOptions {
  /** The directory of the store. */
  readonly directory: string;
  /** 0: any that is free. */
  readonly httpPort: number;
  /** For clients written for Kafka, with topics made on first use. 0: any that is free. Undefined: none. */
  readonly kafkaPort?: number | undefined;
  readonly config: DevConfig;
  /** Told of everything that happens. */
  readonly onNews: (news: DevNews) => void;
  /** Told of each run of maintenance. Default: nobody. */
  readonly onMaintenance?: (runs: readonly JobRun[]) => void;
}

/** One that runs. */
export interface DevServer {
  readonly tools: EventSourceTools;
  readonly host: LambdaHost;
  /** Of the page, of Lambda's Invoke API, and of the HTTP API. */
  readonly address: string;
  /** Of the gateway for Kafka's clients; null when there is none. */
  readonly kafkaAddress: string | null;
  /** Settles what is being handled, ends the functions, and closes the store. */
  close(): Promise<void>;
}

/** How long the HTTP API believes what it read of a topic. */
const TOPIC_MAX_AGE_MS = 30_000;
/** News of every batch that nobody needs to read: they are in the metrics. */
const COUNTED_ONLY: ReadonlySet<string> = new Set(['read', 'committed']);

/** Starts it, and makes what its configuration names. Throws INVALID_CONFIG, and what opening the store throws. */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { directory, httpPort, config } = options;
  const store = await openFileStore({ directory, clock });
  const tools = eventSourceTools(store);
  const opened: { close(): Promise<void> }[] = [tools, startDelays(store, options.onNews)];
  const close = async () => {
    for (const one of opened.toReversed()) await one.close();
  };
  try {
    const totals = new MetricTotals();
    const metrics = new EventSourceMetrics({ writer: totals, clock });
    const listeners: ((news: DevNews) => void)[] = [options.onNews];
    const onNews = (news: DevNews) => {
      for (const listener of listeners) listener(news);
      if ('group' in news) metrics.onNews(news);
    };
    const host = new LambdaHost({ clock, random, onNews, watch: true });
    opened.push(host);
    // Functions that pull open the same log.
    const MILLRACE_STORE = `file:${resolve(directory)}`;
    for (const one of config.functions) {
      host.add({ ...one, environment: { MILLRACE_STORE, ...one.environment } });
    }
    await makeTopics(tools, config);
    for (const one of config.subscriptions) await makeSubscription(tools, one);
    const source = new LocalEventSource({
      store,
      changes: store.changes,
      fetcher: new Fetcher({ store, clock, random }),
      clock,
      random,
      records: tools.records,
      sink: new GiveUp({ ...tools, clock }),
      invoker: host,
      originOf: ({ topicId }) => ({
        eventSourceArn: `arn:aws:kafka:us-east-1:000000000000:cluster/millrace/${topicId}`,
        bootstrapServers: '127.0.0.1:9092',
        region: 'us-east-1',
      }),
      onNews,
      onSwept: ({ lags }) => {
        for (const [group, lag] of lags) metrics.onLag(group, lag);
      },
      onError: onceInARow((error) => onNews({ kind: 'event-source-failed', error })),
    });
    const metricsOf = (group: string) => {
      metrics.flush();
      return totals.of(group);
    };
    const invokeApi = new InvokeApi(host, clock);
    const server = new ConsoleServer(new ConsoleApi(tools, host, metricsOf), clock.nowMs, [invokeApi, httpApi(tools)]);
    listeners.push((news) => {
      if (!COUNTED_ONLY.has(news.kind)) server.tell(news);
      if (news.kind === 'log') invokeApi.tell(news);
    });
    const address = await server.listen(httpPort);
    const maintenance = maintenanceOf(store, options);
    opened.push(server, source, maintenance);
    source.start();
    maintenance.start();
    const kafkaAddress = options.kafkaPort === undefined ? null : await openGateway(store, options.kafkaPort, opened);
    return { tools, host, address, kafkaAddress, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The one that the function of a deployment serves. */
function httpApi({ store, millrace }: EventSourceTools): NodeHttpApi {
  const deps = { store, clock, random };
  const topics = new TopicDirectory({ source: millrace.topics, clock, maxAgeMs: TOPIC_MAX_AGE_MS });
  const repeatable = new RepeatableSends({ clock, topics, appender: new Appender(deps) });
  const fetcher = new Fetcher(deps);
  const api = new HttpApi({ ...deps, topics, fetcher, links: null, producer: millrace.producer(), repeatable });
  return new NodeHttpApi(api);
}

/** Releases what is due, whoever sent it. */
function startDelays(store: EmbeddedStore, onNews: DevServerOptions['onNews']): LocalDelays {
  const onError = onceInARow((error) => onNews({ kind: 'delays-failed', error }));
  const delays = new LocalDelays({ store, clock, random, onNews, onError });
  delays.start();
  return delays;
}

/** What fails again each second is told once, until something else does. */
function onceInARow(tell: (error: string) => void): (error: MillraceError) => void {
  let last = '';
  return ({ message, hint }) => {
    const error = hint === undefined ? message : `${message}. ${hint}`;
    if (error !== last) tell(error);
    last = error;
  };
}

async function openGateway(
  store: Awaited<ReturnType<typeof openFileStore>>,
  port: number,
  opened: { close(): Promise<void> }[],
): Promise<string> {
  const gateway = await startGateway({
    store,
    clock,
    random,
    changes: store.changes,
    port,
    autoCreateTopics: true,
    // Nobody has to wait for the other members of a group that has one.
    groups: { initialRebalanceDelayMs: 0 },
  });
  opened.push(gateway);
  return `127.0.0.1:${gateway.port}`;
}

function maintenanceOf(store: EmbeddedStore, { onMaintenance }: DevServerOptions): MaintenanceLoop {
  const { changes } = store;
  return new MaintenanceLoop({ store, changes, clock, random, ...(onMaintenance && { onRuns: onMaintenance }) });
}

async function makeTopics({ millrace }: EventSourceTools, { topics }: DevConfig): Promise<void> {
  const existing = new Set(await millrace.topics.listTopics());
  for (const topic of topics) if (!existing.has(topic.name)) await millrace.topics.createTopic(topic);
}

/** One that is there is changed to what the configuration says. */
async function makeSubscription(
  { subscriptions }: EventSourceTools,
  request: CreateSubscriptionRequest,
): Promise<void> {
  try {
    await subscriptions.create(request);
  } catch (error) {
    if (!(error instanceof MillraceError && error.code === 'SUBSCRIPTION_ALREADY_EXISTS')) throw error;
    await subscriptions.update(request.name, { ...request.options, target: request.target });
  }
}
