/**
 * Commits offsets of partitions that a member owns.
 *
 * Always true: of one partition one commit is in the air; what comes meanwhile waits, and only the newest of it is sent. Each has the next number, and a commit that is repeated carries
 * the number that it had, so a late one never undoes a newer one.
 */
import { repeatRequest } from '../log/repeat-request.ts';
import type { GroupDeps } from './group-deps.ts';
import type { GroupOffset } from './group-offset.ts';
import type { OwnedPartition } from './owned-partition.ts';

/** What a commit came to. `fenced`: somebody has claimed the partition since, and nothing was committed; `current` says who, null when the group was deleted. */
export type CommitOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'fenced'; readonly current: GroupOffset | null };

interface Waiting {
  offset: bigint | null;
  metadata: string;
  readonly outcome: PromiseWithResolvers<CommitOutcome>;
}

interface Lane {
  sequence: number;
  waiting: Waiting | null;
  isSending: boolean;
}

/** See the top of this file. */
export class OffsetCommitter {
  readonly #deps: GroupDeps;
  readonly #group: string;
  /** By claim: one that was made again counts from the beginning. */
  readonly #lanes = new WeakMap<OwnedPartition, Lane>();

  constructor(deps: GroupDeps, group: string) {
    this.#deps = deps;
    this.#group = group;
  }

  /**
   * Commits the next offset to read, or that there is none (null). A newer commit of the same partition that is called before this one is sent takes its place, and both end with it.
   *
   * One write unit. Throws what the store throws after ten attempts; then it may have taken effect, or may still do so unless a newer one does.
   */
  commit(owned: OwnedPartition, offset: bigint | null, metadata = ''): Promise<CommitOutcome> {
    const lane = this.#lanes.get(owned) ?? { sequence: 0, waiting: null, isSending: false };
    this.#lanes.set(owned, lane);
    if (lane.waiting === null) lane.waiting = { offset, metadata, outcome: Promise.withResolvers() };
    else Object.assign(lane.waiting, { offset, metadata });
    const { promise } = lane.waiting.outcome;
    if (!lane.isSending) void this.#drain(owned, lane);
    return promise;
  }

  async #drain(owned: OwnedPartition, lane: Lane): Promise<void> {
    lane.isSending = true;
    for (let next = lane.waiting; next !== null; next = lane.waiting) {
      lane.waiting = null;
      lane.sequence += 1;
      await this.#send(owned, lane.sequence, next).then(next.outcome.resolve, next.outcome.reject);
    }
    lane.isSending = false;
  }

  async #send(owned: OwnedPartition, sequence: number, { offset, metadata }: Waiting): Promise<CommitOutcome> {
    const { partition, generation } = owned;
    const args = { generation, sequence, offset, metadata, atMs: Math.floor(this.#deps.clock.nowMs()) };
    const { answer } = await repeatRequest(this.#deps, () =>
      this.#deps.store.offsets.commit(this.#group, partition, args),
    );
    // Refused by this very commit, whose first answer was lost, or by a later one of this claim: it is done either way.
    const isOurs = answer.item?.generation === generation;
    return answer.outcome === 'done' || isOurs
      ? { outcome: 'done' }
      : { outcome: 'fenced', current: answer.item ?? null };
  }
}
