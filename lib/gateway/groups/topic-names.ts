import type { GroupTopic } from '../../group/group.ts';
import type { GroupDeps } from '../../group/group-deps.ts';
import { readGroupTopics, subscribedNames } from '../../group/subscription.ts';
import { inParallel } from '../../log/in-parallel.ts';
import { isTopicName } from '../../log/topic-name.ts';
import { RareLook } from '../rare-look.ts';

/** A topic that was read is believed for so long. */
const MAX_AGE_MS = 5_000;
/** Topics that are remembered. */
const MAX_TOPICS = 10_000;
const LOOKUPS = 16;

interface Remembered {
  readonly topic: GroupTopic;
  readonly readMs: number;
}

/**
 * Topics by name and by id, as they were at most five seconds ago: a commit need not read its topic each time. A topic that was deleted and made again meanwhile is not confused with the new one, since
 * offsets are kept by its id.
 */
export class TopicNames {
  readonly #deps: GroupDeps;
  readonly #byName = new Map<string, Remembered>();
  readonly #reading = new Map<string, Promise<GroupTopic | null>>();
  readonly #rareLook: RareLook;

  constructor(deps: GroupDeps) {
    this.#deps = deps;
    const look = async () => this.findAll(await this.list());
    this.#rareLook = new RareLook({ clock: deps.clock, everyMs: MAX_AGE_MS, look });
  }

  /** Those of these topics that can be read. One consistent read for each that is not remembered. */
  async findAll(names: Iterable<string>): Promise<ReadonlyMap<string, GroupTopic>> {
    const found = new Map<string, GroupTopic>();
    await inParallel(new Set(names), LOOKUPS, async (name) => {
      const topic = await this.#find(name);
      if (topic !== null) found.set(name, topic);
    });
    return found;
  }

  /** The names of all topics, sorted. A request for a thousand of them. */
  list(): Promise<readonly string[]> {
    return subscribedNames(this.#deps, /^/);
  }

  /** A topic by its id. One that is not remembered costs a look at all topics, at most every five seconds. */
  async findById(topicId: string): Promise<GroupTopic | null> {
    const remembered = this.#remembered(topicId);
    if (remembered !== undefined) return remembered;
    await this.#rareLook.had();
    return this.#remembered(topicId) ?? null;
  }

  #remembered(topicId: string): GroupTopic | undefined {
    for (const { topic } of this.#byName.values()) if (topic.topicId === topicId) return topic;
    return undefined;
  }

  async #find(name: string): Promise<GroupTopic | null> {
    const remembered = this.#byName.get(name);
    if (remembered && this.#deps.clock.monotonicMs() - remembered.readMs < MAX_AGE_MS) return remembered.topic;
    const reading = this.#reading.get(name) ?? this.#read(name);
    this.#reading.set(name, reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(name);
    }
  }

  async #read(name: string): Promise<GroupTopic | null> {
    const readMs = this.#deps.clock.monotonicMs();
    const [topic] = isTopicName(name) ? await readGroupTopics(this.#deps, [name]) : [];
    this.#byName.delete(name);
    // What is not there may be made at any moment.
    if (topic === undefined) return null;
    this.#byName.set(name, { topic, readMs });
    if (this.#byName.size > MAX_TOPICS) this.#byName.delete(this.#byName.keys().next().value!);
    return topic;
  }
}
