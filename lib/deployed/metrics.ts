import { MillraceError } from '../errors.ts';
import type { EventSourceNews } from '../event-source/event-source-deps.ts';
import type { EventSourceMetrics } from '../event-source/metrics/event-source-metrics.ts';
import { embeddedMetrics } from '../middleware/embedded-metrics.ts';
import type { Environment } from './deployment.ts';

const KINDS = ['none', 'subscription', 'partition'] as const;

/** Metrics as MILLRACE_METRICS says: of each subscription (the default), of each partition too, or none. Throws INVALID_CONFIG. */
export function deployedMetrics({ MILLRACE_METRICS: kind = 'subscription' }: Environment): EventSourceMetrics | null {
  if (kind === 'none') return null;
  if (kind === 'subscription' || kind === 'partition') return embeddedMetrics({ perPartition: kind === 'partition' });
  throw new MillraceError('INVALID_CONFIG', `MILLRACE_METRICS cannot be ${kind}`, {
    value: kind,
    hint: `Set it to one of ${KINDS.join(', ')}.`,
  });
}

/** What is worth a line of the log of its own; what is done well is in the metrics. */
const TOLD: ReadonlySet<EventSourceNews['kind']> = new Set([
  'throttled',
  'given-up',
  'destination-failed',
  'topic-missing',
  'subscription-unreadable',
  'skipped',
  'undecodable',
  'crashed-before',
  'unreadable',
  'redriven',
]);

/** Writes news that somebody should read as lines of JSON. */
export function logNews(news: object & { readonly kind: string }, write: (line: string) => void): void {
  if (TOLD.has(news.kind as EventSourceNews['kind']) || isFailure(news)) write(JSON.stringify(news, textOfBigint));
}

function isFailure(news: object): boolean {
  return 'error' in news && news.error !== '';
}

function textOfBigint(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}
