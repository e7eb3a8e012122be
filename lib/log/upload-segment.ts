import type { Clock, Random } from '../clock.ts';
import { MillraceError, UnansweredError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { IdSource } from '../segment/id-source.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import { segmentKey } from '../segment/segment-key.ts';
import type { ServerClock } from '../segment/server-clock.ts';
import { backoffMs } from './backoff.ts';
import type { ObjectStore } from './object-store.ts';

/** What an upload needs. */
export interface UploadDeps {
  readonly store: { readonly objects: ObjectStore; readonly prefix: string; readonly serverClock: ServerClock };
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly random: Random;
}

/** One upload. */
export interface Upload extends IdNeed {
  readonly domain: string;
  readonly bytes: Uint8Array;
  /** Called when the store looks at the bytes no more. Not where that is not known: a request that was left unanswered may still be sending them. */
  readonly onUnread?: () => void;
}

/** Whether an id is further ahead of the store's clock than any entry may be: it would push the floor into everybody's future. */
export function isTooFarAhead(serverClock: ServerClock, id: SegmentId): boolean {
  return (serverClock.aheadMs(id) ?? 0) > limits.clockAheadMs;
}

/** What a new id must respect. */
export interface IdNeed {
  /** Read again for every new id: it may rise while this waits. */
  readonly floor: () => SegmentId;
  /** Monotonic. */
  readonly deliverByMs: number;
}

/**
 * A fresh id above the floor that is not too far ahead of the store's clock. Waits when the floor itself is that far ahead; throws
 * NOT_COMMITTED when the time is over.
 */
export async function mintId(deps: UploadDeps, need: IdNeed): Promise<SegmentId> {
  for (let attempt = 1; ; attempt++) {
    const id = deps.ids.next(need.floor());
    if (!isTooFarAhead(deps.store.serverClock, id)) return id;
    if (deps.clock.monotonicMs() >= need.deliverByMs) throw clockAhead(id);
    await deps.clock.sleep(backoffMs(attempt, deps.random));
  }
}

/**
 * Writes a level-0 segment under a fresh id and returns the id once the bytes are durable: data before order.
 *
 * An id belongs to one set of bytes. "There is one already" after our own unanswered attempt means that the attempt took effect, since ids are
 * random; at a first attempt it means that the id is somebody else's. Throws NOT_COMMITTED when the time is over (nothing names the object
 * then), and what the store throws for good.
 */
export async function uploadSegment(deps: UploadDeps, upload: Upload): Promise<SegmentId> {
  let id = await mintId(deps, upload);
  let unanswered = false;
  let mayBeRead = false;
  let cause: unknown;
  for (let attempt = 1; ; attempt++) {
    if (deps.clock.monotonicMs() >= upload.deliverByMs) throw uploadExpired(attempt - 1, cause);
    try {
      const outcome = await deps.store.objects.put(keyOf(deps, upload, id), upload.bytes);
      // Only who has taken all of them answers so: a refusal may come before.
      if (outcome !== 'created') mayBeRead = true;
      const isOurs = outcome === 'created' || unanswered;
      if (isOurs && !isTooFarAhead(deps.store.serverClock, id)) {
        if (!mayBeRead) upload.onUnread?.();
        return id;
      }
      id = await mintId(deps, upload);
      unanswered = false;
      continue;
    } catch (error) {
      cause = error;
      mayBeRead = true;
      if (error instanceof UnansweredError) unanswered = true;
      else if (!(error instanceof MillraceError && error.retriable) || error.code === 'NOT_COMMITTED') throw error;
    }
    await deps.clock.sleep(backoffMs(attempt, deps.random));
  }
}

function keyOf(deps: UploadDeps, upload: Upload, id: SegmentId): string {
  return segmentKey({ prefix: deps.store.prefix, domain: upload.domain, level: 0, id });
}

function uploadExpired(attempts: number, cause: unknown): MillraceError {
  return new MillraceError('NOT_COMMITTED', `the segment could not be written in time (${attempts} attempts)`, {
    hint: 'Nothing was committed: send the records again, or raise deliveryTimeoutMs.',
    cause,
  });
}

function clockAhead(id: SegmentId): MillraceError {
  return new MillraceError(
    'NOT_COMMITTED',
    "this clock, or the floor of the partition, is far ahead of the store's clock",
    {
      value: id,
      hint: 'Set the clock of the machine that ran ahead; appends go on once the time has passed.',
    },
  );
}
