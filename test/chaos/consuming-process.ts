/**
 * A member of group `chaos` that tells what it is given and what it has committed, one event a line with its time: `node consuming-process.ts <connection> <name>`. Ends in order at SIGTERM.
 *
 * `<ms> given <partition> <offset>`, `<ms> committed <partition> <offset>`, `<ms> assigned|revoked|lost <partitions>`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connect, hasCode, type TopicPartition } from '../../lib/index.ts';
import { CHAOS_TOPIC } from './chaos-topic.ts';

/** Longer than a busy machine keeps a process from running: who is late by itself must not look like a zombie. */
export const SESSION_MS = 4_000;
/** Of the records, about: the others are repeated when their member dies. */
const COMMIT_EVERY = 9;

/** Others have it already, or the member was silent for too long: what is to be expected of a process that was stopped. */
const LOST = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'] as const;

async function main(connection: string, name: string): Promise<void> {
  // A pipe is written to at once, so what was told before a SIGKILL is there.
  const tell = (what: string) =>
    void process.stdout.write(`${(performance.timeOrigin + performance.now()).toFixed(3)} ${what}\n`);
  const names = (partitions: readonly TopicPartition[]) => partitions.map(({ partition }) => partition).join(',');
  const millrace = await connect(connection);
  const consumer = millrace.consumer({
    group: CHAOS_TOPIC,
    clientId: name,
    sessionTimeoutMs: SESSION_MS,
    heartbeatIntervalMs: 300,
    assignors: ['cooperative-sticky'],
    idleMaxMs: 50,
    onPartitionsAssigned: (partitions) => tell(`assigned ${names(partitions)}`),
    onPartitionsLost: (partitions) => tell(`lost ${names(partitions)}`),
    onPartitionsRevoked: async (partitions) => {
      const offsets = partitions.map((one) => ({ ...one, offset: consumer.position(one) }));
      if (await isCommitted(() => consumer.commit(offsets))) {
        for (const { partition, offset } of offsets) tell(`committed ${partition} ${offset}`);
      }
      tell(`revoked ${names(partitions)}`);
    },
  });
  let isOver = false;
  process.once('SIGTERM', () => {
    isOver = true;
    consumer.stop();
  });
  await consumer.subscribe([CHAOS_TOPIC]);
  let count = 0;
  for await (const record of consumer) {
    if (isOver) break;
    const { partition, offset } = record;
    tell(`given ${partition} ${offset}`);
    await pause(1);
    count += 1;
    if (count % COMMIT_EVERY === 0 && (await isCommitted(() => consumer.commit(record)))) {
      tell(`committed ${partition} ${offset + 1n}`);
    }
  }
  await consumer.close();
  await millrace.close();
}

async function isCommitted(commit: () => Promise<void>): Promise<boolean> {
  try {
    await commit();
    return true;
  } catch (error) {
    if (LOST.some((code) => hasCode(error, code))) return false;
    throw error;
  }
}

if (import.meta.main) await main(process.argv[2]!, process.argv[3]!);
