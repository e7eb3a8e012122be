/** A reader that tells all that it is given, from the beginning: `node reading-process.ts <connection> <name> [end]`. It waits for more until SIGTERM; with `end` it ends where the log ends now. */
import { connect } from '../../lib/index.ts';
import { logEventLine } from '../history/log-event.ts';
import { CHAOS_TOPIC } from './chaos-topic.ts';

async function main(connection: string, client: string, end: boolean): Promise<void> {
  const millrace = await connect(connection);
  const reader = millrace.reader({ stopAtEnd: end, idleMaxMs: 100 });
  await reader.assign([{ topic: CHAOS_TOPIC }]);
  process.once('SIGTERM', () => void reader.close());
  for await (const { partition, records } of reader.batches()) {
    const highWatermark = Number(reader.progress().find((one) => one.partition === partition)!.highWatermark);
    for (const record of records) {
      const [value = ''] = record.text()!.split(' ');
      const line = logEventLine({
        kind: 'read',
        client,
        partition,
        offset: Number(record.offset),
        value,
        highWatermark,
      });
      process.stdout.write(`${line}\n`);
    }
  }
  await millrace.close();
}

await main(process.argv[2]!, process.argv[3]!, process.argv[4] === 'end');
