import type { MillraceError } from '../../errors.ts';
import { type Chunk, MAX_OFFSET } from '../../log/chunk.ts';
import type { Chunks } from '../../log/chunks.ts';
import type { PartitionKey } from '../../log/partition-key.ts';
import type { MaintenanceDeps } from '../maintenance-deps.ts';
import { readOrDamage } from '../read-or-damage.ts';

/** Which chunks, and who hears of those that cannot be read. */
export interface ReadableChunksQuery {
  readonly partition: PartitionKey;
  /** Bases in question, both ends included. Default: all. */
  readonly fromBase?: bigint;
  readonly toBase?: bigint;
  readonly onDamage: (base: bigint, error: MillraceError) => void;
}

const PAGE = 100;

/**
 * All chunks that can be read, in the order of their offsets, a page of one or more at a time. A query that meets a damaged one tells nothing of its neighbours, so its range is halved until the damaged one stands alone: some 120 queries for it.
 * Otherwise a query for 100. Throws what is no damage, after ten attempts.
 */
export async function* readableChunks(
  deps: MaintenanceDeps,
  chunks: Pick<Chunks, 'query'>,
  { partition, fromBase = 0n, toBase = MAX_OFFSET, onDamage }: ReadableChunksQuery,
): AsyncGenerator<readonly Chunk[]> {
  const ranges = [{ from: fromBase, to: toBase }];
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const { from, to } = range;
    const query = { fromBase: from, toBase: to, order: 'ascending', limit: PAGE, consistent: true } as const;
    const read = await readOrDamage(deps, () => chunks.query(partition, query));
    if ('answer' in read) {
      const last = read.answer.at(-1);
      if (last === undefined) continue;
      yield read.answer;
      if (last.base < to) ranges.push({ from: last.base + 1n, to });
    } else if (from === to) {
      onDamage(from, read.damage);
    } else {
      const middle = from + (to - from) / 2n;
      // The lower half comes first.
      ranges.push({ from: middle + 1n, to }, { from, to: middle });
    }
  }
}
