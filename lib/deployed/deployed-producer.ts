import { Producer } from '../client/producer.ts';
import type { ProducerOptions } from '../client/producer-options.ts';
import { DelayWriter } from '../delay/delay-writer.ts';
import { Appender } from '../log/appender.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { TopicDirectory } from '../log/topic-directory.ts';
import { type DeployedStore, machine } from './deployment.ts';

/** How long it believes what it read of a topic. */
const TOPIC_MAX_AGE_MS = 30_000;
/** A function has no time to wait for longer. */
const DELIVERY_TIMEOUT_MS = 20_000;

/** A producer without all that a client has beside it: the bundle of a function is loaded whenever one starts. */
export function deployedProducer({ store, target }: DeployedStore, options: ProducerOptions): Producer {
  const deps = { ...machine, store };
  return new Producer(
    {
      ...machine,
      appender: new Appender({ ...deps, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS }),
      delays: target.delays ? new DelayWriter(deps) : null,
      topics: new TopicDirectory({ ...machine, source: new TopicAdmin(deps), maxAgeMs: TOPIC_MAX_AGE_MS }),
    },
    options,
  );
}
