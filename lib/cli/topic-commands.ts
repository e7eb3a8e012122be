/** `millrace topic …` */
import { Option } from 'commander';
import type { TopicDescription } from '../log/describe-topic.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { addForkCommand } from './fork-command.ts';
import { collect, collectPairs, parseCount, settingsOf } from './parse-values.ts';
import { table } from './table.ts';

type Pairs = readonly (readonly [string, string])[];

/** Adds `topic` and its subcommands. */
export function addTopicCommands(program: CliCommand, io: CliIo): void {
  const topic = program
    .command('topic')
    .description('Create, change, look at and delete topics.')
    .examples('millrace topic create chat --partitions 4', 'millrace topic describe chat');
  addCreate(topic, io);
  addLook(topic, io);
  addChange(topic, io);
  addTrim(topic, io);
  addForkCommand(topic, io);
  topic
    .command('delete <topic>')
    .description('Delete a topic and its records. A topic made again under the name begins empty.')
    .examples('millrace topic delete chat')
    .action(
      action<[string], object>(io, async (context, [name]) => {
        await context.withMillrace((millrace) => millrace.topics.deleteTopic(name));
        await context.print({ deleted: name }, () => `Deleted topic ${name}.`);
      }),
    );
  addHelpCommand(topic);
}

function addCreate(topic: CliCommand, io: CliIo): void {
  topic
    .command('create <topic>')
    .description('Create a topic.')
    .examples(
      'millrace topic create chat --partitions 4',
      'millrace topic create events -P 16 -c compression.type=zstd -c retention.ms=86400000',
    )
    .option('-P, --partitions <count>', 'how many partitions', parseCount('--partitions', 1), 1)
    .option('-c, --config <name=value>', "setting by Kafka's name, repeatable", collectPairs('--config'))
    .addOption(
      new Option(
        '--domain <domain>',
        "isolation domain: shared, own, or a name; who may read one topic's objects may read its domain's",
      ).default('shared', 'shared'),
    )
    .action(
      action<[string], { partitions: number; config?: Pairs; domain: string }>(io, async (context, [name], options) => {
        const request = {
          name,
          partitionCount: options.partitions,
          config: settingsOf(options.config ?? []),
          domain: options.domain,
        };
        const created = await context.withMillrace((millrace) => millrace.topics.createTopic(request));
        await context.print(created, () => `Created topic ${name} with ${partitions(created.partitionCount)}.`);
      }),
    );
}

function addLook(topic: CliCommand, io: CliIo): void {
  topic
    .command('list')
    .description('List the names of all topics.')
    .examples('millrace topic list', 'millrace topic list --json | jq length')
    .action(
      action<[], object>(io, async (context) => {
        const names = await context.withMillrace((millrace) => millrace.topics.listTopics());
        if (context.json || names.length > 0) await context.print(names, () => names.join('\n'));
      }),
    );
  topic
    .command('describe <topic>')
    .description("Show a topic's partitions and settings.")
    .examples('millrace topic describe chat', 'millrace topic describe chat --json | jq .partitions[0].highWatermark')
    .action(
      action<[string], object>(io, async (context, [name]) => {
        const description = await context.withMillrace((millrace) => millrace.topics.describeTopic(name));
        await context.print(description, () => describeText(description));
      }),
    );
}

/** `1 partition`, `8 partitions`. */
function partitions(count: number): string {
  return `${count} partition${count === 1 ? '' : 's'}`;
}

function describeText({ topic, partitions, config }: TopicDescription): string {
  const created = new Date(topic.createdAtMs).toISOString();
  const total = partitions.reduce((sum, { highWatermark, logStartOffset }) => sum + highWatermark - logStartOffset, 0n);
  const rows = partitions.map(({ partition, logStartOffset, highWatermark, appendedBytes }) => [
    partition,
    logStartOffset,
    highWatermark,
    highWatermark - logStartOffset,
    appendedBytes,
  ]);
  const settings = config.map(({ name, value, isDefault }) => [name, value, isDefault ? 'default' : 'set']);
  return [
    `topic       ${topic.name} (${topic.state})`,
    `id          ${topic.topicId}`,
    `created     ${created}`,
    `domain      ${topic.domain}`,
    ...(topic.forkOf === undefined ? [] : [`fork of     ${topic.forkOf}`]),
    `records     ${total}`,
    '',
    table(['partition', 'log start', 'high watermark', 'records', 'bytes appended'], rows),
    '',
    table(['setting', 'value', 'origin'], settings),
  ].join('\n');
}

function addChange(topic: CliCommand, io: CliIo): void {
  topic
    .command('alter <topic>')
    .description('Change settings of a topic.')
    .examples(
      'millrace topic alter chat -c max.message.bytes=2000000',
      'millrace topic alter chat --unset retention.ms',
    )
    .option('-c, --config <name=value>', 'set, repeatable', collectPairs('--config'))
    .option('-u, --unset <name>', 'back to the default, repeatable', collect)
    .action(
      action<[string], { config?: Pairs; unset?: readonly string[] }>(
        io,
        async (context, [name], { config = [], unset = [] }) => {
          if (config.length + unset.length === 0) {
            throw new UsageError(
              'nothing to change',
              'Name a setting: --config retention.ms=86400000 or --unset retention.ms',
            );
          }
          const changes = { set: settingsOf(config), unset };
          const altered = await context.withMillrace((millrace) => millrace.topics.alterTopic(name, changes));
          await context.print(altered, () => `Changed topic ${name}.`);
        },
      ),
    );
  topic
    .command('add-partitions <topic> <total>')
    .description(
      'Raise the number of partitions to <total>. Later records of a key may go to another partition than its earlier ones.',
    )
    .examples('millrace topic add-partitions chat 8')
    .action(
      action<[string, string], object>(io, async (context, [name, total]) => {
        const count = parseCount('<total>', 1)(total);
        const altered = await context.withMillrace((millrace) => millrace.topics.addPartitions(name, count));
        await context.print(altered, () => `Topic ${name} has ${partitions(altered.partitionCount)}.`);
      }),
    );
}

function addTrim(topic: CliCommand, io: CliIo): void {
  topic
    .command('trim <topic>')
    .description('Delete the records of a partition below an offset: at once for readers.')
    .examples('millrace topic trim chat --partition 0 --before 1000', 'millrace topic trim chat -p 0 -b end')
    .requiredOption('-p, --partition <number>', 'which partition', parseCount('--partition', 0))
    .requiredOption('-b, --before <offset>', 'first offset that stays, or end')
    .action(
      action<[string], { partition: number; before: string }>(io, async (context, [name], options) => {
        const before = parseBefore(options.before);
        const { partition } = options;
        const trimmed = await context.withMillrace((millrace) =>
          millrace.topics.trimPartition(name, partition, before),
        );
        await context.print(
          trimmed,
          () => `Partition ${partition} of ${name} begins at offset ${trimmed.logStartOffset}.`,
        );
      }),
    );
}

function parseBefore(text: string): bigint | 'end' {
  if (text === 'end') return 'end';
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new UsageError(`--before ${text} is no offset`, 'Give an offset such as 42, or end.', text);
}
