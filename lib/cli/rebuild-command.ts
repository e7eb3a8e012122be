/** `millrace rebuild` */
import { systemClock, systemRandom } from '../clock.ts';
import { type ConnectionTarget, parseConnectionString } from '../connect/connection-string.ts';
import { openStore } from '../connect/open-store.ts';
import type { EventSourceStore } from '../event-source/event-source-store.ts';
import {
  type RebuildLogReport,
  type RebuildLogRequest,
  type RestoredBeside,
  rebuildLog,
} from '../event-source/restore/rebuild-log.ts';
import { noMeter } from '../log/meter.ts';
import type { Damaged } from '../maintenance/rebuild/damaged.ts';
import { discardUnplaced } from '../maintenance/rebuild/discard-unplaced.ts';
import type { RebuildProgress } from '../maintenance/rebuild/rebuild.ts';
import type { RebuildReport, RebuiltTopic } from '../maintenance/rebuild/rebuild-report.ts';
import type { NamedTopic } from '../maintenance/rebuild/rebuild-topics.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, write } from './cli-io.ts';
import { counted } from './maintenance-text.ts';
import { table } from './table.ts';

interface RebuildOptions {
  readonly dryRun?: boolean;
  readonly topic?: ReadonlyMap<string, NamedTopic>;
  readonly from?: ConnectionTarget;
  readonly discard?: boolean;
}

/** Gaps and damaged objects that are printed; `--json` has more. */
const SHOWN = 20;
/** Between two lines of progress. */
const PROGRESS_MS = 200;

const HELP = `
For a log that has lost its tables, into empty ones; docs/disaster.md has all the steps. Restored is what compaction has
written: records with their offsets. No object tells the names of topics, their settings, and the place of what was not
compacted yet. Older tables do, up to when they were saved: name them with --from, they are only read. Otherwise give
names with --topic; a topic without one is called recovered-<id>, and keeps all of its records until retention.ms is set
again. With --from groups, subscriptions and delayed records come back as well, as they were then: from a file always, on
AWS where the connection names a table of groups. Partitions go on far behind every offset that was ever given. Objects whose records have no place in the log any
more are kept until --discard. It may be stopped and run again, with the same options.`;

/** Adds `rebuild`. */
export function addRebuildCommand(program: CliCommand, io: CliIo): void {
  program
    .command('rebuild')
    .description('Make the tables of a log again from its objects, after they were lost.')
    .option('--dry-run', 'say what would be restored, and change nothing; also of a log that is in use')
    .option(
      '--topic <id=name[:partitions]>',
      'what a topic was called, and how many partitions it had; may be repeated',
      parseNamedTopic,
    )
    .option(
      '--from <connection>',
      'older tables of this log: a restored table (aws:?bucket=…&table=…), or a copy of log.sqlite (file:DIR)',
      parseOldTables,
    )
    .option('--discard', 'give up what an earlier rebuild could not place: collection deletes it')
    .addHelpText('after', HELP)
    .examples(
      'millrace rebuild --dry-run',
      "millrace rebuild --from 'aws:?bucket=my-log&table=my-log-restored'",
      'millrace rebuild --topic 0b6f4d5e-6c1b-4f0e-9a53-6f6f0e8f5d11=orders:12',
      "millrace rebuild --dry-run --json | jq '.topics[].partitions[].gaps'",
    )
    .action(
      action<[], RebuildOptions>(io, async (context, _, { dryRun = false, topic: topics, from, discard = false }) => {
        if (discard) {
          if (dryRun || topics !== undefined || from !== undefined)
            throw new UsageError('--discard goes with no other option', 'Leave them out.', '--discard');
          await context.withStore((store) => discardUnplaced({ store, clock: systemClock, random: systemRandom }));
          return context.print(
            { discarded: true },
            () => 'Given up. Collection deletes the objects from its next pass on.',
          );
        }
        const request = { dryRun, onProgress: progressOf(context), ...(topics !== undefined && { topics }) };
        const report = await context.withStore((store) =>
          withOldTables(from, (old) =>
            rebuildLog({ store, clock: systemClock, random: systemRandom }, { ...request, ...backupIn(old, from) }),
          ),
        );
        await context.print(report, () => rebuildText(report));
      }),
    );
}

