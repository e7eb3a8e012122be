/**
 * Second half of a pass of collection: lists the objects of one domain, each shard of each level from its oldest on, and condemns those whose id lies below the floor and is not named. Nothing is deleted by that.
 *
 * Ids of level 0 can be named no more below the floor. Those of level 1 are named by whoever rewrites chunks, which no floor keeps from it: see `orphan-rule.ts`. Copies that a fork has made are as those of level 0, see `fork-partition.ts`.
 *
 * Ids at or above the floor may still be committed, however old their objects are; nothing is condemned by its age.
 */
import { asMillraceError, hasCode } from '../errors.ts';
import { isDamage } from '../log/entry-check.ts';
import { inParallel, mapInParallel } from '../log/in-parallel.ts';
import type { ObjectSummary } from '../log/object-store.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { claimIndex, isCopied } from '../segment/claim-index.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import {
  type ParsedSegmentKey,
  parseSegmentKey,
  SEGMENT_SHARDS,
  type SegmentLevel,
  segmentKeyPrefix,
} from '../segment/segment-key.ts';
import type { DomainPlace, UnreadPartition } from './collection-state.ts';
import type { KnownTopics } from './known-topics.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import type { NamesFilter } from './names-filter.ts';
import { mayBeNamed } from './orphan-rule.ts';
import { readObjectIndex } from './read-object-index.ts';

/** Objects of one listing. */
const PAGE = 1_000;
/** At once. */
const LISTINGS = 16;
/** Of a listing, where each object has to be looked into: so many are judged before it is asked for the time, and so many at once. */
const JUDGED = 100;
const JUDGED_AT_ONCE = 4;
/** In `DomainPlace`: nothing is left of the shard. */
const SHARD_DONE = 'done';

/** A shard of a level, and its name in `DomainPlace`. */
interface LevelShard {
  readonly level: SegmentLevel;
  readonly shard: string;
  readonly name: string;
}

const SHARDS: readonly LevelShard[] = ([0, 1] as const).flatMap((level) =>
  SEGMENT_SHARDS.map((shard) => ({ level, shard, name: level === 0 ? shard : `1/${shard}` })),
);

/** By what objects are judged. */
export interface CondemnRequest {
  readonly floor: SegmentId;
  readonly names: Pick<NamesFilter, 'has'>;
  /** Of this domain. */
  readonly unread: readonly UnreadPartition[];
  readonly isOver: () => boolean;
  readonly topics: Pick<KnownTopics, 'findStrange'>;
  /** Objects of level 0 at or below it stay, see `rebuild-hold.ts`; null: none. */
  readonly heldUpTo: SegmentId | null;
  /** Told of each page of objects that was judged. */
  readonly onPage: (page: JudgedPage) => void;
  /** Awaited behind each object, by several at once. */
  readonly onObject: () => Promise<void>;
}

/** What became of some objects of a shard. */
export interface JudgedPage {
  readonly shard: string;
  /** Where the shard goes on. */
  readonly after: string;
  readonly listed: number;
  readonly condemned: readonly ObjectSummary[];
  readonly keptForDamage: number;
  readonly held: number;
  readonly foreign: number;
  /** An object of another log, null when none was found. */
  readonly strange: string | null;
}

/** What is to become of an object. */
export type ObjectFate = 'fresh' | 'named' | 'condemned' | 'unsettled' | 'kept-for-damage' | 'held' | 'foreign';

/** Lists the shards of a domain in parallel from where each was left. The pages that were told are all that is done when it returns. Throws what the store throws. */
export async function condemnDomain(
  deps: MaintenanceDeps,
  { domain, shards }: DomainPlace,
  request: CondemnRequest,
): Promise<void> {
  const open = SHARDS.filter(({ name }) => shards[name] !== SHARD_DONE);
  await inParallel(open, LISTINGS, (one) =>
    condemnShard(deps, { ...one, domain, from: shards[one.name] ?? null }, request),
  );
}

