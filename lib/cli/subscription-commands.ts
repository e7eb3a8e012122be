/** `millrace subscription …` */
import { systemClock } from '../clock.ts';
import { hasCode } from '../errors.ts';
import type { FunctionSubscription } from '../event-source/function-subscription.ts';
import type { SoughtLease } from '../event-source/seek-leases.ts';
import type {
  SubscriptionAdmin,
  SubscriptionDescription,
  SubscriptionPartition,
} from '../event-source/subscription-admin.ts';
import type { SubscriptionLag } from '../event-source/subscription-lag.ts';
import type { SubscriptionOptions } from '../event-source/subscription-options.ts';
import type { StartingPosition } from '../event-source/subscription-request.ts';
import { formatDuration } from '../log/duration.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { parseGroupPosition, resolvePosition } from './group-position.ts';
import { addReplayCommand } from './replay-command.ts';
import { addSubscriptionFlags, optionsOf, type SubscriptionFlags } from './subscription-options-flags.ts';
import { table } from './table.ts';

const POSITION_HELP = `
A position is start, end, an offset (42), a time (@2026-11-24T10:00:00Z, or @ and ms since 1970), or how long ago (90s,
30m, 2h, 1d12h). TRIM_HORIZON and LATEST, or earliest and latest, name the two ends as well. Behind the last record of a
time is the end.`;

/** Adds `subscription` and its subcommands. */
export function addSubscriptionCommands(program: CliCommand, io: CliIo): void {
  const subscription = program
    .command('subscription')
    .description('Have functions called for the records of topics.')
    .examples(
      'millrace subscription create billing orders bill-orders',
      'millrace subscription describe billing',
      'millrace subscription pause billing',
    );
  addCreate(subscription, io);
  addLook(subscription, io);
  addChange(subscription, io);
  addSeek(subscription, io);
  addReplayCommand(subscription, io, { positionOf, help: POSITION_HELP });
  addDelete(subscription, io);
  addHelpCommand(subscription);
}

function addCreate(parent: CliCommand, io: CliIo): void {
  const command = parent
    .command('create <name> <topic> <function>')
    .description('Have a function called for the records of a topic. <function> is its name or its ARN.')
    .option('--starting-position <position>', 'where it begins: start, end, an offset, a time, how long ago', 'start')
    .option('--disabled', 'do not call it yet');
  addSubscriptionFlags(command)
    .addHelpText('after', POSITION_HELP)
    .examples(
      'millrace subscription create billing orders bill-orders',
      'millrace subscription create billing orders bill-orders --starting-position end --retry-delays 10s,1m,10m',
      `millrace subscription create big orders alert --filter '{"value":{"total":[{"numeric":[">",1000]}]}}'`,
    )
    .action(
      action<[string, string, string], SubscriptionFlags & { startingPosition: string; disabled?: boolean }>(
        io,
        async (context, [name, topic, target], { startingPosition, disabled, ...flags }) => {
          const options = { ...optionsOf(flags), ...(disabled && { enabled: false }) };
          const position = positionOf(startingPosition);
          const made = await context.withEventSource(({ subscriptions }) =>
            subscriptions.create({ name, topic, target, options, startingPosition: position }),
          );
          await context.print(made, () => `Subscription ${name} calls ${target} for topic ${topic}.`);
        },
      ),
    );
}

function addLook(parent: CliCommand, io: CliIo): void {
  parent
    .command('list')
    .description('List all subscriptions.')
    .option('--lag', 'how far each is behind; reads all of their partitions')
    .examples('millrace subscription list', 'millrace subscription list --lag')
    .action(
      action<[], { readonly lag?: boolean }>(io, async (context, _, { lag = false }) => {
        const all = await context.withEventSource(({ subscriptions }) =>
          lag ? describeAll(subscriptions) : subscriptions.list(),
        );
        if (context.json || all.length > 0) await context.print(all, () => listText(all));
      }),
    );
  parent
    .command('describe <name>')
    .description('Show how a subscription is set, how far it is, and what is wrong with it.')
    .examples('millrace subscription describe billing')
    .action(
      action<[string], object>(io, async (context, [name]) => {
        const described = await context.withEventSource(({ subscriptions }) => subscriptions.describe(name));
        await context.print(described, () => describeText(described, systemClock.nowMs()));
      }),
    );
}

