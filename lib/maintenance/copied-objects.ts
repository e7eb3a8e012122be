import { asMillraceError, MillraceError } from '../errors.ts';
import { isDamage } from '../log/entry-check.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { readSegmentIndex } from '../segment/decode-segment.ts';
import type { IdSource } from '../segment/id-source.ts';
import { type SegmentId, ZERO_ID } from '../segment/segment-id.ts';
import { segmentKey } from '../segment/segment-key.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Copies that are remembered. One that was forgotten is made once more. */
const KEPT = 10_000;
/** One that is older is made once more: what is to be named later has to be young then. */
const MAX_AGE_MS = 10 * 60_000;
/** Names that are tried. */
const MAX_NAMES = 4;

/** Where from, and where to: isolation domains. */
interface CopyRoute {
  readonly from: string;
  readonly to: string;
}

/**
 * Copies objects of level 1, each once for all partitions that have a part of it.
 *
 * One that holds anything beyond the end of a partition is not copied: what is in the isolation domain of a fork was in the fork, so that its index could be made again from its objects.
 */
export class CopiedObjects {
  readonly #deps: MaintenanceDeps;
  readonly #ids: IdSource;
  /** First offsets that are not taken, by partition. */
  readonly #ends: ReadonlyMap<number, bigint>;
  readonly #copies = new Map<SegmentId, { readonly copy: Promise<SegmentId | null>; readonly atMs: number }>();

  constructor(deps: MaintenanceDeps, ids: IdSource, ends: ReadonlyMap<number, bigint>) {
    this.#deps = deps;
    this.#ids = ids;
    this.#ends = ends;
  }

  /** The id of a copy; null: it cannot be taken as a whole. Two requests and a copy. Throws OBJECT_MISSING, and what the store throws after ten attempts. */
  copy(id: SegmentId, route: CopyRoute): Promise<SegmentId | null> {
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#copies.get(id);
    if (known !== undefined && nowMs - known.atMs < MAX_AGE_MS) return known.copy;
    const copy = this.#make(id, route);
    this.#copies.delete(id);
    this.#copies.set(id, { copy, atMs: nowMs });
    if (this.#copies.size > KEPT) this.#copies.delete(this.#copies.keys().next().value!);
    // What failed may be asked for again.
    copy.catch(() => {
      if (this.#copies.get(id)?.copy === copy) this.#copies.delete(id);
    });
    return copy;
  }

  async #make(id: SegmentId, { from, to }: CopyRoute): Promise<SegmentId | null> {
    const { prefix, objects } = this.#deps.store;
    const source = segmentKey({ prefix, domain: from, level: 1, id });
    if (!(await this.#isWithin(source))) return null;
    for (let attempt = 0; attempt < MAX_NAMES; attempt++) {
      const name = this.#ids.next(ZERO_ID);
      const key = segmentKey({ prefix, domain: to, level: 1, id: name });
      const { answer, unanswered } = await repeatRequest(this.#deps, () => objects.copy(source, key));
      if (answer === 'missing') throw missing(source);
      // What is there behind an attempt of ours that was not answered is ours; at a first attempt it is somebody else's.
      if (answer === 'created' || unanswered) return name;
    }
    throw new MillraceError('STORE_UNAVAILABLE', 'there are objects under every new name', {
      value: source,
      hint: 'The random numbers of this machine are not random.',
      retriable: false,
    });
  }

  /** Whether all that an object holds lies below the ends. One whose index cannot be read may hold anything. */
  async #isWithin(key: string): Promise<boolean> {
    const { objects } = this.#deps.store;
    const { answer: size } = await repeatRequest(this.#deps, () => objects.size(key));
    if (size === null) throw missing(key);
    const read = async (position: number, length: number) => {
      const { answer } = await repeatRequest(this.#deps, () => objects.get(key, position, length));
      if (answer === null) throw missing(key);
      return answer;
    };
    try {
      const index = await readSegmentIndex({ size, read });
      if (index.level === 0) return false;
      return index.regions.every(({ partition, lastOffset }) => lastOffset < (this.#ends.get(partition) ?? 0n));
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error) || error.code === 'OBJECT_MISSING') throw cause;
      return false;
    }
  }
}

function missing(key: string): MillraceError {
  return new MillraceError('OBJECT_MISSING', `the object ${key} that was to be copied is not in the store`, {
    value: key,
    hint: 'Run a verify of the topic that is forked.',
  });
}
