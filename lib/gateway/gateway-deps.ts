import type { Clock, Random } from '../clock.ts';
import type { Store } from '../group/group-store.ts';
import type { Appender } from '../log/appender.ts';
import type { Fetcher } from '../log/fetcher.ts';
import type { TopicAdmin } from '../log/topic-admin.ts';
import type { Cluster } from './cluster.ts';
import type { FailureNews } from './failure-news.ts';
import type { GatewayTopics } from './gateway-topics.ts';
import type { HeadWatch } from './head-watch.ts';
import type { MemoryBudget } from './server/memory-budget.ts';

/** What the handlers of a gateway share: one appender, so that a flush carries what all connections produce. */
export interface GatewayDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly cluster: Cluster;
  readonly admin: TopicAdmin;
  readonly topics: GatewayTopics;
  readonly appender: Appender;
  readonly fetcher: Fetcher;
  readonly watch: HeadWatch;
  readonly news: FailureNews;
  /** For what is read to answer with. */
  readonly answers: MemoryBudget;
}