function addChange(parent: CliCommand, io: CliIo): void {
  const command = parent
    .command('update <name>')
    .description('Change options of a subscription; all others stay.')
    .option('--function <function>', 'another function');
  addSubscriptionFlags(command)
    .examples('millrace subscription update billing --batch-size 10 --ordering key --parallelization-factor 4')
    .action(
      action<[string], SubscriptionFlags & { function?: string }>(io, async (context, [name], flags) => {
        const { function: target, ...rest } = flags;
        const changes = { ...optionsOf(rest), ...(target !== undefined && { target }) };
        if (Object.keys(changes).length === 0) {
          throw new UsageError('there is nothing to change', 'Name an option: --batch-size 10', name);
        }
        const changed = await context.withEventSource(({ subscriptions }) => subscriptions.update(name, changes));
        await context.print(changed, () => `Changed subscription ${name}.`);
      }),
    );
  for (const verb of ['pause', 'resume'] as const) {
    parent
      .command(`${verb} <name>`)
      .description(verb === 'pause' ? 'Call the function no more, until it is resumed.' : 'Call the function again.')
      .examples(`millrace subscription ${verb} billing`)
      .action(
        action<[string], object>(io, async (context, [name]) => {
          const changed = await context.withEventSource(({ subscriptions }) => subscriptions[verb](name));
          await context.print(changed, () => `Subscription ${name} is ${verb === 'pause' ? 'paused' : 'on again'}.`);
        }),
      );
  }
}

function addSeek(parent: CliCommand, io: CliIo): void {
  parent
    .command('seek <name> <position>')
    .description('Go on elsewhere, in all partitions or some. What failed and waits is forgotten.')
    .option('-p, --partition <list>', 'only these: 0,2')
    .option('--dry-run', 'say what would be done, and do nothing')
    .addHelpText('after', POSITION_HELP)
    .examples('millrace subscription seek billing start', 'millrace subscription seek billing 2h --dry-run')
    .action(
      action<[string, string], { readonly partition?: string; readonly dryRun?: boolean }>(
        io,
        async (context, [name, text], { partition, dryRun = false }) => {
          const partitions = partition?.split(',').map(Number);
          const request = { to: positionOf(text), dryRun, ...(partitions && { partitions }) };
          const sought = await context.withEventSource(({ subscriptions }) => subscriptions.seek(name, request));
          await context.print({ subscription: name, dryRun, partitions: sought }, () => seekText(name, sought, dryRun));
        },
      ),
    );
}

function addDelete(parent: CliCommand, io: CliIo): void {
  parent
    .command('delete <name>')
    .description('Delete a subscription and its progress. Topics with what failed stay.')
    .examples('millrace subscription delete billing')
    .action(
      action<[string], object>(io, async (context, [name]) => {
        await context.withEventSource(({ subscriptions }) => subscriptions.delete(name));
        await context.print({ deleted: name }, () => `Deleted subscription ${name}.`);
      }),
    );
}

function positionOf(text: string): StartingPosition {
  const position = resolvePosition(parseGroupPosition(text), systemClock.nowMs());
  if (position === 'start') return 'TRIM_HORIZON';
  if (position === 'end') return 'LATEST';
  if (typeof position === 'bigint') return { offset: position };
  if ('timestampMs' in position) return position;
  throw new UsageError(`${text} is no position of a subscription`, POSITION_HELP.trim(), text);
}

/** What was deleted meanwhile is left out. */
async function describeAll(subscriptions: SubscriptionAdmin): Promise<readonly SubscriptionDescription[]> {
  const described: SubscriptionDescription[] = [];
  for (const { group } of await subscriptions.list()) {
    const one = await subscriptions.describe(group).catch((error: unknown) => {
      if (hasCode(error, 'SUBSCRIPTION_NOT_FOUND') || hasCode(error, 'GROUP_ID_NOT_FOUND')) return null;
      throw error;
    });
    if (one !== null) described.push(one);
  }
  return described;
}

