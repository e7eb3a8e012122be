import { Millrace } from '../client/millrace.ts';
import { systemClock as clock, systemRandom as random } from '../clock.ts';
import { DeadLetters } from '../event-source/dead-letters.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import type { RecordSender } from '../event-source/give-up.ts';
import { SubscriptionAdmin } from '../event-source/subscription-admin.ts';
import { Fetcher } from '../log/fetcher.ts';
import { noMeter } from '../log/meter.ts';
import { parseConnectionString } from './connection-string.ts';
import { openStore } from './open-store.ts';

/** What administers the event source of a store. */
export interface EventSourceTools {
  readonly store: EventSourceStore;
  readonly millrace: Millrace;
  readonly subscriptions: SubscriptionAdmin;
  readonly deadLetters: DeadLetters;
  readonly records: RecordSender;
  /** Closes the client, then the store. */
  close(): Promise<void>;
}

/** The tools for a store that is open. */
export function eventSourceTools(store: EventSourceStore): EventSourceTools {
  const millrace = new Millrace({ store, clock, random, ownsStore: true });
  const subscriptions = new SubscriptionAdmin({ store, clock, random });
  const records = recordSender(millrace);
  const fetcher = new Fetcher({ store, clock, random });
  const deadLetters = new DeadLetters({ store, clock, random, fetcher, subscriptions, records });
  return { store, millrace, subscriptions, deadLetters, records, close: () => millrace.close() };
}

/** Opens the store that a connection string names, with the tools for it. Throws INVALID_CONNECTION_STRING, and what opening the store throws. */
export async function openEventSourceTools(to: string): Promise<EventSourceTools> {
  return eventSourceTools(await openStore(parseConnectionString(to), { clock, meter: noMeter }));
}

/** Writes records by a producer of its own, which is made when it is needed. */
function recordSender(millrace: Millrace): RecordSender {
  let producer: ReturnType<Millrace['producer']> | undefined;
  return {
    async send(topic, { key, value, headers }) {
      producer ??= millrace.producer();
      await producer.send({ topic, key, value, headers: headers.map((one) => [one.key, one.value] as const) });
    },
  };
}
