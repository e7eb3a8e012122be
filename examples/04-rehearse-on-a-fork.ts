/**
 * 04 · Rehearse on a fork: a new consumer is tried on yesterday's records, before it may touch the real ones.
 *
 * What you learn: `forkTopic` makes a topic with the records of another one, under the same offsets. What was compacted is copied by the store, so a fork of gigabytes costs a few requests. The fork lives on by itself: groups, commits and
 * records of the one are not those of the other, and it is deleted like any topic.
 *
 * Run it: node examples/04-rehearse-on-a-fork.ts
 */
import { systemClock as clock, connect, forkTopic, systemRandom as random } from '../lib/index.ts';
import { memoryStore } from '../lib/local.ts';

const store = memoryStore({ clock });
const millrace = await connect({ store });
const producer = millrace.producer();

/** The new consumer: sums up payments. One of them it has never seen in a test. */
async function total(topic: string, toCents: (text: string) => number): Promise<number> {
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic, from: 'beginning' }]);
  let cents = 0;
  for await (const record of reader) {
    const text = record.text() ?? '';
    const value = toCents(text);
    if (Number.isNaN(value)) throw new Error(`cannot read ${text} at offset ${record.offset}`);
    cents += value;
  }
  return cents;
}

await millrace.topics.createTopic({ name: 'payments' });
for (const amount of ['12.50', '7.00', '1,000.00', '3.20']) await producer.send({ topic: 'payments', value: amount });

// Up to an offset, or up to a time, or as here: all that there is.
const fork = await forkTopic({ store, clock, random }, { source: 'payments', name: 'rehearsal' });
console.log(`the fork ends at offset ${fork.partitions[0]?.highWatermark}`);

const first = await total('rehearsal', (text) => Math.round(Number(text) * 100)).catch((error: Error) => error.message);
console.log(`first try: ${first}`);
const second = await total('rehearsal', (text) => Math.round(Number(text.replaceAll(',', '')) * 100));
console.log(`second try: ${second} cents`);

// What is written to the fork, nobody reads who reads the source.
await producer.send({ topic: 'rehearsal', value: '0.01' });
await millrace.topics.deleteTopic('rehearsal');
console.log(`payments ends at offset ${await millrace.offsetAt({ topic: 'payments', partition: 0 }, 'end')}`);
await millrace.close();
await store.close();
