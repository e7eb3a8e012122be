import { Millrace } from '../client/millrace.ts';
import { systemClock as clock, systemRandom as random } from '../clock.ts';
import { DeadLetters } from '../event-source/dead-letters.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import type { RecordSender } from '../event-source/give-up.ts';
import type { NoticeSender } from '../event-source/notice-sender.ts';
import { Replays } from '../event-source/replays.ts';
import { SubscriptionAdmin } from '../event-source/subscription-admin.ts';
import { Fetcher } from '../log/fetcher.ts';
import { noMeter } from '../log/meter.ts';
import { type ConnectionTarget, parseConnectionString } from './connection-string.ts';
import { type AwsDestinations, noticeSender } from './notice-sender.ts';
import { openStore } from './open-store.ts';
import { recordSender, SENDER_BUFFER_BYTES } from './record-sender.ts';

/** What administers the event source of a store. */
export interface EventSourceTools {
  readonly store: EventSourceStore;
  readonly millrace: Millrace;
  readonly subscriptions: SubscriptionAdmin;
  readonly deadLetters: DeadLetters;
  readonly replays: Replays;
  readonly records: RecordSender;
  readonly notices: NoticeSender;
  /** Closes the client, then the store. */
  close(): Promise<void>;
}

/** The tools for a store that is open; `place` is where SQS, SNS and S3 are, for what fails. */
export function eventSourceTools(store: EventSourceStore, place: AwsDestinations = {}): EventSourceTools {
  const millrace = new Millrace({ store, clock, random, ownsStore: true });
  const notices = noticeSender({ clock, random, place });
  const subscriptions = new SubscriptionAdmin({ store, clock, random, destinations: notices });
  const records = recordSender(() => millrace.producer({ bufferMemoryBytes: SENDER_BUFFER_BYTES }));
  const fetcher = new Fetcher({ store, clock, random });
  const deadLetters = new DeadLetters({ store, clock, random, fetcher, subscriptions, records });
  const replays = new Replays({ store, clock, random, fetcher, subscriptions });
  const close = async () => {
    await millrace.close();
    await notices.close();
  };
  return { store, millrace, subscriptions, deadLetters, replays, records, notices, close };
}

/** Where destinations are for a log: beside it, if it is on AWS. */
export function destinationsOf(target: ConnectionTarget): AwsDestinations {
  return target.kind === 'aws' ? { region: target.region, endpoint: target.endpoint } : {};
}

/** Opens the store that a connection string names, with the tools for it. Throws INVALID_CONNECTION_STRING, and what opening the store throws. */
export async function openEventSourceTools(to: string): Promise<EventSourceTools> {
  const target = parseConnectionString(to);
  return eventSourceTools(await openStore(target, { clock, meter: noMeter }), destinationsOf(target));
}
