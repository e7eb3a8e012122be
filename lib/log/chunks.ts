/** The port to chunks. */
import type { Chunk } from './chunk.ts';
import type { RemoveChunkArgs, ReplaceChunkArgs } from './chunk-transitions.ts';
import type { Change } from './head-transitions.ts';
import type { PartitionKey } from './partition-key.ts';

/** Which chunks, by their base offsets. */
export interface ChunkQuery {
  /** Lowest base, inclusive; absent: from the first. */
  readonly fromBase?: bigint;
  /** Highest base, inclusive; absent: to the last. */
  readonly toBase?: bigint;
  readonly order: 'ascending' | 'descending';
  /** At most this many; a store may return fewer (DynamoDB: 1 MB a page), never none while there are some. */
  readonly limit: number;
  readonly consistent: boolean;
}

/** Each change carries out the transition of the same name in `chunk-transitions.ts`. Errors are as for `Heads`. */
export interface Chunks {
  query(partition: PartitionKey, query: ChunkQuery): Promise<readonly Chunk[]>;
  put(partition: PartitionKey, chunk: Chunk): Promise<Change<Chunk>>;
  replace(partition: PartitionKey, base: bigint, args: ReplaceChunkArgs): Promise<Change<Chunk>>;
  /** True when the chunk is gone afterwards, false when the condition kept it. */
  remove(partition: PartitionKey, base: bigint, args: RemoveChunkArgs): Promise<boolean>;
}
