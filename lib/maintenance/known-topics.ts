/**
 * Whether objects belong to this log at all. A second log under the same prefix, by another table, has objects that this one never names: they must not be taken for garbage.
 */
import { asMillraceError } from '../errors.ts';
import { isDamage } from '../log/entry-check.ts';
import type { ObjectSummary } from '../log/object-store.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { claimIndex } from '../segment/claim-index.ts';
import { parseSegmentKey } from '../segment/segment-key.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { readObjectIndex } from './read-object-index.ts';
import { walkTopics } from './walk-topics.ts';

/** Of each listing, so many of the objects that nothing names are looked into. */
const LOOKED_INTO = 20;

/** Remembers which topics are ours. */
export class KnownTopics {
  readonly #deps: MaintenanceDeps;
  readonly #known = new Map<string, Promise<boolean>>();

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps;
  }

  /** The first of some of these objects that holds records of a topic which this log has never had; null when there is none. What cannot be read tells nothing. One request for each that is looked into, and one or two for each topic. */
  async findStrange(objects: readonly ObjectSummary[]): Promise<string | null> {
    const step = Math.max(1, Math.floor(objects.length / LOOKED_INTO));
    for (let index = 0; index < objects.length; index += step) {
      const object = objects[index]!;
      for (const partition of await partitionsIn(this.#deps, object)) {
        if (!(await this.#isKnown(partition))) return object.key;
      }
    }
    return null;
  }

  #isKnown(partition: PartitionKey): Promise<boolean> {
    const { topicId } = partition;
    const known = this.#known.get(topicId) ?? this.#look(partition);
    this.#known.set(topicId, known);
    return known;
  }

  async #look(partition: PartitionKey): Promise<boolean> {
    const { heads, spentTopics } = this.#deps.store;
    const read = () => heads.read(partition, { consistent: true });
    try {
      if ((await repeatRequest(this.#deps, read)).answer !== null) return true;
    } catch (cause) {
      // It is there, although it cannot be read.
      if (isDamage(asMillraceError(cause))) return true;
      throw cause;
    }
    const isSpent = async () => (await repeatRequest(this.#deps, () => spentTopics.has(partition.topicId))).answer;
    // Asked again behind the topics, since a deletion may have come to its end meanwhile.
    return (await isSpent()) || (await this.#hasTopic(partition.topicId)) || (await isSpent());
  }

  /** Whether there is such a topic although its heads are gone: while it is being deleted. One read for each topic, only where all else speaks of another log. */
  async #hasTopic(topicId: string): Promise<boolean> {
    let isFound = false;
    await walkTopics(this.#deps, null, {
      async topic(topic) {
        isFound = topic.topicId === topicId;
        return isFound ? 'stop' : 'skip';
      },
      heads: async () => 'next',
      unreadable: () => {},
    });
    return isFound;
  }
}

/** The first and the last partition of an object; none where its index cannot be read. */
async function partitionsIn(deps: MaintenanceDeps, object: ObjectSummary): Promise<readonly PartitionKey[]> {
  const { domain } = parseSegmentKey(object.key);
  try {
    const { regions } = claimIndex(await readObjectIndex(deps, object), domain);
    return [...new Set([regions[0], regions.at(-1)])].flatMap((region) => region ?? []);
  } catch (cause) {
    const error = asMillraceError(cause);
    if (!isDamage(error)) throw error;
    return [];
  }
}
