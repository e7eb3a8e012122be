/** A process that delays records and ends, without closing anything: `node delaying-process.ts <connection> <count> <delay>`. It prints an id for each. */
import { connect } from '../../lib/index.ts';

const [connection, count, delay] = process.argv.slice(2) as [string, string, string];
const millrace = await connect(connection, { releaseDelayed: false });
const producer = millrace.producer();
const sends = Array.from({ length: Number(count) }, (_, n) =>
  producer.send({ topic: 'reminders', value: `v${n}`, delay }),
);
for (const { id } of await Promise.all(sends)) process.stdout.write(`${id}\n`);
process.kill(process.pid, 'SIGKILL');
