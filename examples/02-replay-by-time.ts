/**
 * 02 · Replay by time: a log keeps what was, so a mistake can be corrected by reading it again.
 *
 * What you learn: records carry timestamps, a reader can begin at one, and it can go back to any offset. A thermometer reports each minute; from 08:30 on its values
 * were in Fahrenheit. The report is made again from that minute, without touching what came before.
 *
 * Run it: node examples/02-replay-by-time.ts
 */
import { connect } from '../lib/index.ts';

const MINUTE_MS = 60_000;
const startMs = Date.UTC(2026, 0, 1, 8, 0);
const partition = { topic: 'temperatures', partition: 0 };

const millrace = await connect('memory:');
await millrace.topics.createTopic({ name: 'temperatures' });

const producer = millrace.producer();
for (let minute = 0; minute < 60; minute++) {
  const value = String(minute < 30 ? 20 : 68);
  void producer.send({ ...partition, value, timestampMs: startMs + minute * MINUTE_MS });
}
await producer.flush();

// The end that the first fetch saw is the end of the loop: later records belong to the next run.
const reader = millrace.reader({ stopAtEnd: true });
const degrees: number[] = [];
await reader.assign([partition]);
for await (const record of reader) degrees[Number(record.offset)] = Number(record.text());
console.log(`at 08:45 it was ${degrees[45]} degrees`);

// The first record at or after 08:30, found without reading those before it.
await reader.seek(partition, { timestampMs: startMs + 30 * MINUTE_MS });
console.log(`reading again from offset ${reader.position(partition)}`);
for await (const record of reader) {
  const celsius = ((Number(record.text()) - 32) * 5) / 9;
  degrees[Number(record.offset)] = celsius;
}
console.log(`at 08:45 it was ${degrees[45]} degrees Celsius`);

// Behind the last record there is nothing at all: a time later than everything is the end.
const end = await millrace.offsetAt(partition, { timestampMs: startMs + 60 * MINUTE_MS });
console.log(`the log ends at offset ${end}`);
await millrace.close();
