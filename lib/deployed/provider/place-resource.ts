/**
 * `Custom::MillracePlace`: where the objects of a log lie, which a stack must not change by mistake: entries name objects by ids alone, so under another bucket or prefix all records would seem to be lost.
 *
 * | property | |
 * |---|---|
 * | `Bucket`, `Prefix` | where they are, from now on |
 *
 * What is looked for is in the place of this function's own log, which is changed before this resource is asked. Where records are there but none of their objects, the change is refused, and no other function has been told of it. Objects that were copied to another place before are found there.
 */
import type { Clock, Random } from '../../clock.ts';
import { hasCode, MillraceError } from '../../errors.ts';
import { inParallel } from '../../log/in-parallel.ts';
import { locateEntries } from '../../log/locate.ts';
import type { LogStore } from '../../log/log-store.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topic } from '../../log/topic.ts';
import type { TopicAdmin } from '../../log/topic-admin.ts';
import { segmentKey } from '../../segment/segment-key.ts';
import type { ResourceKind, ResourceProperties, ResourceState } from './custom-resource.ts';

/** What it needs. */
export interface PlaceResourceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Pick<LogStore, 'heads' | 'chunks' | 'objects' | 'prefix'>;
  readonly topics: Pick<TopicAdmin, 'listTopics' | 'getTopic'>;
}

/** Topics and partitions of each that are looked at; one object that is there is enough. */
const TOPICS = 100;
const PARTITIONS = 4;
const PARALLEL = 16;

/** See the module comment. */
export function placeResource(deps: PlaceResourceDeps): ResourceKind {
  const settle = async (physicalId: string, properties: ResourceProperties): Promise<ResourceState> => {
    await checkPlace(deps, { bucket: properties.text('Bucket'), prefix: properties.optionalText('Prefix') ?? '' });
    return { physicalId, attributes: {} };
  };
  return {
    create: (properties) => settle(`place:${properties.text('Bucket')}`, properties),
    // The same resource wherever it is: nothing of the former place is to be deleted.
    update: settle,
    async delete() {},
  };
}

async function checkPlace(
  deps: PlaceResourceDeps,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
): Promise<void> {
  const missing: string[] = [];
  let isThere = false;
  const names = (await deps.topics.listTopics()).slice(0, TOPICS);
  await inParallel(names, PARALLEL, async (name) => {
    const topic = isThere ? null : await found(deps, name);
    for (let partition = 0; topic !== null && !isThere && partition < PARTITIONS; partition++) {
      for (const key of await keysOf(deps, topic, partition)) {
        const { answer } = await repeatRequest(deps, () => deps.store.objects.size(key));
        if (answer === null) missing.push(key);
        else isThere = true;
      }
    }
  });
  if (isThere || missing.length === 0) return;
  const [example] = missing;
  throw new MillraceError('INVALID_CONFIG', `the objects of the log are not in ${bucket}, below "${prefix}"`, {
    value: example,
    hint: `${example} is not there, for one. Give bucket and objectPrefix as they were, or copy all objects there first.`,
  });
}

/** Keys of the oldest and of the newest object of a partition, as far as its records are in objects. */
async function keysOf(
  deps: PlaceResourceDeps,
  { topicId, domain }: Topic,
  partition: number,
): Promise<readonly string[]> {
  const { heads, chunks, prefix } = deps.store;
  const at = { topicId, partition };
  const { answer: head } = await repeatRequest(deps, () => heads.read(at, { consistent: true }));
  if (head === null || head.start === head.next) return [];
  const query = { maxBytes: 1, consistent: true };
  const located = await Promise.all(
    [head.start, head.next - 1n].map((offset) =>
      repeatRequest(deps, () => locateEntries(chunks, at, head, { ...query, offset })),
    ),
  );
  return located.flatMap(({ answer }) =>
    (answer ?? []).flatMap(({ entry: { kind, id }, level }) =>
      kind === 'inline' ? [] : [segmentKey({ prefix, domain, level, id })],
    ),
  );
}

async function found({ topics }: PlaceResourceDeps, name: string): Promise<Topic | null> {
  try {
    return await topics.getTopic(name);
  } catch (error) {
    // It is being made, or deleted.
    if (hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return null;
    throw error;
  }
}