/** Reads where older tables are. Files are opened for reading only. Throws INVALID_CONNECTION_STRING. */
export function parseOldTables(text: string): ConnectionTarget {
  const target = parseConnectionString(text);
  return target.kind === 'file' ? { ...target, readOnly: true } : target;
}

async function withOldTables<T>(
  target: ConnectionTarget | undefined,
  body: (old: EventSourceStore | null) => Promise<T>,
): Promise<T> {
  if (target === undefined) return body(null);
  const old = await openStore(target, { clock: systemClock, meter: noMeter });
  try {
    return await body(old);
  } finally {
    await old.close();
  }
}

/** A file holds groups as well; on AWS they have a table of their own, which may never have been lost, so nothing of it comes back unless it is named. */
function backupIn(
  old: EventSourceStore | null,
  target: ConnectionTarget | undefined,
): Pick<RebuildLogRequest, 'from' | 'groupsFrom'> {
  if (old === null) return {};
  const hasGroups = target?.kind === 'file' || (target?.kind === 'aws' && target.groups !== undefined);
  return { from: old, ...(hasGroups && { groupsFrom: old }) };
}

/** Reads what is known of a topic, collected over repeated options. Throws UsageError. */
export function parseNamedTopic(
  text: string,
  before: ReadonlyMap<string, NamedTopic> = new Map(),
): ReadonlyMap<string, NamedTopic> {
  const match = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})=([^:]+)(?::(\d{1,6}))?$/.exec(text);
  const [, topicId, name, count] = match ?? [];
  if (topicId === undefined || name === undefined || before.has(topicId)) {
    const hint = 'Give each id once, with a name, and a number of partitions where that is known: <id>=orders:12.';
    throw new UsageError(`--topic ${text} names no topic`, hint, text);
  }
  return new Map([...before, [topicId, { name, ...(count !== undefined && { partitionCount: Number(count) }) }]]);
}

/** On a terminal, one line that says where it is. */
function progressOf({ io, json }: CliContext) {
  const isTerminal = !json && 'isTTY' in io.stderr && io.stderr.isTTY === true;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  return ({ step, done }: RebuildProgress) => {
    const nowMs = systemClock.monotonicMs();
    if (!isTerminal || nowMs - shownAtMs < PROGRESS_MS) return;
    shownAtMs = nowMs;
    const line = step === 'reading' ? `${done} objects read` : `${done} partitions made`;
    void write(io.stderr, `\r\x1b[K${line}\r`).catch(() => {});
  };
}

function rebuildText(report: RebuildLogReport): string {
  const { dryRun, topics, objects } = report;
  const beside = besideLines(report);
  const damages = damageLines(report);
  if (topics.length === 0) {
    return [...beside, ...damages, 'There are no objects of any log: no topic can be restored.'].join('\n');
  }
  const count = counted(topics.length, 'topic');
  const said = dryRun ? `${count} would be rebuilt` : `Rebuilt ${count}`;
  const rows = topics.flatMap((topic) =>
    topic.partitions.map((one) => [
      ...[topic.name, one.partition, one.logStartOffset, one.restoredEnd ?? '-', one.highWatermark],
      ...[one.records, one.fromTables, one.gaps.count, one.unplaced.records],
    ]),
  );
  const numbers = ['log start', 'restored to', 'high watermark', 'records', 'by tables', 'gaps', 'in level 0'];
  const head = ['topic', 'partition', ...numbers];
  const parts = [`${said} from ${counted(objects.level1, 'object')} of level 1:`, table(head, rows)];
  if (beside.length > 0) parts.push(beside.join('\n'));
  const lines = [...gapLines(topics), ...damages];
  if (lines.length > 0) parts.push(lines.join('\n'));
  parts.push(notRestored(report).join('\n'));
  return parts.join('\n\n');
}

function gapLines(topics: readonly RebuiltTopic[]): readonly string[] {
  const all = topics.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partition, gaps }) =>
      gaps.first.map(
        ({ fromOffset, endOffset }) => `${name}-${partition} has nothing at offsets ${fromOffset} to ${endOffset - 1n}`,
      ),
    ),
  );
  return all.length > SHOWN ? [...all.slice(0, SHOWN), '… and more; --json has the first of each partition'] : all;
}

