/** `millrace group …` */
import type { Millrace } from '../client/millrace.ts';
import { systemClock } from '../clock.ts';
import type { GroupDescription, MemberDescription } from '../group/describe-group.ts';
import type { SeekTopic, SoughtPartition } from '../group/seek-group.ts';
import { addHelpCommand, type CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { type CliIo, write } from './cli-io.ts';
import { parseGroupPosition, parseSeekTopic, resolvePosition } from './group-position.ts';
import { table } from './table.ts';

interface SeekOptions {
  readonly topic?: readonly SeekTopic[];
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

const POSITION_HELP = `
A position is start, end, an offset (42), a time (@2026-11-24T10:00:00Z, or @ and ms since 1970), how long ago (90s,
30m, 2h, 1d12h; Kafka's PT2H too), or where another group is (group:NAME). Behind the last record of a time is the end.
earliest and latest name the two ends as well. Members of the group must have left. --wait waits for those that were
killed, until their sessions are over.
A group that is not there yet is made when -t names topics.`;

/** Adds `group` and its subcommands. */
export function addGroupCommands(program: CliCommand, io: CliIo): void {
  const group = program
    .command('group')
    .description('Look at, move and delete consumer groups.')
    .examples('millrace group describe billing', 'millrace group seek billing 2h --dry-run');
  addLook(group, io);
  addSeek(group, io);
  addDelete(group, io);
  addHelpCommand(group);
}

function addLook(group: CliCommand, io: CliIo): void {
  group
    .command('list')
    .description('List the names of all groups.')
    .examples('millrace group list', 'millrace group list --json | jq length')
    .action(
      action<[], object>(io, async (context) => {
        const names = await context.withMillrace((millrace) => millrace.groups.listGroups());
        if (context.json || names.length > 0) await context.print(names, () => names.join('\n'));
      }),
    );
  group
    .command('describe <group>')
    .description('Show the members of a group, what each of them reads, and how far the group is.')
    .examples(
      'millrace group describe billing',
      "millrace group describe billing --json | jq '[.partitions[].lag]|add'",
    )
    .action(
      action<[string], object>(io, async (context, [name]) => {
        const described = await context.withMillrace((millrace) => millrace.groups.describeGroup(name));
        await context.print(described, () => describeText(described, systemClock.nowMs()));
      }),
    );
}

function addSeek(group: CliCommand, io: CliIo): void {
  group
    .command('seek <group> <position>')
    .description('Move what a group without members has committed, in all its topics or some.')
    .option(
      '-t, --topic <topic[:partitions]>',
      'only this topic, or these partitions of it, repeatable',
      parseSeekTopic,
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--wait', 'wait until members that were killed are known to be dead')
    .addHelpText('after', POSITION_HELP)
    .examples(
      'millrace group seek billing start',
      'millrace group seek billing 2h --dry-run',
      'millrace group seek billing @2026-11-24T10:00:00Z -t orders',
      'millrace group seek billing 1200 -t orders:3',
      'millrace group seek billing-v2 group:billing -t orders',
    )
    .action(
      action<[string, string], SeekOptions>(io, async (context, [name, text], options) => {
        const position = parseGroupPosition(text);
        const sought = await context.withMillrace(async (millrace) => {
          if (options.wait) await waitForSilence(context, millrace, name);
          const { topic: topics, dryRun = false } = options;
          const to = resolvePosition(position, systemClock.nowMs());
          return millrace.groups.seekGroup(name, { to, dryRun, ...(topics && { topics }) });
        });
        const isDry = options.dryRun ?? false;
        await context.print({ group: name, dryRun: isDry, partitions: sought }, () => seekText(name, sought, isDry));
      }),
    );
}

function addDelete(group: CliCommand, io: CliIo): void {
  group
    .command('delete <group>')
    .description('Delete a group without members, and what it has committed.')
    .option('--wait', 'wait until members that were killed are known to be dead')
    .examples('millrace group delete billing')
    .action(
      action<[string], { readonly wait?: boolean }>(io, async (context, [name], { wait }) => {
        await context.withMillrace(async (millrace) => {
          if (wait) await waitForSilence(context, millrace, name);
          await millrace.groups.deleteGroup(name);
        });
        await context.print({ deleted: name }, () => `Deleted group ${name}.`);
      }),
    );
}

/** Says on stderr what it waits for, once for each member that is left. */
async function waitForSilence({ io, json }: CliContext, millrace: Millrace, name: string): Promise<void> {
  let said = 0;
  await millrace.groups.removeSilentMembers(name, {
    onWait: (members, _, sessionMs) => {
      if (json || members === said) return;
      said = members;
      const who = members === 1 ? '1 member' : `${members} members`;
      void write(io.stderr, `Waiting for ${who} to be silent for ${sessionMs / 1000} s …\n`).catch(() => {});
    },
  });
}

function describeText(group: GroupDescription, nowMs: number): string {
  const { name, kind, state, generation, assignor, members, partitions } = group;
  const lag = partitions.reduce((sum, one) => sum + one.lag, 0n);
  const facts = [
    `group       ${name} (${state})`,
    ...(KINDS[kind] === undefined ? [] : [`kind        ${KINDS[kind]}`]),
    `generation  ${generation}`,
    `assignor    ${assignor ?? 'none'}`,
    `lag         ${lag} record${lag === 1n ? '' : 's'}`,
  ];
  const parts = [facts.join('\n')];
  if (members.length > 0) {
    parts.push(
      table(['member', 'instance', 'last beat', 'session', 'partitions'], members.map(memberRow(group, nowMs))),
    );
  }
  if (partitions.length > 0) parts.push(partitionsTable(group));
  return parts.join('\n\n');
}

/** What is said of groups that are not of the SDK's consumers. */
const KINDS: Partial<Record<GroupDescription['kind'], string>> = {
  classic: 'Kafka clients, which a gateway hears',
  consumer: 'Kafka clients (KIP-848), which a gateway hears',
  subscription: 'a function',
};

function memberRow({ kind }: GroupDescription, nowMs: number): (member: MemberDescription) => readonly string[] {
  return ({ id, instanceId, heartbeatAtMs, sessionMs, partitions }) => [
    id,
    instanceId ?? '-',
    heartbeatAtMs === null ? (kind === 'sdk' ? 'none' : '-') : `${seconds(Math.max(0, nowMs - heartbeatAtMs))} ago`,
    seconds(sessionMs),
    ownedText(partitions),
  ];
}

/** `orders: 0 1 2, payments: 0`. */
function ownedText(partitions: MemberDescription['partitions']): string {
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
  const texts = [...byTopic].map(([topic, owned]) => `${topic}: ${owned.map(({ partition }) => partition).join(' ')}`);
  return texts.join(', ') || '-';
}

function partitionsTable({ partitions, members }: GroupDescription): string {
  const clients = new Map(members.map(({ id, clientId }) => [id, clientId]));
  const rows = partitions.map((one) => [
    one.topic,
    one.partition,
    one.committed ?? '-',
    one.highWatermark,
    one.lag,
    one.lagMs === null ? '?' : seconds(one.lagMs),
    one.owner === null ? '-' : shortOwner(one.owner, clients.get(one.owner)),
  ]);
  return table(['topic', 'partition', 'committed', 'high watermark', 'lag', 'lag in time', 'member'], rows);
}

/** Ids end in a UUID, of which the first part tells them apart. */
function shortOwner(id: string, clientId: string | undefined): string {
  return clientId === undefined ? id : id.slice(0, clientId.length + 9);
}

function seconds(durationMs: number): string {
  if (durationMs < 10_000) return `${(durationMs / 1000).toFixed(1)} s`;
  if (durationMs < 120_000) return `${Math.round(durationMs / 1000)} s`;
  if (durationMs < 7_200_000) return `${Math.round(durationMs / 60_000)} min`;
  return `${Math.round(durationMs / 3_600_000)} h`;
}

function seekText(name: string, sought: readonly SoughtPartition[], isDry: boolean): string {
  const rows = sought.map(({ topic, partition, before, after }) => [
    topic,
    partition,
    before ?? '-',
    after,
    signed(after - (before ?? 0n)),
  ]);
  const count = `${sought.length} partition${sought.length === 1 ? '' : 's'}`;
  const done = isDry
    ? `Nothing was changed: this would move ${count} of group ${name}.`
    : `Moved ${count} of group ${name}.`;
  return sought.length === 0 ? done : `${table(['topic', 'partition', 'before', 'after', 'by'], rows)}\n\n${done}`;
}

function signed(count: bigint): string {
  return count > 0n ? `+${count}` : `${count}`;
}
