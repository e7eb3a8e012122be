/** Reads the index of every segment of a store: what there is when the items are gone. */
import { asMillraceError, type MillraceError } from '../../errors.ts';
import { isDamage } from '../../log/entry-check.ts';
import { mapInParallel } from '../../log/in-parallel.ts';
import type { ObjectSummary } from '../../log/object-store.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import { claimIndex } from '../../segment/claim-index.ts';
import type { SegmentIndex } from '../../segment/decode-segment.ts';
import {
  type ParsedSegmentKey,
  parseSegmentKey,
  type SegmentLevel,
  segmentKeyPrefix,
} from '../../segment/segment-key.ts';
import { nextDomain } from '../list-domains.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { readObjectIndex } from '../read-object-index.ts';

/** A segment. */
export interface WalkedSegment {
  readonly key: string;
  readonly sizeBytes: number;
  readonly name: ParsedSegmentKey;
  /** With the topic that the object belongs to, see `claimIndex`; or why it cannot be read. */
  readonly index: SegmentIndex | MillraceError;
}

/** Objects of one listing. */
const PAGE = 1_000;
/** Indexes that are read at once. */
const PARALLEL = 32;

/**
 * All segments of some levels, domain by domain in the order of their keys; bounded memory. What is no key of a segment of this store is passed over. A listing for 1,000 objects, and a GET for each; a second one where its
 * index has more than 64 KiB. Throws what the store throws after ten attempts.
 */
export async function* walkSegments(
  deps: MaintenanceDeps,
  levels: readonly SegmentLevel[],
): AsyncGenerator<WalkedSegment> {
  const { prefix } = deps.store;
  for (let domain = await nextDomain(deps, null); domain !== null; domain = await nextDomain(deps, domain)) {
    for (const level of levels) {
      const folder = segmentKeyPrefix({ prefix, domain, level });
      let page: readonly ObjectSummary[] = [];
      do {
        page = await listPage(deps, folder, page.at(-1)?.key ?? null);
        const named = page.flatMap((object) => nameOf(object) ?? []);
        yield* await mapInParallel(named, PARALLEL, ({ object, name }) => readIndex(deps, object, name));
      } while (page.length > 0);
    }
  }
}

async function listPage(deps: MaintenanceDeps, folder: string, after: string | null) {
  return (await repeatRequest(deps, () => deps.store.objects.list(folder, after, PAGE))).answer;
}

function nameOf(object: ObjectSummary): { readonly object: ObjectSummary; readonly name: ParsedSegmentKey } | null {
  try {
    return { object, name: parseSegmentKey(object.key) };
  } catch (cause) {
    if (asMillraceError(cause).code === 'INVALID_REQUEST') return null;
    throw cause;
  }
}

async function readIndex(deps: MaintenanceDeps, object: ObjectSummary, name: ParsedSegmentKey): Promise<WalkedSegment> {
  const { key, sizeBytes } = object;
  try {
    const index = claimIndex(await readObjectIndex(deps, object), name.domain);
    return { key, sizeBytes, name, index };
  } catch (cause) {
    const index = asMillraceError(cause);
    if (!isDamage(index)) throw cause;
    return { key, sizeBytes, name, index };
  }
}
