/**
 * Second half of a pass of collection: lists the objects of one domain, each shard from its oldest on, and condemns those whose id lies below the floor and is not named. Nothing is deleted by that.
 *
 * Ids at or above the floor may still be committed, however old their objects are; nothing is condemned by its age.
 */
import { asMillraceError, hasCode } from '../errors.ts';
import { isDamage } from '../log/entry-check.ts';
import type { ObjectSummary } from '../log/object-store.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { readSegmentIndex } from '../segment/decode-segment.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import { parseSegmentKey, SEGMENT_SHARDS, segmentKeyPrefix } from '../segment/segment-key.ts';
import type { DomainPlace, UnreadPartition } from './collection-state.ts';
import type { KnownTopics } from './known-topics.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import type { NamesFilter } from './names-filter.ts';

/** Objects of one listing. */
const PAGE = 1_000;
/** In `DomainPlace`: nothing is left of the shard. */
const SHARD_DONE = 'done';

/** By what objects are judged. */
export interface CondemnRequest {
  readonly floor: SegmentId;
  readonly names: Pick<NamesFilter, 'has'>;
  /** Of this domain. */
  readonly unread: readonly UnreadPartition[];
  readonly isOver: () => boolean;
  readonly topics: Pick<KnownTopics, 'findStrange'>;
  /** Told of each page of objects that was judged. */
  readonly onPage: (page: JudgedPage) => void;
}

/** What became of the objects of one listing. */
export interface JudgedPage {
  readonly shard: string;
  /** Where the shard goes on. */
  readonly after: string;
  readonly listed: number;
  readonly condemned: readonly ObjectSummary[];
  readonly keptForDamage: number;
  readonly foreign: number;
  /** An object of another log, null when none was found. */
  readonly strange: string | null;
}

/** What is to become of an object. */
export type ObjectFate = 'fresh' | 'named' | 'condemned' | 'kept-for-damage' | 'foreign';

/** Lists the shards of a domain in parallel from where each was left. The pages that were told are all that is done when it returns. Throws what the store throws. */
export async function condemnDomain(
  deps: MaintenanceDeps,
  { domain, shards }: DomainPlace,
  request: CondemnRequest,
): Promise<void> {
  const open = SEGMENT_SHARDS.filter((shard) => shards[shard] !== SHARD_DONE);
  await Promise.all(open.map((shard) => condemnShard(deps, { domain, shard, from: shards[shard] ?? null }, request)));
}

async function condemnShard(
  deps: MaintenanceDeps,
  { domain, shard, from }: { readonly domain: string; readonly shard: string; readonly from: string | null },
  request: CondemnRequest,
): Promise<void> {
  const { prefix, objects } = deps.store;
  const folder = `${segmentKeyPrefix({ prefix, domain, level: 0 })}${shard}/`;
  let after = from;
  // One page at least, so that slices come to an end however short they are.
  do {
    const { answer } = await repeatRequest(deps, () => objects.list(folder, after, PAGE));
    const page = await judgePage(deps, shard, answer, request);
    request.onPage(page);
    after = page.after;
  } while (after !== SHARD_DONE && !request.isOver());
}

/** Whether nothing is left to be listed of a domain. */
export function isDomainDone({ shards }: DomainPlace): boolean {
  return SEGMENT_SHARDS.every((shard) => shards[shard] === SHARD_DONE);
}

async function judgePage(
  deps: MaintenanceDeps,
  shard: string,
  found: readonly ObjectSummary[],
  request: CondemnRequest,
): Promise<JudgedPage> {
  const fates: { readonly object: ObjectSummary; readonly fate: ObjectFate }[] = [];
  for (const object of found) fates.push({ object, fate: await fateOf(deps, object, request) });
  const count = (wanted: ObjectFate) => fates.filter(({ fate }) => fate === wanted).length;
  const condemned = fates.filter(({ fate }) => fate === 'condemned').map(({ object }) => object);
  // Keys are in the order of their ids: nothing behind a fresh one is older.
  const isEnd = found.length === 0 || count('fresh') > 0;
  return {
    shard,
    after: isEnd ? SHARD_DONE : found.at(-1)!.key,
    listed: found.length,
    condemned,
    strange: await request.topics.findStrange(condemned),
    keptForDamage: count('kept-for-damage'),
    foreign: count('foreign'),
  };
}

/** What is to become of an object of level 0. Two requests where names of its domain are not known, else none. */
export async function fateOf(
  deps: MaintenanceDeps,
  { key, sizeBytes }: ObjectSummary,
  { floor, names, unread }: Pick<CondemnRequest, 'floor' | 'names' | 'unread'>,
): Promise<ObjectFate> {
  const id = idIn(deps, key);
  if (id === null) return 'foreign';
  if (id >= floor) return 'fresh';
  if (names.has(id)) return 'named';
  if (unread.length === 0) return 'condemned';
  return (await mayBeNamedBy(deps, { key, sizeBytes }, unread)) ? 'kept-for-damage' : 'condemned';
}

/** The id in the key of a segment of level 0, null for anything else. */
function idIn({ store }: MaintenanceDeps, key: string): SegmentId | null {
  try {
    const { prefix, level, id } = parseSegmentKey(key);
    return level === 0 && prefix === store.prefix ? id : null;
  } catch (error) {
    if (hasCode(error, 'INVALID_REQUEST')) return null;
    throw error;
  }
}

/** Whether an object holds anything of partitions whose names are not known. What cannot be read may. */
async function mayBeNamedBy(
  deps: MaintenanceDeps,
  { key, sizeBytes: size }: ObjectSummary,
  unread: readonly UnreadPartition[],
): Promise<boolean> {
  try {
    const read = async (position: number, length: number) => {
      const { answer } = await repeatRequest(deps, () => deps.store.objects.get(key, position, length));
      return answer ?? new Uint8Array(0);
    };
    const { regions } = await readSegmentIndex({ size, read });
    return regions.some(({ topicId, partition }) =>
      unread.some((one) => one.topicId === topicId && one.partition === partition),
    );
  } catch (cause) {
    const error = asMillraceError(cause);
    if (!isDamage(error)) throw error;
    return true;
  }
}
