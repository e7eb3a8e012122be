/** Where a group begins in a partition of which it has committed nothing. */
import { MillraceError } from '../errors.ts';
import { inParallel } from '../log/in-parallel.ts';
import { listOffset, type ReadablePartition } from '../log/list-offsets.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { GroupTopic } from './group.ts';
import type { GroupDeps } from './group-deps.ts';

/**
 * `earliest`: at the log start offset. `latest`: at the end, as it was when the topic came to the group. A time: the first record at or after it. `none`: nowhere, NO_OFFSET_FOR_PARTITION.
 * Partitions that a topic gets later are read from their beginning in any case: nobody can have meant to miss them.
 */
export type AutoOffsetReset = 'earliest' | 'latest' | 'none' | { readonly timestampMs: bigint | number };

/** Look-ups at once. */
const LOOKUPS = 16;
/** Below every generation of a group, which begin at 1: the first member that claims the partition is above it. */
const BEFORE_ALL = 0;

/** Checks it without asking the store. Throws INVALID_CONFIG. */
export function checkAutoOffsetReset(reset: AutoOffsetReset): AutoOffsetReset {
  if (reset === 'earliest' || reset === 'latest' || reset === 'none' || isTime(reset)) return reset;
  throw new MillraceError('INVALID_CONFIG', `autoOffsetReset cannot be ${String(reset)}`, {
    value: reset,
    hint: "Give 'earliest', 'latest', 'none' or { timestampMs }.",
  });
}

function isTime(reset: unknown): boolean {
  if (typeof reset !== 'object' || reset === null || !('timestampMs' in reset)) return false;
  const { timestampMs } = reset;
  if (typeof timestampMs === 'bigint') return timestampMs >= 0n && BigInt.asIntN(64, timestampMs) === timestampMs;
  return Number.isSafeInteger(timestampMs) && (timestampMs as number) >= 0;
}

/**
 * Settles where the group begins in every partition of topics that are new to it, before the group names them: `latest` becomes a number now, so that a record that is written while
 * nobody has come to read its partition yet is not missed. A partition that has an offset keeps it. Costs a read and a write for each partition; nothing with `earliest` and `none`.
 */
export async function settleStarts(
  deps: GroupDeps,
  group: string,
  topics: readonly GroupTopic[],
  reset: AutoOffsetReset,
): Promise<void> {
  if (reset === 'earliest' || reset === 'none') return;
  for (const topic of topics) {
    const { answer } = await repeatRequest(deps, () => deps.store.topics.get(topic.name));
    // Made again meanwhile: the group will see that, and begin anew.
    if (answer?.topicId !== topic.topicId) continue;
    await inParallel(Array.from({ length: topic.partitionCount }).keys(), LOOKUPS, async (partition) => {
      const key = { topicId: topic.topicId, partition };
      const committed = await startOf(deps, { partition: key, domain: answer.domain }, reset);
      const args = {
        topic: topic.name,
        generation: BEFORE_ALL,
        owner: 'start',
        committed,
        atMs: Math.floor(deps.clock.nowMs()),
      };
      await repeatRequest(deps, () => deps.store.offsets.claim(group, key, args));
    });
  }
}

async function startOf(
  deps: GroupDeps,
  readable: ReadablePartition,
  reset: 'latest' | { readonly timestampMs: bigint | number },
): Promise<bigint> {
  if (reset !== 'latest') {
    const found = await listOffset(deps, readable, { timestampMs: BigInt(reset.timestampMs) });
    if (found !== null) return found.offset;
  }
  return (await listOffset(deps, readable, { at: 'latest' }))!.offset;
}
