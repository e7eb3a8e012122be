/**
 * `npm start`: real webhook deliveries through an embedded log in `.millrace/`, watched by two readers. Run it again and it goes on where it ended; end it with Ctrl-C at
 * any moment and nothing that was acknowledged is missing the next time.
 */
import { connect, MillraceError } from '../lib/index.ts';
import { UsageMeter } from '../lib/log/meter.ts';
import { readDeliveries } from './github/deliveries.ts';
import { endOffsets, type Job, openJob, PARTITIONS, produce, saveCheckpoint, TOPIC } from './github/job.ts';
import { readOptions } from './github/options.ts';
import { progressDisplay } from './github/progress.ts';
import { eventTable, grouped, partitionTable, usageTable } from './github/report.ts';

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

function sayWhatWasFound({ run, checkpoint, found, audit }: Job): void {
  if (found === 0 && run === 0n) {
    say(`A new log in ${options.data}/: topic ${TOPIC} with ${PARTITIONS} partitions.`);
    return;
  }
  const known = checkpoint.acknowledged;
  say(
    `The log in ${options.data}/ holds ${grouped(found)} records; ${run === 1n ? '1 run was' : `${grouped(run)} runs were`} started before this one.`,
  );
  const verdict = audit.violations.length > 0 ? 'BROKEN, see below' : 'unbroken, none missing and none twice';
  const atLeast = known > 0 ? `${grouped(known)} are known to have been acknowledged` : 'No run has ended in order yet';
  say(`${atLeast}; every repository's deliveries are ${verdict}.`);
  if (found < known) throw new MillraceError('OBJECT_MISSING', `${known - found} acknowledged records are missing`);
}

async function showWhile(job: Job, meter: UsageMeter, total: number, work: Promise<void>): Promise<void> {
  const display = progressDisplay(out);
  const startMs = performance.now();
  const before = { counted: job.counter.handled, audited: job.auditor.handled, usage: meter.usage };
  const show = () => {
    const { puts, putBytes } = meter.usage;
    display.show({
      ...job.counters,
      total,
      counted: job.counter.handled - before.counted,
      audited: job.auditor.handled - before.audited,
      puts: puts - before.usage.puts,
      storedBytes: putBytes - before.usage.putBytes,
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

async function report(job: Job, meter: UsageMeter, describe: Awaited<ReturnType<typeof describeTopic>>): Promise<void> {
  say(`\nEvents by type, over all runs\n${eventTable(job.counts)}`);
  const rows = describe.map(({ partition, logStartOffset, highWatermark }) => ({
    partition,
    logStartOffset,
    highWatermark,
    countsPosition: job.counter.positions.get(partition) ?? 0n,
    auditPosition: job.auditor.positions.get(partition) ?? 0n,
  }));
  say(`\nPartitions of ${TOPIC}\n${partitionTable(rows)}`);
  say(`\n${usageTable(meter.usage, job.counters.acknowledged)}`);
  const total = rows.reduce((sum, { highWatermark }) => sum + Number(highWatermark), 0);
  const checks = `${grouped(job.audit.records)} of ${grouped(total)} records audited`;
  if (job.audit.violations.length === 0) {
    say(`\n${checks}: all in order, none lost, none twice.`);
    return;
  }
  say(`\n${checks}: ${grouped(job.audit.violations.length)} violations, the first:`);
  for (const violation of job.audit.violations.slice(0, 10)) say(`  ${violation}`);
  process.exitCode = 1;
}

async function describeTopic(millrace: Awaited<ReturnType<typeof connect>>) {
  return (await millrace.topics.describeTopic(TOPIC)).partitions;
}

async function main(): Promise<void> {
  endWhenNobodyReads();
  const signal = stopOnInterrupt();
  const meter = new UsageMeter();
  const millrace = await connect(`file:${options.data}`, { meter });
  const deliveries = readDeliveries();
  const { rounds } = options;
  const job = await openJob(millrace);
  sayWhatWasFound(job);
  say(
    `Producing ${grouped(deliveries.length)} webhook deliveries ${grouped(rounds)} ${rounds === 1 ? 'time' : 'times'}, keyed by repository.\n`,
  );
  const work = async () => {
    await produce(millrace, job, { deliveries, rounds, signal });
    const ends = await endOffsets(millrace);
    await Promise.all([job.counter.reached(ends), job.auditor.reached(ends)]);
  };
  await showWhile(job, meter, deliveries.length * rounds, work());
  await saveCheckpoint(millrace, job);
  if (signal.aborted) say('\nStopped by Ctrl-C: what was acknowledged is in the log.');
  await report(job, meter, await describeTopic(millrace));
  await Promise.all([job.counter.close(), job.auditor.close()]);
  await millrace.close();
  say(`\nRun it again: it goes on from here. Start afresh with: rm -r ${options.data}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof MillraceError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n${error.hint === undefined ? '' : `${error.hint}\n`}`);
  process.exitCode = 1;
}
