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

/** As `ReadChunksRequest`, of several partitions. */
export interface ReadTogetherRequest extends Omit<ReadChunksRequest, 'chunks'> {
  readonly sequences: readonly (readonly Chunk[])[];
}

/** Where pieces are less than this of what was read, each is copied out of it. */
const KEPT_SHARE = 0.75;
/** GETs at once: some tens of megabytes, as their ranges are large or small. */
const PARALLEL = { least: 8, most: 32, bytes: 64 * 1024 * 1024 } as const;

/** A GET for each object, or for 8 MiB of it. Throws what the store throws after ten attempts, and what `onRead` does. */
export async function readChunkBatches(
  deps: MaintenanceDeps,
  { chunks, ...request }: ReadChunksRequest,
): Promise<ReadChunks> {
  const [read] = await readChunksTogether(deps, { ...request, sequences: [chunks] });
  return read!;
}

/** As `readChunkBatches`, for several partitions at once: what lies side by side in an object is read together, whichever of them it belongs to. What cannot be read ends its own sequence alone. */
export async function readChunksTogether(
  deps: MaintenanceDeps,
  { domain, sequences, onRead }: ReadTogetherRequest,
): Promise<readonly ReadChunks[]> {
  const located = sequences.map(locateSequence);
  const entries = located.flatMap(({ chunks }) => chunks.flat());
  const maxBytes = Number.POSITIVE_INFINITY;
  const { ranges } = planFetch([{ domain, entries, maxBytes }], maxBytes);
  const bytes = new Map<LocatedEntry, Uint8Array | null>();
  const largest = ranges.reduce((most, { lengthBytes }) => Math.max(most, lengthBytes), 1);
  const atOnce = Math.max(PARALLEL.least, Math.min(PARALLEL.most, Math.floor(PARALLEL.bytes / largest)));
  await inParallel(ranges, atOnce, async (range) => {
    await readRange(deps, range, entries, bytes);
    await onRead?.();
  });
  return located.map(({ chunks, damage }) => {
    const batches: (readonly Uint8Array[])[] = [];
    for (const chunk of chunks) {
      const opened = openChunk(deps, domain, chunk, bytes);
      if (opened instanceof MillraceError) return { batches, damage: opened };
      batches.push(opened);
    }
    return { batches, damage };
  });
}

/** The entries of chunks, up to the first that are not whole. */
function locateSequence(sequence: readonly Chunk[]): {
  readonly chunks: readonly (readonly LocatedEntry[])[];
  readonly damage: MillraceError | null;
} {
  const chunks: (readonly LocatedEntry[])[] = [];
  for (const chunk of sequence) {
    const entries = locateWhole(chunk);
    if (entries instanceof MillraceError) return { chunks, damage: entries };
    chunks.push(entries);
  }
  return { chunks, damage: null };
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
  const wanted = pieces.reduce((sum, piece) => sum + piece.lengthBytes, 0);
  // What was read along is not kept.
  const isCopied = wanted < lengthBytes * KEPT_SHARE;
  for (const piece of pieces) {
    const from = piece.position - position;
    const part = answer?.subarray(from, from + piece.lengthBytes) ?? null;
    bytes.set(entries[piece.entryIndex]!, isCopied && part !== null ? part.slice() : part);
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
      const source = () => (isInline ? `the inline batches at offset ${baseOffset}` : key);
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
