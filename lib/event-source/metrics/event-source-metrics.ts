/**
 * Sums of what happened, handed on from time to time: what a subscription would tell CloudWatch if it were an event source mapping.
 *
 * Nothing is asked of any store for it. What it holds is bounded: a sum for each name and, of what is no sum, at most 100 values, for each subscription (and partition, where they are told apart) that was heard of since the last flush.
 */
import type { Clock } from '../../clock.ts';
import type { EventSourceNews } from '../event-source-deps.ts';
import type { SubscriptionLag } from '../subscription-lag.ts';
import { METRICS, type MetricName, type MetricValue } from './metric-names.ts';
import { metricsOf, metricsOfLag } from './metrics-of-news.ts';

/** What happened to one subscription since the report before. */
export interface MetricReport {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly subscription: string;
  /** Null: all of them together. */
  readonly partition: number | null;
  /** A sum is one value. At most 100 for each name. */
  readonly values: ReadonlyMap<MetricName, readonly number[]>;
}

/** The port to whoever keeps metrics. */
export interface MetricWriter {
  /** Takes a report; synchronous, and never throws. */
  write(report: MetricReport): void;
}

/** How they are gathered. */
export interface EventSourceMetricsOptions {
  readonly writer: MetricWriter;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Reports each partition for itself. Default false: each of them would be 16 metrics more, $0.30 a month each while something happens there. */
  readonly perPartition?: boolean;
}

/** As many values of one metric as a report takes (CloudWatch's limit of the embedded metric format). */
const MAX_VALUES = 100;

interface Gathered {
  readonly subscription: string;
  readonly partition: number | null;
  values: Map<MetricName, number[]>;
}

/** See the module comment. */
export class EventSourceMetrics {
  readonly #options: EventSourceMetricsOptions;
  readonly #gathered = new Map<string, Gathered>();

  constructor(options: EventSourceMetricsOptions) {
    this.#options = options;
  }

  /** Counts news. */
  readonly onNews = (news: EventSourceNews): void => {
    const partition = this.#options.perPartition === true ? news.partition.partition : null;
    this.#add(news.group, partition, metricsOf(news));
  };

  /** Counts how far a subscription is behind, as a sweep or a description tells it. */
  readonly onLag = (subscription: string, lag: SubscriptionLag): void => {
    this.#add(subscription, null, metricsOfLag(lag));
  };

  /** Hands over what was gathered, and begins anew. To be called when a function ends, and now and then where none does. */
  flush(): void {
    for (const gathered of this.#gathered.values()) this.#write(gathered);
    this.#gathered.clear();
  }

  #add(subscription: string, partition: number | null, metrics: readonly MetricValue[]): void {
    if (metrics.length === 0) return;
    const key = `${partition} ${subscription}`;
    const gathered = this.#gathered.get(key) ?? { subscription, partition, values: new Map() };
    this.#gathered.set(key, gathered);
    for (const [name, value] of metrics) {
      const kept = gathered.values.get(name) ?? [];
      gathered.values.set(name, kept);
      if (METRICS[name].keeps === 'sum') kept[0] = (kept[0] ?? 0) + value;
      else kept.push(value);
    }
    const isFull = metrics.some(([name]) => gathered.values.get(name)!.length >= MAX_VALUES);
    if (!isFull) return;
    this.#write(gathered);
    gathered.values = new Map();
  }

  #write({ subscription, partition, values }: Gathered): void {
    if (values.size === 0) return;
    const atMs = Math.floor(this.#options.clock.nowMs());
    this.#options.writer.write({ atMs, subscription, partition, values });
  }
}