async function condemnShard(
  deps: MaintenanceDeps,
  { domain, level, shard, name, from }: LevelShard & { readonly domain: string; readonly from: string | null },
  request: CondemnRequest,
): Promise<void> {
  const { prefix, objects } = deps.store;
  const folder = `${segmentKeyPrefix({ prefix, domain, level })}${shard}/`;
  const isLookedInto = level === 1 || request.unread.length > 0;
  let after = from;
  while (after !== SHARD_DONE) {
    const { answer } = await repeatRequest(deps, () => objects.list(folder, after, PAGE));
    const atOnce = isLookedInto ? JUDGED : PAGE;
    // Some at least, so that slices come to an end however short they are.
    for (let first = 0; first === 0 || (first < answer.length && after !== SHARD_DONE); first += atOnce) {
      const page = await judgePage(deps, name, answer.slice(first, first + atOnce), request);
      request.onPage(page);
      after = page.after;
      if (request.isOver()) return;
    }
  }
}

/** Whether nothing is left to be listed of a domain. */
export function isDomainDone({ shards }: DomainPlace): boolean {
  return SHARDS.every(({ name }) => shards[name] === SHARD_DONE);
}

async function judgePage(
  deps: MaintenanceDeps,
  shard: string,
  found: readonly ObjectSummary[],
  request: CondemnRequest,
): Promise<JudgedPage> {
  const fates = await mapInParallel(found, JUDGED_AT_ONCE, async (object) => {
    const fate = await fateOf(deps, object, request);
    await request.onObject();
    return { object, fate };
  });
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
    held: count('held'),
    foreign: count('foreign'),
  };
}

/**
 * What is to become of an object. Two requests where names of its domain are not known, or where it is of level 1 and nothing names it; then also a read for each of its partitions, and a query for 100 chunks that it
 * was made of.
 */
export async function fateOf(
  deps: MaintenanceDeps,
  { key, sizeBytes }: ObjectSummary,
  { floor, names, unread, heldUpTo }: Pick<CondemnRequest, 'floor' | 'names' | 'unread' | 'heldUpTo'>,
): Promise<ObjectFate> {
  const segment = segmentIn(deps, key);
  if (segment === null) return 'foreign';
  const { id, level, domain } = segment;
  if (id >= floor) return 'fresh';
  if (names.has(id)) return 'named';
  if (level === 0 && heldUpTo !== null && id <= heldUpTo) return 'held';
  if (level === 0 && unread.length === 0) return 'condemned';
  return fateByIndex(deps, { key, sizeBytes }, { id, level, domain, unread });
}

/** What a key says of a segment of this store, null for anything else. */
function segmentIn({ store }: MaintenanceDeps, key: string): ParsedSegmentKey | null {
  try {
    const segment = parseSegmentKey(key);
    return segment.prefix === store.prefix ? segment : null;
  } catch (error) {
    if (hasCode(error, 'INVALID_REQUEST')) return null;
    throw error;
  }
}

/** By what an object that was not named says of itself. One that cannot be read may hold anything of partitions whose names are not known. */
async function fateByIndex(
  deps: MaintenanceDeps,
  object: ObjectSummary,
  {
    id,
    level,
    domain,
    unread,
  }: Pick<ParsedSegmentKey, 'id' | 'level' | 'domain'> & { readonly unread: readonly UnreadPartition[] },
): Promise<ObjectFate> {
  try {
    const written = await readObjectIndex(deps, object);
    const index = claimIndex(written, domain);
    const isUnread = index.regions.some(({ topicId, partition }) =>
      unread.some((one) => one.topicId === topicId && one.partition === partition),
    );
    if (isUnread || index.level !== level) return 'kept-for-damage';
    // A copy is named before its partition has a head, or never: heads are made above the global floor.
    const isSettled = index.level === 0 || isCopied(written, domain);
    const isUnsettled = !isSettled && (await mayBeNamed(deps, id, index.regions));
    return isUnsettled ? 'unsettled' : 'condemned';
  } catch (cause) {
    const error = asMillraceError(cause);
    if (!isDamage(error)) throw error;
    return 'kept-for-damage';
  }
}
