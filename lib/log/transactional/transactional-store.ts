import type { Clock } from '../../clock.ts';
import { ServerClock } from '../../segment/server-clock.ts';
import type { LogStore } from '../log-store.ts';
import type { Meter } from '../meter.ts';
import type { ObjectStore } from '../object-store.ts';
import type { ItemTransactions } from './item-transactions.ts';
import { transactionalChunks } from './transactional-chunks.ts';
import { transactionalHeads } from './transactional-heads.ts';
import { transactionalTopics } from './transactional-topics.ts';

/** What an embedded store is made of. */
export interface TransactionalStoreParts {
  readonly items: ItemTransactions;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly prefix: string;
  /** Called once, however often the store is closed. */
  readonly close: () => Promise<void>;
}

/** A `LogStore` over items with transactions and an object store. Its server clock is the machine's own, since no answer ever corrects it. */
export function transactionalStore(parts: TransactionalStoreParts): LogStore {
  const { items, meter } = parts;
  let closing: Promise<void> | undefined;
  return {
    objects: parts.objects,
    heads: transactionalHeads(items, meter),
    chunks: transactionalChunks(items, meter),
    topics: transactionalTopics(items, meter),
    prefix: parts.prefix,
    serverClock: new ServerClock(parts.clock),
    close() {
      closing ??= parts.close();
      return closing;
    },
  };
}
