/** `millrace verify`: whether everything is as it was written. */
import { systemClock, systemRandom } from '../clock.ts';
import { hasCode, MillraceError } from '../errors.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { type VerifiedTopic, verifyTopic } from '../log/verify-topic.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { type CliIo, write } from './cli-io.ts';
import { table } from './table.ts';

interface VerifyCliOptions {
  readonly deep?: boolean;
}

/** Lines of damage that are printed; `--json` has all. */
const SHOWN_DAMAGES = 100;

const HELP = `
Checked are: that heads and chunks fit each other and leave no offset out, that every object is there, and that its
index says what the log says; with --deep also every checksum and every record. The sums that a head keeps of all that
was ever committed are compared while nothing has been removed. Nothing is changed, and others may go on writing.`;

/** Adds `verify`. */
export function addVerifyCommand(program: CliCommand, io: CliIo): void {
  program
    .command('verify [topic]')
    .description(
      'Check a topic, or all of them, for damage: exit code 1 and the damaged offsets and objects if there is any.',
    )
    .option('--deep', 'read everything: one request more for each entry, and all bytes')
    .addHelpText('after', HELP)
    .examples(
      'millrace verify',
      'millrace verify orders --deep',
      "millrace verify --json | jq '.topics[].partitions[].damages[]'",
    )
    .action(
      action<[string | undefined], VerifyCliOptions>(io, async (context, [topic], { deep = false }) => {
        const { topics, passedOver } = await context.withStore(async (store) => {
          const deps = { store, clock: systemClock, random: systemRandom };
          const verify = (name: string) => verifyTopic(deps, name, { deep, onPartition: progressOf(context, name) });
          if (topic !== undefined) return { topics: [await verify(topic)], passedOver: [] };
          return verifyAll(await new TopicAdmin(deps).listTopics(), verify);
        });
        await context.print({ deep, topics, passedOver }, () =>
          [verifyText(topics, deep), ...passedOver.map(({ message }) => `Not verified: ${message}.`)].join('\n'),
        );
        const damages = topics.flatMap((one) => [one, ...one.partitions]).flatMap((one) => one.damages);
        if (damages.length > 0) throw damaged(damages.length);
      }),
    );
}

/** A topic that nothing can be said about. */
interface PassedOver {
  readonly topic: string;
  readonly message: string;
}

/** All that are whole, and the names of those that are half made; what goes while others are verified has nothing any more. */
async function verifyAll(
  names: readonly string[],
  verify: (name: string) => Promise<VerifiedTopic>,
): Promise<{ readonly topics: readonly VerifiedTopic[]; readonly passedOver: readonly PassedOver[] }> {
  const topics: VerifiedTopic[] = [];
  const passedOver: PassedOver[] = [];
  for (const name of names) {
    try {
      topics.push(await verify(name));
    } catch (error) {
      if (hasCode(error, 'TOPIC_BUSY')) passedOver.push({ topic: name, message: error.message });
      else if (!hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error;
    }
  }
  return { topics, passedOver };
}

/** On a terminal, one line that says where it is. */
function progressOf({ io, json }: CliContext, topic: string) {
  const isTerminal = !json && 'isTTY' in io.stderr && io.stderr.isTTY === true;
  return ({ partition }: { readonly partition: number }, partitionCount: number) => {
    if (!isTerminal) return;
    const isLast = partition + 1 === partitionCount;
    const line = isLast ? '' : `${topic}: ${partition + 1} of ${partitionCount} partitions`;
    void write(io.stderr, `\r\x1b[K${line}`).catch(() => {});
  };
}

function verifyText(topics: readonly VerifiedTopic[], isDeep: boolean): string {
  const rows = topics.map(({ topic, objects, partitions, damages: own }) => {
    const sum = (count: (one: VerifiedTopic['partitions'][number]) => number) =>
      partitions.reduce((total, one) => total + count(one), 0);
    const records = partitions.reduce((total, one) => total + one.records, 0n);
    return [
      topic,
      partitions.length,
      records,
      sum(({ chunks }) => chunks),
      sum(({ entries }) => entries),
      objects,
      own.length + sum(({ damages }) => damages.length),
    ];
  });
  const head = ['topic', 'partitions', 'records', 'chunks', 'entries', 'objects', 'damages'];
  const parts = rows.length === 0 ? [] : [table(head, rows)];
  const lines = damageLines(topics);
  if (lines.length > 0) parts.push(lines.slice(0, SHOWN_DAMAGES).join('\n'));
  if (lines.length > SHOWN_DAMAGES) parts.push(`… and ${lines.length - SHOWN_DAMAGES} more; --json has all of them.`);
  if (lines.length === 0)
    parts.push(isDeep ? 'No damage: every byte is as it was written.' : 'No damage. --deep also reads every byte.');
  return parts.join('\n\n');
}

function damageLines(topics: readonly VerifiedTopic[]): readonly string[] {
  return topics.flatMap(({ topic, partitions, damages: own }) => [
    ...own.map(({ code, message }) => `${topic}: ${message} (${code})`),
    ...partitions.flatMap(({ partition, damages }) =>
      damages.map(({ code, fromOffset, endOffset, object, message }) => {
        const offsets = offsetsText(fromOffset, endOffset);
        return `${topic}-${partition}${offsets}: ${object === null ? '' : `${object}: `}${message} (${code})`;
      }),
    ),
  ]);
}

function offsetsText(from: bigint, end: bigint): string {
  if (end <= from) return '';
  return end === from + 1n ? ` offset ${from}` : ` offsets ${from} to ${end - 1n}`;
}

function damaged(count: number): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `${count === 1 ? '1 damage was' : `${count} damages were`} found`, {
    value: count,
    hint: 'Restore the objects or the table from a backup. What is below an offset can be given up: topic trim.',
  });
}
