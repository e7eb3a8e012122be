/**
 * `npm start`: real webhook deliveries through an embedded log in `.millrace/`, read by two consumer groups. Run it again and it goes on where it ended; end it with Ctrl-C at
 * any moment and nothing that was acknowledged is missing the next time.
 */
import { connect, type Millrace, MillraceError } from '../lib/index.ts';
import { UsageMeter } from '../lib/log/meter.ts';
import { readDeliveries } from './github/deliveries.ts';
import { startFunctions } from './github/functions-job.ts';
import {
  AUDIT,
  COUNTS,
  caughtUp,
  committedOffsets,
  type Job,
  leaveAndReturn,
  openJob,
  PARTITIONS,
  produce,
  saveKnown,
  TOPIC,
  totalAudit,
  totalCounts,
} from './github/job.ts';
import { readOptions } from './github/options.ts';
import { progressDisplay } from './github/progress.ts';
import { eventTable, functionTable, grouped, partitionTable, usageTable } from './github/report.ts';

const options = readOptions(process.argv.slice(2));
const out = process.stdout;
const say = (line = '') => void out.write(`${line}\n`);

/** npm passes a Ctrl-C on that the terminal has sent already: what comes this soon is the same one. */
const SAME_INTERRUPT_MS = 500;

/** The first Ctrl-C ends the run in order, a second one at once. */
function stopOnInterrupt(): AbortSignal {
  const stop = new AbortController();
  let firstMs = 0;
  const onInterrupt = () => {
    if (stop.signal.aborted && performance.now() - firstMs > SAME_INTERRUPT_MS) process.exit(130);
    if (!stop.signal.aborted) firstMs = performance.now();
    stop.abort();
  };
  process.on('SIGINT', onInterrupt).on('SIGTERM', onInterrupt);
  return stop.signal;
}

/** `npm start | head`: nobody reads on, and nothing is lost by ending here. */
function endWhenNobodyReads(): void {
  out.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

async function sayWhatWasFound(millrace: Millrace, job: Job): Promise<void> {
  const { run, known, found } = job;
  if (found === 0 && run === 0n) {
    say(`A new log in ${options.data}/: topic ${TOPIC} with ${PARTITIONS} partitions.`);
    return;
  }
  say(
    `The log in ${options.data}/ holds ${grouped(found)} records; ${run === 1n ? '1 run was' : `${grouped(run)} runs were`} started before this one.`,
  );
  const atLeast = known > 0 ? `${grouped(known)} are known to have been acknowledged` : 'No run has ended in order yet';
  if (found < known) throw new MillraceError('OBJECT_MISSING', `${known - found} acknowledged records are missing`);
  const left = await behind(millrace);
  const goOn =
    left > 0n ? `${grouped(left)} records are left for the groups to read` : 'both groups have read all of it';
  say(`${atLeast}; ${goOn}.`);
}

/** Records that both groups together have not committed. */
async function behind(millrace: Millrace): Promise<bigint> {
  const described = await Promise.all([COUNTS, AUDIT].map((group) => millrace.groups.describeGroup(group)));
  return described.flatMap(({ partitions }) => partitions).reduce((sum, { lag }) => sum + lag, 0n);
}

async function showWhile(
  job: Job,
  meter: UsageMeter,
  total: number,
  changes: string[],
  startMs: number,
  work: Promise<void>,
): Promise<void> {
  const display = progressDisplay(out);
  const before = meter.usage;
  const show = () => {
    const { puts, putBytes } = meter.usage;
    display.show({
      ...job.counters,
      total,
      counted: job.counting.reduce((sum, { handled }) => sum + handled, 0),
      audited: job.auditing.handled,
      members: job.counting.map(({ name, partitions }) => `${name}: ${partitions.join(' ') || '–'}`),
      changes,
      puts: puts - before.puts,
      storedBytes: putBytes - before.putBytes,
      elapsedMs: performance.now() - startMs,
    });
  };
  const timer = setInterval(show, 100);
  try {
    await work;
    show();
  } finally {
    clearInterval(timer);
    display.done();
  }
}

async function report(millrace: Millrace, job: Job, meter: UsageMeter): Promise<void> {
  const [counts, audit] = await Promise.all([totalCounts(millrace), totalAudit(millrace)]);
  say(`\nEvents by type, over all runs\n${eventTable(counts)}`);
  const [counted, audited] = await Promise.all([COUNTS, AUDIT].map((group) => committedOffsets(millrace, group)));
  const rows = (await millrace.topics.describeTopic(TOPIC)).partitions.map((row) => ({
    ...row,
    countsPosition: counted!.get(row.partition)?.offset ?? 0n,
    auditPosition: audited!.get(row.partition)?.offset ?? 0n,
  }));
  say(`\nPartitions of ${TOPIC}, and what the groups have committed\n${partitionTable(rows)}`);
  say(`\n${usageTable(meter.usage, job.counters.acknowledged)}`);
  const total = rows.reduce((sum, { highWatermark }) => sum + Number(highWatermark), 0);
  const checks = `${grouped(audit.records)} of ${grouped(total)} records audited`;
  if (audit.violations === 0) {
    say(`\n${checks}: all in order, none lost, none twice.`);
    return;
  }
  say(`\n${checks}: ${grouped(audit.violations)} violations, the first:\n  ${audit.firstViolation}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  endWhenNobodyReads();
  const signal = stopOnInterrupt();
  const meter = new UsageMeter();
  const millrace = await connect(`file:${options.data}`, { meter });
  const deliveries = readDeliveries();
  const { rounds } = options;
  const changes: string[] = [];
  const startMs = performance.now();
  const note = (what: string) => void changes.push(`${((performance.now() - startMs) / 1000).toFixed(1)} s: ${what}`);
  const job = await openJob(millrace, note);
  // On a store of its own, so that what it watches is not counted below: on AWS the stream tells it.
  const functions = await startFunctions(options.data);
  await sayWhatWasFound(millrace, job);
  const total = deliveries.length * rounds;
  say(
    `Producing ${grouped(deliveries.length)} webhook deliveries ${grouped(rounds)} ${rounds === 1 ? 'time' : 'times'}, keyed by repository.`,
  );
  say('Group counts has three members, one of which leaves and comes back; group audit has one.');
  say(`Two functions are called by the same commits, in processes of their own. Watch them at ${functions.address}\n`);
  const work = async () => {
    const producing = produce(millrace, job, { deliveries, rounds, signal });
    if (rounds > 0) await leaveAndReturn(job, total, note, producing);
    await producing;
    await caughtUp(millrace, job);
    note('both groups have read everything');
    await functions.caughtUp();
    const dead = functions.counters.reduce((sum, { givenUp }) => sum + givenUp, 0);
    note(`so have the functions; ${dead === 1 ? '1 dead letter is' : `${grouped(dead)} dead letters are`} sent back`);
    await functions.redrive();
  };
  await showWhile(job, meter, total, changes, startMs, work());
  await saveKnown(millrace, job);
  if (signal.aborted) say('\nStopped by Ctrl-C: what was acknowledged is in the log.');
  await Promise.all([...job.counting, job.auditing].map((member) => member.leave()));
  await report(millrace, job, meter);
  say(`\nFunctions that were called for it\n${functionTable(functions.counters)}`);
  await functions.close();
  await millrace.close();
  say(`\nRun it again: it goes on from here. Start afresh with: rm -r ${options.data}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof MillraceError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n${error.hint === undefined ? '' : `${error.hint}\n`}`);
  // Members that are still at work must not keep a failed run alive.
  process.exit(1);
}
