/** Who judges what the oracle of the log does not. */
import type { Chunk } from '../../../lib/log/chunk.ts';
import type { Head } from '../../../lib/log/head.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import type { PartitionTruth } from './partition-truth.ts';

/** Judges what else may not be, at the moment at which it happens. */
export interface DeletionJudge {
  /** Objects are about to be deleted. */
  onObjectsRemoved(keys: readonly string[]): void;
  /** The log start offset of a partition has risen. */
  onStartRaised(truth: PartitionTruth, before: Head): void;
  /** A chunk was deleted. */
  onChunkRemoved(truth: PartitionTruth, chunk: Chunk): void;
}

/** Judges forks of topics. */
export interface ForkJudge {
  /** A chunk that was rewritten before it was put. */
  onChunkPut(partition: PartitionKey, chunk: Chunk): void;
  /** A partition has come to be: tells what is in it. */
  onHeadMade(truth: PartitionTruth): Promise<void>;
}
