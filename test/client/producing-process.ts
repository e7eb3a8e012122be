/** A process that produces until it is killed: `node producing-process.ts <connection> <run>`. It prints `<partition> <offset> <number>` of each record once it is acknowledged. */
import { connect } from '../../lib/index.ts';
import { DURABLE_TOPIC, durableValue } from './durable-records.ts';

const [connection, run] = process.argv.slice(2) as [string, string];
const millrace = await connect(connection);
// Small batches and segments: many are under way whenever it is killed.
const producer = millrace.producer({ batchBytes: 2_000, segmentBytes: 20_000, lingerMs: 1 });
process.stdout.write('open\n');
for (let number = 0; ; number++) {
  const record = { topic: DURABLE_TOPIC, key: `key-${number % 31}`, value: durableValue(run, number) };
  producer.send(record).then(
    ({ partition, offset }) => process.stdout.write(`${partition} ${offset} ${number}\n`),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
  await producer.room();
  // Otherwise nothing would be acknowledged before the memory is full.
  if (number % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
