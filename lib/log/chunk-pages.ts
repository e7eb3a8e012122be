import type { Clock, Random } from '../clock.ts';
import type { Chunk } from './chunk.ts';
import type { ChunkQuery, Chunks } from './chunks.ts';
import type { PartitionKey } from './partition-key.ts';
import { repeatRequest } from './repeat-request.ts';

/** What reading needs. */
export interface ChunkPagesDeps {
  readonly store: { readonly chunks: Chunks };
  readonly clock: Clock;
  readonly random: Random;
}

/** Chunks of one query: about 400 KB while they are of level 0. */
const PAGE = 100;

/**
 * All chunks that a query is about, page by page, each page at least one chunk; bounded memory for any number of them. What is deleted meanwhile may be in it or not. Throws what the store throws after ten
 * attempts.
 */
export async function* chunkPages(
  deps: ChunkPagesDeps,
  partition: PartitionKey,
  query: Omit<ChunkQuery, 'limit' | 'consistent'>,
): AsyncGenerator<readonly Chunk[]> {
  let { fromBase = 0n, toBase } = query;
  const { order } = query;
  while (toBase === undefined || fromBase <= toBase) {
    const asked = { fromBase, ...(toBase !== undefined && { toBase }), order, limit: PAGE, consistent: true };
    const { answer: page } = await repeatRequest(deps, () => deps.store.chunks.query(partition, asked));
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    if (order === 'ascending') fromBase = last.base + 1n;
    else toBase = last.base - 1n;
  }
}
