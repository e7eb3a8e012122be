import { asMillraceError } from '../errors.ts';
import type { Chunk } from './chunk.ts';
import { type CheckedEntry, type EntryCheck, type EntryCheckDeps, isDamage } from './entry-check.ts';
import type { Head } from './head.ts';
import { inParallel } from './in-parallel.ts';
import { type Damage, IndexCheck } from './index-check.ts';
import type { LocatedEntry } from './locate.ts';
import type { LogStore } from './log-store.ts';
import type { PartitionKey } from './partition-key.ts';
import { repeatRequest } from './repeat-request.ts';

/** What verifying needs. */
export interface VerifyDeps extends EntryCheckDeps {
  readonly store: Pick<LogStore, 'heads' | 'chunks' | 'topics' | 'objects' | 'prefix'>;
}

/** What was looked at in one partition, and what is wrong with it. */
export interface VerifiedPartition {
  readonly partition: number;
  /** Between the log start offset and the high watermark. */
  readonly records: bigint;
  readonly chunks: number;
  readonly entries: number;
  /** Which sums of all that was ever committed were held against what the index names: checksums when all bytes were read, else their number; unknown once retention or key compaction have taken from the index, and where it is damaged. */
  readonly conservation: 'checksums' | 'bytes' | 'unknown';
  readonly damages: readonly Damage[];
}

/** Chunks of one query, and entries that are looked at at once. */
const PAGE = 100;
const PARALLEL = 16;
/** Looks at a partition whose log start offset rises while it is looked at. */
const MAX_LOOKS = 4;

/**
 * Checks a partition: its head and chunks against one another, each entry against its object's index, the sums of all that was committed; with a deep `check` every batch's checksum and every record.
 *
 * One read of the head, a query for 100 chunks, and the requests of `check` for each entry at or above the log start offset. May run while others append, roll and trim. Throws what the store throws.
 */
export async function verifyPartition(
  deps: VerifyDeps,
  key: PartitionKey,
  check: EntryCheck,
): Promise<VerifiedPartition> {
  for (let look = 1; ; look++) {
    const { verified, start } = await lookAt(deps, key, check);
    if (verified.damages.length === 0 || start === null) return verified;
    const head = await readHead(deps, key);
    if (head === null)
      return { ...verified, damages: verified.damages.filter(({ code }) => code !== 'OBJECT_MISSING') };
    // What was trimmed meanwhile looks damaged, and so does what a late roll brought back below the new start.
    if (head.start === start || look === MAX_LOOKS) return { ...verified, damages: stillThere(head, verified.damages) };
  }
}

interface Look {
  readonly verified: VerifiedPartition;
  /** The log start offset that was looked by; null when none is known. */
  readonly start: bigint | null;
}

async function lookAt(deps: VerifyDeps, key: PartitionKey, check: EntryCheck): Promise<Look> {
  const { partition } = key;
  const nothing = { partition, records: 0n, chunks: 0, entries: 0, conservation: 'unknown' as const };
  let head: Head | null;
  try {
    head = await readHead(deps, key);
  } catch (cause) {
    return { verified: { ...nothing, damages: [wholeDamage(cause)] }, start: null };
  }
  if (head === null) return { verified: { ...nothing, damages: [headMissing()] }, start: null };
  const index = new IndexCheck(head);
  const entries = new EntryPass(key, check, head.start);
  const unread = await readChunks(deps, key, head, async (chunk) => entries.look(index.chunk(chunk)));
  await entries.look(index.finish());
  const damages = [...index.damages, ...entries.damages, ...(unread === null ? [] : [unread])];
  const hasSum = entries.checksum !== null && damages.length === 0;
  if (index.isWhole && hasSum && entries.checksum !== head.appended)
    damages.push(notConserved(head, entries.checksum!));
  const verified: VerifiedPartition = {
    partition,
    records: head.next - head.start,
    chunks: index.chunkCount,
    entries: index.entryCount,
    conservation: !index.isWhole ? 'unknown' : hasSum ? 'checksums' : 'bytes',
    damages,
  };
  return { verified, start: head.start };
}

/** Looks at entries, and sums their checksums while all of them are known. */
class EntryPass {
  readonly damages: Damage[] = [];
  checksum: bigint | null = 0n;
  readonly #key: PartitionKey;
  readonly #check: EntryCheck;
  readonly #start: bigint;

  constructor(key: PartitionKey, check: EntryCheck, start: bigint) {
    this.#key = key;
    this.#check = check;
    this.#start = start;
  }

  /** What lies below the log start offset may be gone by right. */
  async look(entries: readonly LocatedEntry[]): Promise<void> {
    const readable = entries.filter(({ endOffset }) => endOffset > this.#start);
    if (readable.length < entries.length) this.checksum = null;
    await inParallel(readable, PARALLEL, async (located) => this.#add(await this.#check.check(this.#key, located)));
  }

  #add({ damage, checksum }: CheckedEntry): void {
    if (damage !== null) this.damages.push(damage);
    this.checksum = checksum === null || this.checksum === null ? null : this.checksum + checksum;
  }
}

async function readHead(deps: VerifyDeps, key: PartitionKey): Promise<Head | null> {
  return (await repeatRequest(deps, () => deps.store.heads.read(key, { consistent: true }))).answer;
}

/** Gives all chunks below and at the tail in order; what keeps the rest from being read is returned. */
async function readChunks(
  deps: VerifyDeps,
  key: PartitionKey,
  head: Head,
  give: (chunk: Chunk) => Promise<void>,
): Promise<Damage | null> {
  let fromBase = 0n;
  for (;;) {
    const query = { fromBase, toBase: head.tailBase, order: 'ascending', limit: PAGE, consistent: true } as const;
    let page: readonly Chunk[];
    try {
      page = (await repeatRequest(deps, () => deps.store.chunks.query(key, query))).answer;
    } catch (cause) {
      const error = asMillraceError(cause);
      if (!isDamage(error)) throw error;
      const message = `a chunk at or behind offset ${fromBase} cannot be read: ${error.message}`;
      return { code: error.code, fromOffset: fromBase, endOffset: head.tailBase, object: null, message };
    }
    for (const chunk of page) await give(chunk);
    const last = page.at(-1);
    if (last === undefined) return null;
    fromBase = last.base + 1n;
  }
}

/** Without what has been trimmed while it was looked at. */
function stillThere({ start }: Head, damages: readonly Damage[]): readonly Damage[] {
  return damages.filter(({ code, endOffset }) => code !== 'OBJECT_MISSING' || endOffset > start);
}

function wholeDamage(cause: unknown): Damage {
  const error = asMillraceError(cause);
  if (!isDamage(error)) throw error;
  return {
    code: error.code,
    fromOffset: 0n,
    endOffset: 0n,
    object: null,
    message: `the head cannot be read: ${error.message}`,
  };
}

function headMissing(): Damage {
  const message = 'the partition has no head, although its topic says that it is there';
  return { code: 'OBJECT_MISSING', fromOffset: 0n, endOffset: 0n, object: null, message };
}

function notConserved(head: Head, checksum: bigint): Damage {
  const message = `the checksums of all batches add up to ${checksum}, the head says ${head.appended}: something was lost, doubled or exchanged`;
  return { code: 'CORRUPT_OBJECT', fromOffset: head.start, endOffset: head.next, object: null, message };
}
