/** What a gateway knows of topics, by name and by id; which topics there are is asked of the store whenever a client asks for it. */
import type { Clock } from '../clock.ts';
import { hasCode, MillraceError } from '../errors.ts';
import { inParallel } from '../log/in-parallel.ts';
import type { Topic } from '../log/topic.ts';
import type { TopicAdmin } from '../log/topic-admin.ts';
import { TopicDirectory, type TopicRoute } from '../log/topic-directory.ts';
import { ZERO_UUID } from './protocol/wire-reader.ts';
import { RareLook } from './rare-look.ts';

/** A topic as a request names it: by its name, or by its id from some version on. */
export interface NamedTopic {
  readonly name?: string | undefined;
  readonly topicId?: string | undefined;
}

/** How topics are made for who asks for one that is not there. */
export interface TopicDefaults {
  /** Whether they are made at all. */
  readonly autoCreateTopics: boolean;
  readonly partitionCount: number;
}

/** How long a topic is believed; one that was made again before that is noticed by the first append or fetch. */
const TOPIC_MAX_AGE_MS = 30_000;
/** Names kept by their ids; who asks by an older id is told to look the topic up again. */
const KEPT_IDS = 100_000;
/** All topics are looked at for one of an unknown id at most so often. */
const LOOK_MS = 30_000;
/** Topics that are read at once. */
const PARALLEL = 16;

/** See the module comment. */
export class GatewayTopics {
  readonly defaults: TopicDefaults;
  readonly #admin: TopicAdmin;
  readonly #clock: Clock;
  readonly #directory: TopicDirectory;
  readonly #namesById = new Map<string, string>();
  /** Another gateway may have told a client of an id, before this one was started. */
  readonly #rareLook: RareLook;

  constructor(admin: TopicAdmin, clock: Clock, defaults: TopicDefaults) {
    this.defaults = defaults;
    this.#admin = admin;
    this.#clock = clock;
    this.#rareLook = new RareLook({ clock, everyMs: LOOK_MS, look: () => this.readAll() });
    this.#directory = new TopicDirectory({
      source: { getTopic: (name) => this.read(name) },
      clock,
      maxAgeMs: TOPIC_MAX_AGE_MS,
    });
  }

  /** What is known of a topic without asking the store, or null; a partition that it did not have may have been added. */
  peek(name: string, partition: number): TopicRoute | null {
    return this.#directory.peek({ topic: name, partition }, this.#clock.monotonicMs());
  }

  /** The name of a topic by its id, undefined for one that nobody has asked for by name. */
  nameOf(topicId: string): string | undefined {
    return this.#namesById.get(topicId);
  }

  /**
   * A topic as it is known, or read now; all are read for an id that is not known, at most each half minute. Throws UNKNOWN_TOPIC_OR_PARTITION, TOPIC_BUSY; UNKNOWN_TOPIC_ID for an id that is not, or no longer, the
   * topic's.
   */
  async route({ name = '', topicId = ZERO_UUID }: NamedTopic, partition = 0): Promise<TopicRoute> {
    if (topicId === ZERO_UUID) return this.peek(name, partition) ?? (await this.#readNamed(name));
    const known = this.#namesById.get(topicId) ?? (await this.#lookFor(topicId));
    if (known === undefined) throw unknownTopicId(topicId);
    const route = await this.route({ name: known }, partition).catch((error: unknown) => {
      throw hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION') ? unknownTopicId(topicId) : error;
    });
    if (route.topicId === topicId) return route;
    // It was deleted, and there is another one of its name.
    this.#namesById.delete(topicId);
    throw unknownTopicId(topicId);
  }

  async #lookFor(topicId: string): Promise<string | undefined> {
    await this.#rareLook.had();
    return this.#namesById.get(topicId);
  }

  /** What can be no name is none of a topic: only who makes topics is told so. */
  async #readNamed(name: string): Promise<TopicRoute> {
    try {
      return await this.#directory.read(name);
    } catch (error) {
      if (!hasCode(error, 'INVALID_TOPIC_EXCEPTION')) throw error;
      const { message, value, hint } = error as MillraceError;
      throw new MillraceError('UNKNOWN_TOPIC_OR_PARTITION', message, { value, ...(hint && { hint }), cause: error });
    }
  }

  /** What was known of a topic proved wrong. */
  forget(route: TopicRoute): void {
    this.#directory.forget(route);
  }

  /** A topic was changed by this gateway: its own clients are to see that at once. */
  async changed(name: string): Promise<void> {
    // One that is gone, or cannot be read now, is read when it is asked for.
    await this.#directory.read(name).catch(() => {});
  }

  /** A topic as it is stored now. Throws UNKNOWN_TOPIC_OR_PARTITION, TOPIC_BUSY, INVALID_TOPIC_EXCEPTION. */
  async read(name: string): Promise<Topic> {
    const topic = await this.#admin.getTopic(name);
    this.#remember(topic);
    return topic;
  }

  /** All topics that can be used, by their names: a request for a thousand of them, and one for each. */
  async readAll(): Promise<readonly Topic[]> {
    const names = await this.#admin.listTopics();
    const topics: (Topic | null)[] = new Array(names.length).fill(null);
    await inParallel([...names.entries()], PARALLEL, async ([index, name]) => {
      topics[index] = await this.read(name).catch((error: unknown) => {
        // Half made, being deleted, or gone by now.
        if (hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION') || hasCode(error, 'TOPIC_BUSY')) return null;
        throw error;
      });
    });
    return topics.filter((topic) => topic !== null);
  }

  /** As `read`, and makes a topic that is not there if that is wanted. */
  async readOrCreate(name: string, isWanted: boolean): Promise<Topic> {
    try {
      return await this.read(name);
    } catch (error) {
      const makes = isWanted && this.defaults.autoCreateTopics && hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION');
      if (!makes) throw error;
    }
    return this.#create(name);
  }

  async #create(name: string): Promise<Topic> {
    try {
      const topic = await this.#admin.createTopic({ name, partitionCount: this.defaults.partitionCount });
      this.#remember(topic);
      return topic;
    } catch (error) {
      if (!hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw error;
      return this.read(name);
    }
  }

  #remember({ topicId, name }: Topic): void {
    if (this.#namesById.has(topicId)) return;
    this.#namesById.set(topicId, name);
    if (this.#namesById.size > KEPT_IDS) this.#namesById.delete(this.#namesById.keys().next().value!);
  }
}

/** Told of an id that is of no topic. */
export function unknownTopicId(topicId: string): MillraceError {
  return new MillraceError('UNKNOWN_TOPIC_ID', `there is no topic of the id ${topicId}`, {
    value: topicId,
    hint: 'Ask for the metadata of the topic by its name.',
  });
}
