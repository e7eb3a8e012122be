import { Producer } from '../client/producer.ts';
import type { ProducerOptions } from '../client/producer-options.ts';
import type { DelayPorts } from '../delay/delay-store.ts';
import { DelayWriter } from '../delay/delay-writer.ts';
import { Appender } from '../log/appender.ts';
import { findTopic } from '../log/find-topic.ts';
import { TopicDirectory, type TopicSource } from '../log/topic-directory.ts';
import { type DeployedStore, machine } from './deployment.ts';

/** How long it believes what it read of a topic. */
const TOPIC_MAX_AGE_MS = 30_000;
/** A function has no time to wait for longer. */
const DELIVERY_TIMEOUT_MS = 20_000;

/** What a process knows of topics. */
export function deployedTopics({ store }: DeployedStore): TopicDirectory {
  const source: TopicSource = { getTopic: (name) => findTopic({ ...machine, store }, name) };
  return new TopicDirectory({ ...machine, source, maxAgeMs: TOPIC_MAX_AGE_MS });
}

/** What appends, as long as a function has time for. */
export function deployedAppender({ store }: DeployedStore): Appender {
  return new Appender({ ...machine, store, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS });
}

/** A producer without all that a client has beside it: the bundle of a function is loaded whenever one starts. */
export function deployedProducer(
  deployed: DeployedStore<DelayPorts>,
  options: ProducerOptions,
  topics: TopicDirectory = deployedTopics(deployed),
): Producer {
  const { store, target } = deployed;
  return new Producer(
    {
      ...machine,
      appender: deployedAppender(deployed),
      delays: target.delays ? new DelayWriter({ ...machine, store }) : null,
      topics,
    },
    options,
  );
}
