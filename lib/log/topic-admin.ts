import { addPartitions } from './add-partitions.ts';
import { alterTopic, type TopicChanges } from './alter-topic.ts';
import { type CreateTopicRequest, createTopic } from './create-topic.ts';
import { deleteTopic } from './delete-topic.ts';
import { describeTopic, type TopicDescription } from './describe-topic.ts';
import { findTopic, type TopicDeps } from './find-topic.ts';
import { repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';
import { type TrimResult, trimPartition } from './trim-partition.ts';

/** Names of one listing. */
const PAGE = 1_000;

/**
 * The administration of topics. Each operation is a function of its own, in the file of its name, which says what it does, costs and throws.
 *
 * Bad input is refused before anything is written; whatever is interrupted can be done again.
 */
export class TopicAdmin {
  readonly #deps: TopicDeps;

  constructor(deps: TopicDeps) {
    this.#deps = deps;
  }

  /** Creates a topic, see `createTopic`. */
  createTopic(request: CreateTopicRequest): Promise<Topic> {
    return createTopic(this.#deps, request);
  }

  /** A topic that can be used, see `findTopic`. */
  getTopic(name: string): Promise<Topic> {
    return findTopic(this.#deps, name);
  }

  /** Names of all topics in the order of their bytes, also of those that are half made or being deleted; one request for 1,000. */
  async listTopics(): Promise<readonly string[]> {
    const names: string[] = [];
    for (;;) {
      const after = names.at(-1) ?? null;
      const { answer } = await repeatRequest(this.#deps, () => this.#deps.store.topics.list(after, PAGE));
      if (answer.length === 0) return names;
      names.push(...answer);
    }
  }

  /** Describes a topic, see `describeTopic`. */
  describeTopic(name: string): Promise<TopicDescription> {
    return describeTopic(this.#deps, name);
  }

  /** Changes a topic's configuration, see `alterTopic`. */
  alterTopic(name: string, changes: TopicChanges): Promise<Topic> {
    return alterTopic(this.#deps, name, changes);
  }

  /** Gives a topic more partitions, see `addPartitions` for what that does to the order of keys. */
  addPartitions(name: string, totalCount: number): Promise<Topic> {
    return addPartitions(this.#deps, name, totalCount);
  }

  /** Raises the log start offset of a partition, see `trimPartition`. */
  trimPartition(name: string, partition: number, beforeOffset: bigint | 'end'): Promise<TrimResult> {
    return trimPartition(this.#deps, name, partition, beforeOffset);
  }

  /** Deletes a topic, see `deleteTopic`. */
  deleteTopic(name: string): Promise<void> {
    return deleteTopic(this.#deps, name);
  }
}
