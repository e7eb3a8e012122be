import { expect, it } from 'vitest';
import { recordSender } from '../../lib/connect/record-sender.ts';

const record = { key: null, value: Buffer.from('v'), headers: [] };

it('makes its producer when something is to be sent, once, and forgets that it could not', async () => {
  const sent: string[] = [];
  let made = 0;
  const records = recordSender(async () => {
    made += 1;
    if (made === 1) throw new Error('not to be loaded');
    return { send: async ({ topic }) => void sent.push(topic) as never };
  });
  expect(made).toBe(0);
  await expect(records.send('a', record)).rejects.toThrow('not to be loaded');
  await Promise.all([records.send('b', record), records.send('c', record)]);
  expect(sent).toEqual(['b', 'c']);
  expect(made).toBe(2);
});