function damageLines({ damaged, damagedItems }: RebuildReport): readonly string[] {
  return [
    ...firstLines(damaged, ({ key, code, message }) => `${key}: ${message} (${code})`, 'objects'),
    ...firstLines(
      damagedItems,
      ({ what, code, message }) => `older tables: ${what} cannot be read: ${message} (${code})`,
      'items of older tables',
    ),
  ];
}

function firstLines<T>({ count, first }: Damaged<T>, line: (one: T) => string, what: string): readonly string[] {
  const lines = first.slice(0, SHOWN).map(line);
  return count > lines.length ? [...lines, `… and ${count - lines.length} damaged ${what} more`] : lines;
}

/** What nobody should believe to be there. */
function notRestored({ topics, objects, dryRun, beside }: RebuildLogReport): readonly string[] {
  const unnamed = topics.filter(({ isNamed }) => !isNamed);
  const lines = ['Not restored:'];
  if (unnamed.length > 0) {
    const [{ topicId, partitions }] = unnamed as [RebuiltTopic, ...RebuiltTopic[]];
    const example = `--topic ${topicId}=orders:${partitions.length}`;
    lines.push(`  names and numbers of partitions that nobody tells${dryRun ? `: ${example}` : ''}`);
  }
  if (topics.some(({ hasSettings }) => !hasSettings))
    lines.push(
      '  settings of topics that no tables tell: nothing goes by its age until retention.ms is set again (topic alter)',
    );
  lines.push('  what was trimmed since compaction, or since older tables were saved: it may be back (topic trim)');
  const since = topics.some(({ hasSettings }) => hasSettings) ? ', and came behind older tables' : '';
  lines.push(`  what stood in the lost tables alone: small records that were not compacted yet${since}`);
  if (objects.level0 > 0) {
    const what = `${counted(objects.level0, 'object')} of level 0 (${objects.level0Bytes} bytes)`;
    lines.push(`  the place of what is in ${what}, unless it was compacted, or older tables tell it.`);
    lines.push('  They are kept until millrace rebuild --discard');
  }
  if (beside.groups === null) {
    lines.push(
      '  groups, subscriptions and delayed records, where what held them was lost as well: older tables have them,',
    );
    lines.push('  a copy of the file (--from file:DIR), or a restored table of groups (--from aws:?…&groups=TABLE)');
  } else {
    lines.push('  what groups have committed since older tables were saved: they get records behind that once more');
  }
  return lines;
}

/** Groups, subscriptions and delayed records. */
function besideLines({ beside, dryRun }: RebuildLogReport): readonly string[] {
  const { groups, subscriptions, delayed } = beside;
  const restored = dryRun ? 'Would be restored' : 'Restored';
  const lines: string[] = [];
  if (groups !== null && subscriptions !== null) {
    const what = `${counted(groups.restored, 'group')} with ${counted(groups.offsets, 'offset')}`;
    const others = `${counted(subscriptions.restored, 'subscription')}, ${counted(delayed.restored, 'delayed record')}`;
    lines.push(`${restored} from older tables: ${what}, ${others}.`);
    const there = thereTexts(beside);
    if (there.length > 0) lines.push(`There already, and left as they were: ${there.join(', ')}.`);
  }
  if (delayed.overdue > 0) {
    const one = delayed.overdue === 1;
    const what = `${counted(delayed.overdue, 'delayed record')} ${one ? 'was' : 'were'} due before now`;
    lines.push(`${what}: delivered now, once more if ${one ? 'it was' : 'they were'} before.`);
  }
  if (delayed.gone > 0) {
    const what = counted(delayed.gone, 'delayed record');
    lines.push(`${what} left out: the objects are gone, so delivered or cancelled since.`);
  }
  if (delayed.misnamed > 0) {
    lines.push(
      `${counted(delayed.misnamed, 'delayed record')} will not be delivered: the topic was called something else.`,
    );
  }
  return lines;
}

function thereTexts({ groups, subscriptions, delayed }: RestoredBeside): readonly string[] {
  const all = [
    [groups?.there ?? 0, 'group'],
    [subscriptions?.there ?? 0, 'subscription'],
    [delayed.there, 'delayed record'],
  ] as const;
  return all.flatMap(([count, noun]) => (count > 0 ? [counted(count, noun)] : []));
}