function listText(all: readonly (FunctionSubscription & { readonly lag?: SubscriptionLag })[]): string {
  const rows = all.map(({ lag, ...one }) => [
    one.group,
    one.topic,
    one.target,
    stateText(one),
    ...(lag === undefined ? [] : [lag.records, secondsText(lag.maxMs), lag.furthest ?? '-']),
  ]);
  const withLag = all.some(({ lag }) => lag !== undefined);
  const lagTitles = withLag ? ['lag', 'lag in time', 'furthest behind'] : [];
  return table(['subscription', 'topic', 'function', 'state', ...lagTitles], rows);
}

function stateText({ options, unreadable }: FunctionSubscription): string {
  if (unreadable !== undefined) return `unreadable: ${unreadable}`;
  return options.enabled ? 'on' : 'paused';
}

function describeText(described: SubscriptionDescription, nowMs: number): string {
  const { group, topic, target, options, partitions, retries, lag } = described;
  const facts = [
    `subscription  ${group} (${stateText(described)})`,
    `topic         ${topic}`,
    `function      ${target}`,
    `lag           ${lagText(lag)}`,
    ...(retries.length > 0 ? [`retries       ${retries.map((one) => one.topic).join(', ')}`] : []),
  ];
  const settings = Object.entries(options)
    .filter(([name]) => name !== 'enabled')
    .map(([name, value]) => [name.replace(/Ms$/, ''), settingText(name as keyof SubscriptionOptions, value)]);
  return [
    facts.join('\n'),
    table(['option', 'value'], settings),
    table(
      ['partition', 'committed', 'high watermark', 'lag', 'lag in time', 'state', 'last error'],
      partitions.map((one) => partitionRow(one, nowMs)),
    ),
  ].join('\n\n');
}

function lagText({ records, maxMs, furthest }: SubscriptionLag): string {
  const text = `${records} record${records === 1n ? '' : 's'}`;
  if (furthest === null) return text;
  return `${text}, the oldest of them for ${secondsText(maxMs)} in partition ${furthest}`;
}

function secondsText(durationMs: number | null): string {
  return durationMs === null ? '?' : `${(durationMs / 1000).toFixed(1)} s`;
}

function partitionRow(one: SubscriptionPartition, nowMs: number): readonly unknown[] {
  const waits = one.notBeforeMs > nowMs ? ` for ${Math.ceil((one.notBeforeMs - nowMs) / 1000)} s` : '';
  const { partition, committed, highWatermark, lag, state, error } = one;
  return [
    partition,
    committed ?? '-',
    highWatermark,
    lag,
    secondsText(one.lagMs),
    `${state}${waits}`,
    error === '' ? '-' : error,
  ];
}

/** Durations as people write them. */
function settingText(name: keyof SubscriptionOptions, value: unknown): string {
  if (name === 'retryDelaysMs') return (value as readonly number[]).map(formatDuration).join(',') || 'none';
  if (name === 'maxRecordAgeMs') return value === -1 ? 'never' : formatDuration(value as number);
  if (name === 'tumblingWindowMs' && value === 0) return 'none';
  if (name === 'maxBatchingWindowMs' || name === 'tumblingWindowMs') return formatDuration(value as number);
  if (name === 'maximumConcurrency' || name === 'recordsPerSecond') return value === 0 ? 'no limit' : String(value);
  if (name === 'filters') return (value as readonly object[]).map((one) => JSON.stringify(one)).join(' ') || 'none';
  if (name === 'redrive' && value !== null) {
    const { schedule, rate, maxAttempts } = value as NonNullable<SubscriptionOptions['redrive']>;
    return `${schedule}, ${rate} a second, ${maxAttempts} time${maxAttempts === 1 ? '' : 's'} at most`;
  }
  return String(value ?? 'none');
}

function seekText(name: string, sought: readonly SoughtLease[], isDry: boolean): string {
  const rows = sought.map(({ partition, before, after }) => [partition, before ?? '-', after]);
  const said = isDry ? `Subscription ${name} would go on here:` : `Subscription ${name} goes on here:`;
  return `${said}\n${table(['partition', 'before', 'after'], rows)}`;
}
