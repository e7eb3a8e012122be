import { NO_PROGRESS, type Progress } from '../../lib/event-source/progress.ts';
import type { ReceivedEvent } from '../../lib/event-source/received-event.ts';
import { type SubscriptionOptions, subscriptionOptions } from '../../lib/event-source/subscription-options.ts';

/** A record at an offset. */
export function eventAt(offset: number | bigint, changes: Partial<ReceivedEvent> = {}): ReceivedEvent {
  return {
    topic: 'orders',
    partition: 0,
    offset: BigInt(offset),
    gapFrom: BigInt(offset),
    timestampMs: 1_764_000_000_000n,
    timestampType: 'CREATE_TIME',
    keyBytes: null,
    valueBytes: Buffer.from(`v${offset}`),
    headers: [],
    ...changes,
  };
}

/** Records `[from, to)`; `keys` gives each its key by its offset. */
export function eventsOf(from: number, to: number, keys?: (offset: number) => string): readonly ReceivedEvent[] {
  return Array.from({ length: to - from }, (_, index) => {
    const offset = from + index;
    return eventAt(offset, keys ? { keyBytes: Buffer.from(keys(offset)) } : {});
  });
}

/** Options with their defaults. */
export function optionsOf(changes: Partial<SubscriptionOptions> = {}): SubscriptionOptions {
  return subscriptionOptions(changes, 'billing');
}

/** Progress with some fields. */
export function progressOf(changes: Partial<Progress> = {}): Progress {
  return { ...NO_PROGRESS, ...changes };
}

/** Offsets of records. */
export const offsetsOf = (records: readonly { readonly offset: bigint }[]): number[] =>
  records.map(({ offset }) => Number(offset));
