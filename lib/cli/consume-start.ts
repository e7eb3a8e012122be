/** Where `consume` begins in each partition. */
import type { Millrace } from '../client/millrace.ts';
import type { Reader } from '../client/reader.ts';
import type { StartPosition } from '../client/start-position.ts';
import { MillraceError } from '../errors.ts';
import type { PartitionDescription } from '../log/describe-topic.ts';
import { checkPartition } from './check-partition.ts';
import type { OffsetArgument } from './parse-values.ts';

/** What is to be read. */
export interface ConsumeStart {
  readonly topic: string;
  /** All when undefined. */
  readonly partition: number | undefined;
  readonly offset: OffsetArgument;
}

/** Assigns the partitions to the reader. Throws UNKNOWN_TOPIC_OR_PARTITION and OFFSET_OUT_OF_RANGE. */
export async function assignFrom(millrace: Millrace, reader: Reader, start: ConsumeStart): Promise<void> {
  const { topic, partition, offset } = start;
  const assign = (from: StartPosition) =>
    reader.assign([partition === undefined ? { topic, from } : { topic, partition, from }]);
  if (partition !== undefined) checkPartition(await millrace.topics.getTopic(topic), partition);
  switch (offset.kind) {
    case 'start':
      return assign('beginning');
    case 'end':
      return assign('end');
    case 'time':
      return assign({ timestampMs: offset.timestampMs });
    default: {
      const described = await millrace.topics.describeTopic(topic);
      const offsets = new Map(described.partitions.map((each) => [each.partition, each]));
      // Assigned to any offset at first, which asks the store for nothing.
      await assign(0n);
      for (const each of reader.assignment) {
        const range = offsets.get(each.partition);
        if (range !== undefined) await reader.seek(each, offsetIn(topic, range, offset));
      }
    }
  }
}

type OffsetOrDistance = Extract<OffsetArgument, { readonly count: bigint }>;

/** Distances end at the log's ends; an offset that is not there is a mistake. */
function offsetIn(topic: string, range: PartitionDescription, { kind, count }: OffsetOrDistance): bigint {
  const { partition, logStartOffset: start, highWatermark: end } = range;
  if (kind === 'after-start') return start + count < end ? start + count : end;
  if (kind === 'before-end') return end - count > start ? end - count : start;
  if (count >= start && count <= end) return count;
  throw new MillraceError(
    'OFFSET_OUT_OF_RANGE',
    `offset ${count} is not in partition ${partition} of ${topic}: its offsets are ${start} to ${end}`,
    {
      value: { partition, offset: count, logStartOffset: start, highWatermark: end },
      hint: 'Name one partition by -p, or begin at start, end, -N before the end or +N behind the start.',
    },
  );
}
