/** Damages one object of the store for good, and looks what becomes of it: readers are told of it, and are given everything else as it is; `verify` finds what readers meet. */
import { Millrace } from '../../../lib/client/millrace.ts';
import type { Reader } from '../../../lib/client/reader.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import { MillraceError } from '../../../lib/errors.ts';
import type { Damage } from '../../../lib/log/index-check.ts';
import type { Topic } from '../../../lib/log/topic.ts';
import { verifyTopic } from '../../../lib/log/verify-topic.ts';
import type { Oracle } from '../../log/simulation/oracle.ts';
import type { PartitionTruth } from '../../log/simulation/partition-truth.ts';
import type { Dice } from '../../log/simulation/virtual-time.ts';
import { KEPT, REMADE } from './history.ts';

/** What a reader is told of damage. */
const DAMAGE = new Set(['CORRUPT_MESSAGE', 'CORRUPT_OBJECT', 'OBJECT_MISSING']);

interface Parts {
  readonly base: DelayStore;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly oracle: Oracle;
}

/** Everything that `verify` finds. */
export async function damagesIn({
  base: store,
  clock,
  dice: random,
}: Parts): Promise<readonly (Damage & { readonly partition: string })[]> {
  const verified = await Promise.all(
    [KEPT, REMADE].map((name) => verifyTopic({ store, clock, random }, name, { deep: true })),
  );
  return verified.flatMap(({ topic, partitions, damages }) => [
    ...damages.map((damage) => ({ ...damage, partition: topic })),
    ...partitions.flatMap((one) =>
      one.damages.map((damage) => ({ ...damage, partition: `${topic}/${one.partition}` })),
    ),
  ]);
}

/** Cuts an object, or spoils a byte of it, and reads everything once more. */
export async function spoilOneObject(parts: Parts): Promise<void> {
  const { base, dice, oracle, clock } = parts;
  const objects = await base.objects.list('', null, 1_000);
  if (objects.length === 0) return;
  const { key, sizeBytes } = dice.pick(objects);
  const bytes = (await base.objects.get(key, 0, sizeBytes))!;
  const at = dice.between(0, sizeBytes - 1);
  bytes[at]! ^= 1 << dice.between(0, 7);
  await base.objects.remove([key]);
  await base.objects.put(key, dice.chance(0.3) ? bytes.subarray(0, at) : bytes);
  oracle.note(`${key} is spoilt at ${at}`, null);
  const damages = await damagesIn(parts);
  const millrace = new Millrace({ store: base, clock, random: dice });
  for (const { name: topic, topicId, readyPartitionCount } of await topicsOf(base)) {
    for (const truth of oracle.living) {
      // A partition that is half added is nobody's yet.
      if (truth.partition.topicId !== topicId || truth.partition.partition >= readyPartitionCount) continue;
      const { partition } = truth.partition;
      const own = damages.filter((damage) => damage.partition === `${topic}/${partition}`);
      await readAround(millrace.reader({ stopAtEnd: true, retryMs: 0 }), topic, truth, own, oracle);
    }
  }
}

async function topicsOf(base: DelayStore): Promise<readonly Topic[]> {
  const topics = await Promise.all([KEPT, REMADE].map((name) => base.topics.get(name)));
  return topics.map((topic) => topic!);
}

/** Reads a partition from its beginning to its end, past what cannot be read. */
async function readAround(
  reader: Reader,
  topic: string,
  { partition: { partition }, head, records }: PartitionTruth,
  damages: readonly Damage[],
  oracle: Oracle,
): Promise<void> {
  let next = head.start;
  await reader.assign([{ topic, partition, from: next }]);
  while (next < head.next && oracle.violation === null) {
    try {
      for await (const { offset, value } of reader) {
        const text = Buffer.from(value!).toString().trimEnd();
        oracle.expect(
          offset === next && text === records[Number(offset)],
          'Damage',
          () => `${text} at ${topic}/${partition}/${offset}`,
        );
        next = offset + 1n;
      }
    } catch (error) {
      const code = error instanceof MillraceError ? error.code : String(error);
      const isNamed = damages.some(({ fromOffset, endOffset }) => fromOffset <= next && next < endOffset);
      oracle.count('damage met');
      oracle.expect(
        DAMAGE.has(code) && isNamed,
        'Damage',
        () => `${code} at ${topic}/${partition}/${next}, which verify does not name`,
      );
      next += 1n;
      await reader.seek({ topic, partition }, next);
    }
  }
  await reader.close();
}
