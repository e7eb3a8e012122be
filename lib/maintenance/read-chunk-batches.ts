/** Reads what chunks lead to, in few requests: batches with their offsets, every checksum verified. */
import { asMillraceError, MillraceError } from '../errors.ts';
import type { Chunk } from '../log/chunk.ts';
import { decodeEntry } from '../log/entry.ts';
import { isDamage } from '../log/entry-check.ts';
import { type FetchRange, planFetch } from '../log/fetch-plan.ts';
import { inParallel } from '../log/in-parallel.ts';
import { type LocatedEntry, locateAmong } from '../log/locate.ts';
import { openEntry } from '../log/open-entry.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { segmentKey } from '../segment/segment-key.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** What was read. */
export interface ReadChunks {
  /** Of each chunk its batches, in order, up to the first that cannot be read. */
  readonly batches: readonly (readonly Uint8Array[])[];
  /** Why the next one cannot be read; null: all could. */
  readonly damage: MillraceError | null;
}

/** What is to be read. */
export interface ReadChunksRequest {
  /** Of the topic. */
  readonly domain: string;
  /** Of one partition. */
  readonly chunks: readonly Chunk[];
  /** Awaited behind each GET, by several at once. What it throws ends the reading. Default: nothing. */
  readonly onRead?: () => Promise<void>;
}

/** GETs at once. */
const PARALLEL = 8;

/** A GET for each object, or for 8 MiB of it. Throws what the store throws after ten attempts, and what `onRead` does. */
export async function readChunkBatches(
  deps: MaintenanceDeps,
  { domain, chunks, onRead }: ReadChunksRequest,
): Promise<ReadChunks> {
  const located: (readonly LocatedEntry[])[] = [];
  let damage: MillraceError | null = null;
  for (const chunk of chunks) {
    const entries = locateWhole(chunk);
    if (entries instanceof MillraceError) {
      damage = entries;
      break;
    }
    located.push(entries);
  }
  const entries = located.flat();
  const maxBytes = Number.POSITIVE_INFINITY;
  const plan = planFetch([{ domain, entries, maxBytes }], maxBytes);
  const bytes = new Map<LocatedEntry, Uint8Array | null>();
  await inParallel(plan.ranges, PARALLEL, async (range) => {
    await readRange(deps, range, entries, bytes);
    await onRead?.();
  });
  const batches: (readonly Uint8Array[])[] = [];
  for (const chunkEntries of located) {
    const opened = openChunk(deps, domain, chunkEntries, bytes);
    if (opened instanceof MillraceError) return { batches, damage: opened };
    batches.push(opened);
  }
  return { batches, damage };
}

/** The entries of a chunk, if they are whole. */
function locateWhole({ base, end, level, entries }: Chunk): readonly LocatedEntry[] | MillraceError {
  try {
    if (level === 1) {
      return entries.map((bytes) => ({
        entry: decodeEntry(bytes),
        baseOffset: base,
        endOffset: end,
        level,
        hot: false,
      }));
    }
    const located = locateAmong(entries, base, base, false);
    const reached = located.at(-1)?.endOffset ?? base;
    if (reached === end) return located;
    const why = `the entries of the chunk at ${base} end at ${reached} instead of ${end}`;
    return new MillraceError('CORRUPT_OBJECT', why, { value: base, hint: 'Run a verify of the partition.' });
  } catch (cause) {
    return damageOf(cause);
  }
}

async function readRange(
  deps: MaintenanceDeps,
  range: FetchRange,
  entries: readonly LocatedEntry[],
  bytes: Map<LocatedEntry, Uint8Array | null>,
): Promise<void> {
  const { domain, level, id, position, lengthBytes, pieces } = range;
  const key = segmentKey({ prefix: deps.store.prefix, domain, level, id });
  const { answer } = await repeatRequest(deps, () => deps.store.objects.get(key, position, lengthBytes));
  for (const piece of pieces) {
    const from = piece.position - position;
    bytes.set(entries[piece.entryIndex]!, answer?.subarray(from, from + piece.lengthBytes) ?? null);
  }
}

function openChunk(
  deps: MaintenanceDeps,
  domain: string,
  entries: readonly LocatedEntry[],
  bytes: ReadonlyMap<LocatedEntry, Uint8Array | null>,
): readonly Uint8Array[] | MillraceError {
  const batches: Uint8Array[] = [];
  for (const located of entries) {
    const { entry, baseOffset, level } = located;
    const isInline = entry.kind === 'inline';
    const key = segmentKey({ prefix: deps.store.prefix, domain, level, id: entry.id });
    // What an entry holds is stamped, so a copy of it is.
    const data = isInline ? entry.batches.slice() : bytes.get(located)!;
    if (data === null) return objectMissing(key, baseOffset);
    try {
      const source = isInline ? `the inline batches at offset ${baseOffset}` : key;
      for (const batch of openEntry(located, data, source)) batches.push(batch.bytes);
    } catch (cause) {
      return damageOf(cause);
    }
  }
  return batches;
}

function objectMissing(key: string, offset: bigint): MillraceError {
  return new MillraceError('OBJECT_MISSING', `the object ${key} that holds offset ${offset} is not in the store`, {
    value: key,
    hint: 'This is loss of data: restore the object from a backup, or trim the partition above it.',
  });
}

/** Throws what is no damage. */
function damageOf(cause: unknown): MillraceError {
  const error = asMillraceError(cause);
  if (!isDamage(error)) throw error;
  return error;
}
