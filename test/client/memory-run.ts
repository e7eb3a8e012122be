/**
 * A process that sends records through a small buffer to a file store, reads them all, and prints what it took: { sent, read, baselineMiB, peakMiB }.
 *
 * Arguments: directory, records, buffer bytes. Needs --expose-gc: V8 lets up to 64 MiB of dead buffers lie before it looks for them, and how much lies when differs from one run to the next, so it is
 * made to look often, and the peak is of what we hold.
 */
import assert from 'node:assert/strict';
import { connect } from '../../lib/index.ts';

const [directory = '', countText = '0', bufferText = '0'] = process.argv.slice(2);
const count = Number(countText);
const PARTITIONS = 8;
const RECORDS_PER_COLLECTION = 20_000;
const collect = globalThis.gc;
assert(collect);

const millrace = await connect(`file:${directory}`);
await millrace.topics.createTopic({ name: 'orders', partitionCount: PARTITIONS });
const value = Buffer.alloc(100, 'x');
// The peak is the kernel's, in KiB, so no sampling misses it.
const baselineMiB = process.resourceUsage().maxRSS / 1024;

const producer = millrace.producer({ bufferMemoryBytes: Number(bufferText) });
let sent = 0;
for (let n = 0; n < count; n++) {
  void producer.send({ topic: 'orders', partition: n % PARTITIONS, value }).then(() => {
    sent += 1;
  });
  await producer.room();
  if (n % RECORDS_PER_COLLECTION === 0) collect();
}
await producer.close();

const reader = millrace.reader({ stopAtEnd: true, readAheadBytes: 8 * 1024 * 1024 });
await reader.assign([{ topic: 'orders' }]);
let read = 0;
let collectAt = 0;
for await (const { records } of reader.batches()) {
  read += records.length;
  if (read < collectAt) continue;
  collect();
  collectAt = read + RECORDS_PER_COLLECTION;
}
await millrace.close();
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ sent, read, baselineMiB, peakMiB }));
