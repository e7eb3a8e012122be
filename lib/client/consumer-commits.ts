/** The offset commits of a consumer: which offsets, under which claims, and what a refusal means. */
import { asMillraceError, type MillraceError } from '../errors.ts';
import type { Membership } from '../group/membership.ts';
import type { OffsetCommitter } from '../group/offset-committer.ts';
import {
  type CommitRequest,
  fenced,
  hasMoved,
  notAssigned,
  notOurs,
  type OffsetToCommit,
  offsetsToCommit,
} from './commit-request.ts';
import type { ConsumerPartitions, Holding } from './consumer-partitions.ts';
import type { TopicPartition } from './record-stream.ts';

/** All partitions: where the loop is, the record in hand included, or only what it has finished. */
export type Everything = 'positions' | 'processed';

/** What commits need. */
export interface ConsumerCommitsDeps {
  readonly partitions: ConsumerPartitions;
  readonly committer: Pick<OffsetCommitter, 'commit'>;
  readonly membership: Pick<Membership, 'fenced' | 'ownerOf'>;
  /** Told of what nobody waits for. */
  readonly onFailed: ((error: MillraceError) => void) | undefined;
}

/** See the top of this file. */
export class ConsumerCommits {
  readonly #deps: ConsumerCommitsDeps;

  constructor(deps: ConsumerCommitsDeps) {
    this.#deps = deps;
  }

  /** Commits what was asked for, see `Consumer.commit`. */
  async commit(what: CommitRequest | Everything): Promise<void> {
    const lost = typeof what === 'string' ? this.#deps.partitions.takeLostUncommitted() : undefined;
    await this.#commitAll(this.#toCommit(what));
    if (lost !== undefined) throw this.#gone(lost);
  }

  /** As `commit`, and nobody waits. Throws what is wrong with the request itself. */
  commitSoon(what: CommitRequest | Everything): void {
    void this.#commitAll(this.#toCommit(what)).catch((error) => this.#failed(error));
  }

  /** Commits what was processed of these. Never rejects. */
  async commitProcessed(holdings: readonly Holding[]): Promise<void> {
    const { partitions } = this.#deps;
    const processed = holdings.map((holding) => ({ holding, offset: partitions.processed(holding), metadata: '' }));
    await this.#commitAll(processed.filter(hasMoved)).catch((error) => this.#failed(error));
  }

  #toCommit(what: CommitRequest | Everything): readonly OffsetToCommit[] {
    if (typeof what !== 'string') return offsetsToCommit(what, (at) => this.#find(at));
    const { partitions } = this.#deps;
    const offsetOf = (holding: Holding) =>
      what === 'positions' ? holding.read.position : partitions.processed(holding);
    const all = partitions.committable.map((holding) => ({ holding, offset: offsetOf(holding), metadata: '' }));
    return all.filter(hasMoved);
  }

  async #commitAll(offsets: readonly OffsetToCommit[]): Promise<void> {
    const results = await Promise.allSettled(offsets.map((one) => this.#commitOne(one)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #commitOne({ holding, offset, metadata }: OffsetToCommit): Promise<void> {
    const { partitions, committer, membership } = this.#deps;
    const result = await committer.commit(holding.owned, offset, metadata);
    if (result.outcome === 'done') {
      holding.committed = offset;
      return;
    }
    const error = fenced(holding, offset, result.current);
    membership.fenced(holding.owned, error);
    // The caller hears of it now, and need not do so again.
    partitions.takeLostUncommitted();
    throw error;
  }

  #failed(error: unknown): void {
    this.#deps.onFailed?.(asMillraceError(error));
  }

  #find(at: TopicPartition): Holding {
    const holding = this.#deps.partitions.find(at);
    if (holding !== undefined) return holding;
    throw this.#gone(at);
  }

  #gone(at: TopicPartition): MillraceError {
    const partition = this.#deps.partitions.former(at);
    return partition === undefined ? notAssigned(at) : notOurs(at, this.#deps.membership.ownerOf(partition));
  }
}
