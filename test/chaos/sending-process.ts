/** A producer that tells what it sends and what becomes of it: `node sending-process.ts <connection> <name>`. Ends in order at SIGTERM. */
import { setTimeout as pause } from 'node:timers/promises';
import { connect, hasCode } from '../../lib/index.ts';
import { type LogEvent, logEventLine } from '../history/log-event.ts';
import { CHAOS_PARTITIONS, CHAOS_TOPIC } from './chaos-topic.ts';

const MOST_AT_ONCE = 8;
const PAUSE_MS = 25;

async function main(connection: string, client: string): Promise<void> {
  let isOver = false;
  process.once('SIGTERM', () => {
    isOver = true;
  });
  const tell = (event: LogEvent) => void process.stdout.write(`${logEventLine(event)}\n`);
  const millrace = await connect(connection);
  // Short times, so that some of it is given up.
  const producer = millrace.producer({ deliveryTimeoutMs: 4_000, segmentBytes: 20_000 });
  const sending = new Set<Promise<void>>();
  for (let number = 0; !isOver; ) {
    for (let count = Math.ceil(Math.random() * MOST_AT_ONCE); count > 0; count--, number++) {
      const partition = Math.floor(Math.random() * CHAOS_PARTITIONS);
      const value = `${client}-${number}`;
      const about = { client, partition, value };
      tell({ kind: 'sent', ...about });
      // Some travel inline, some in segments.
      const padding = number % 3 === 0 ? ` ${'x'.repeat(2_000)}` : ' ';
      const sent = producer.send({ topic: CHAOS_TOPIC, partition, value: value + padding }).then(
        ({ offset }) => tell({ kind: 'acked', ...about, offset: Number(offset) }),
        (error: unknown) => {
          if (hasCode(error, 'NOT_COMMITTED')) tell({ kind: 'refused', ...about });
          else if (hasCode(error, 'BUFFER_EXHAUSTED')) tell({ kind: 'unsent', ...about });
          else if (hasCode(error, 'COMMIT_UNKNOWN')) tell({ kind: 'unknown', ...about });
          else throw error;
        },
      );
      sending.add(sent);
      void sent.finally(() => sending.delete(sent));
    }
    await pause(PAUSE_MS);
  }
  await producer.close();
  await Promise.all(sending);
  await millrace.close();
}

await main(process.argv[2]!, process.argv[3]!);
