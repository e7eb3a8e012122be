import { MillraceError } from '../errors.ts';
import { repeatRequest } from '../log/repeat-request.ts';
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

/** Copies objects of level 1, each once for all partitions that have a part of it. */
export class CopiedObjects {
  readonly #deps: MaintenanceDeps;
  readonly #ids: IdSource;
  readonly #copies = new Map<SegmentId, { readonly copy: Promise<SegmentId>; readonly atMs: number }>();

  constructor(deps: MaintenanceDeps, ids: IdSource) {
    this.#deps = deps;
    this.#ids = ids;
  }

  /** The id of a copy. Throws OBJECT_MISSING, and what the store throws after ten attempts. */
  copy(id: SegmentId, route: CopyRoute): Promise<SegmentId> {
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

  async #make(id: SegmentId, { from, to }: CopyRoute): Promise<SegmentId> {
    const { prefix, objects } = this.#deps.store;
    const source = segmentKey({ prefix, domain: from, level: 1, id });
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
}

function missing(key: string): MillraceError {
  return new MillraceError('OBJECT_MISSING', `the object ${key} that was to be copied is not in the store`, {
    value: key,
    hint: 'Run a verify of the topic that is forked.',
  });
}
