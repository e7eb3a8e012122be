/**
 * 03 · Expected offsets: append only if nobody else did.
 *
 * What you learn: `expectedOffset` makes an append conditional on the end of the log, which is all that is needed for a ledger with many writers: read to the end,
 * decide, append at the end that was read. Who comes second gets OFFSET_MISMATCH, nothing of his is written, and he reads on and decides again.
 *
 * Run it: node examples/03-expected-offset.ts
 */
import { connect, hasCode, type Millrace } from '../lib/index.ts';

const ledger = { topic: 'account', partition: 0 };
let conflicts = 0;

/** One writer: takes 10 from the account until it is empty; returns how much it got. */
async function withdraw(millrace: Millrace): Promise<number> {
  const producer = millrace.producer();
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([ledger]);
  let balance = 0;
  let taken = 0;
  for (;;) {
    for await (const record of reader) balance += Number(record.text());
    if (balance < 10) return taken;
    // The decision holds for what was read up to here, and for nothing else.
    const expectedOffset = reader.position(ledger);
    try {
      await producer.send({ ...ledger, value: '-10', expectedOffset });
      taken += 10;
    } catch (error) {
      if (!hasCode(error, 'OFFSET_MISMATCH')) throw error;
      conflicts += 1;
    }
    // What was just written, by whomever, is read like everything else.
    await reader.seek(ledger, expectedOffset);
  }
}

const millrace = await connect('memory:');
await millrace.topics.createTopic({ name: ledger.topic });
await millrace.producer().send({ ...ledger, value: '1000' });

const taken = await Promise.all([withdraw(millrace), withdraw(millrace), withdraw(millrace)]);
const sum = taken.reduce((total, one) => total + one, 0);
console.log(
  `three writers took ${sum} of 1000, and were told ${conflicts > 0 ? 'at least once' : 'never'} to look again`,
);
console.log(`the ledger has ${await millrace.offsetAt(ledger, 'end')} entries`);
await millrace.close();
