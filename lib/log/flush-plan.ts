/** When a flush starts and what it writes: pure. */
import { limits } from '../limits.ts';
import type { AppendPart } from './append-part.ts';
import { partitionPk } from './partition-key.ts';

/** How an appender batches. */
export interface FlushPolicy {
  /** An open flush this large starts although others are in flight. */
  readonly segmentBytes: number;
  /** A smaller one waits this long for company. */
  readonly lingerMs: number;
  /** At most this many flushes are being written to the object store. */
  readonly maxPutsInFlight: number;
  /** Bounds requests, where cents matter more than milliseconds. Infinity: no bound. */
  readonly maxFlushesPerSecond: number;
}

/** What the appender is doing. */
export interface FlushState {
  readonly nowMs: number;
  readonly openBytes: number;
  /** When the first part was opened. */
  readonly openSinceMs: number;
  /** Start times of the flushes that are not settled. */
  readonly inFlightSinceMs: readonly number[];
  /** How many of them are still being written to the object store. */
  readonly uploadCount: number;
  readonly lastStartMs: number;
  /** Somebody waits for a flush: no lingering. */
  readonly urgent: boolean;
}

/** A flush in flight for longer than this no longer holds up the next one: one slow partition must not delay all others. */
export const SLOW_FLUSH_MS = 500;

/**
 * Milliseconds until the open flush may start: 0 now, Infinity not before another one ends. Group commit, not a timer: a flush starts when none is in flight, so that
 * under load each carries what arrived during the one before.
 */
export function flushDelayMs(state: FlushState, policy: FlushPolicy): number {
  const { nowMs, inFlightSinceMs } = state;
  if (state.uploadCount >= policy.maxPutsInFlight) return Number.POSITIVE_INFINITY;
  if (state.openBytes >= policy.segmentBytes) return 0;
  const forBudget = state.lastStartMs + 1000 / policy.maxFlushesPerSecond - nowMs;
  const forLinger = state.urgent ? 0 : state.openSinceMs + policy.lingerMs - nowMs;
  const forCompany = inFlightSinceMs.length === 0 ? 0 : Math.max(...inFlightSinceMs) + SLOW_FLUSH_MS - nowMs;
  return Math.max(0, forBudget, forLinger, forCompany);
}

/** What one flush writes: small parts inline, the others into one segment for each isolation domain. */
export interface FlushPlan {
  readonly inline: readonly AppendPart[];
  readonly segments: readonly { readonly domain: string; readonly parts: readonly AppendPart[] }[];
}

/**
 * So many partitions of a domain travel inline in one flush; more share a PUT, which is cheaper than a second write unit for each. Inline, 100 bytes cost about 2.4 units ($1.48 per million); as a reference
 * 1.1 ($0.70) and their part of a PUT ($5). A topic with a higher limit than the default has paid for milliseconds, and keeps them.
 */
const INLINE_PARTITIONS = 6;

/** Sorts the parts of a flush by how they travel; those of one partition together, since they land in one head. */
export function planFlush(parts: readonly AppendPart[]): FlushPlan {
  const bytes = new Map<string, number>();
  for (const { target, byteCount } of parts) {
    const key = partitionPk(target.partition);
    bytes.set(key, (bytes.get(key) ?? 0) + byteCount);
  }
  const isSmall = ({ target }: AppendPart) => bytes.get(partitionPk(target.partition))! <= target.inlineMaxBytes;
  const mayShare = ({ target }: AppendPart) => target.inlineMaxBytes <= limits.inlineBytes;
  const small = Map.groupBy(
    parts.filter((part) => isSmall(part) && mayShare(part)),
    ({ target }) => target.domain,
  );
  const isShared = new Set(
    [...small].filter(([, own]) => partitionCount(own) > INLINE_PARTITIONS).map(([domain]) => domain),
  );
  const isInline = (part: AppendPart) => isSmall(part) && !(mayShare(part) && isShared.has(part.target.domain));
  const inline = parts.filter(isInline);
  const byDomain = Map.groupBy(
    parts.filter((part) => !isInline(part)),
    (part) => part.target.domain,
  );
  return { inline, segments: [...byDomain].map(([domain, domainParts]) => ({ domain, parts: domainParts })) };
}

function partitionCount(parts: readonly AppendPart[]): number {
  return new Set(parts.map(({ target }) => partitionPk(target.partition))).size;
}
