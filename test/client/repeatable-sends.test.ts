import { describe, expect, it } from 'vitest';
import { Millrace } from '../../lib/client/millrace.ts';
import { RepeatableSends } from '../../lib/client/repeatable-sends.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import { UnansweredError } from '../../lib/errors.ts';
import { Appender } from '../../lib/log/appender.ts';
import type { LogStore } from '../../lib/log/log-store.ts';
import { TopicDirectory } from '../../lib/log/topic-directory.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { readAll, TOPIC } from './client-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

const ID = 4_611_686_018_427_387_903n;

async function stage(config: Readonly<Record<string, string>> = {}) {
  const clock = new VirtualClock({ jumps: true });
  const memory = memoryStore({ clock });
  const { topics: admin } = new Millrace({ store: memory, clock, random });
  await admin.createTopic({ name: TOPIC, partitionCount: 4, config });
  /** A process of its own, which knows nothing of the others. */
  const sends = (store: LogStore = memory, deliveryTimeoutMs = 5_000) => {
    const topics = new TopicDirectory({ source: admin, clock, maxAgeMs: 30_000 });
    return new RepeatableSends({ clock, topics, appender: new Appender({ store, clock, random, deliveryTimeoutMs }) });
  };
  const values = async () => (await readAll({ store: memory, clock })).map((record) => record.text());
  return { clock, memory, sends, values };
}
const records = ['a', 'b', 'c', 'd'].map((value) => ({ topic: TOPIC, key: value, value }));

describe('a request that may come again', () => {
  it('is in the log once, and is answered the same, by whatever process', async () => {
    const { sends, values } = await stage();
    const process = sends();
    const first = await process.send(ID, TOPIC, records);
    expect(first.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(await process.send(ID, TOPIC, records)).toEqual(first);
    expect(await sends().send(ID, TOPIC, records)).toEqual(first);
    expect((await values()).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    // Another request is another one.
    await process.send(ID - 1n, TOPIC, records);
    expect(await values()).toHaveLength(8);
  });

  it('is in the log once when two processes are asked at the same time', async () => {
    const { sends, values } = await stage();
    const all = await Promise.all([sends(), sends(), sends()].map((one) => one.send(ID, TOPIC, records)));
    expect(all[1]).toEqual(all[0]);
    expect(all[2]).toEqual(all[0]);
    expect(await values()).toHaveLength(4);
  });

  it('is in the log once though the answers to its first commits were lost', async () => {
    const { memory, sends, values } = await stage();
    let isDeaf = true;
    const deaf = {
      ...memory,
      heads: {
        ...memory.heads,
        async commit(...args: Parameters<typeof memory.heads.commit>) {
          const answer = await memory.heads.commit(...args);
          if (isDeaf) throw new UnansweredError('lost');
          return answer;
        },
        async raiseFloor(): Promise<never> {
          throw new UnansweredError('lost');
        },
      },
    } as LogStore;
    const lost = await sends(deaf, 200).send(ID, TOPIC, records);
    expect(lost.map(({ status }) => status)).toContain('rejected');
    isDeaf = false;
    const again = await sends().send(ID, TOPIC, records);
    expect(again.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect((await values()).toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('goes to one partition where its records have no key, to the same one each time', async () => {
    const { sends } = await stage();
    const keyless = [
      { topic: TOPIC, value: '1' },
      { topic: TOPIC, value: '2' },
    ];
    const first = await sends().send(7n, TOPIC, keyless);
    expect(first).toMatchObject([{ value: { partition: 3, offset: 0n } }, { value: { partition: 3, offset: 1n } }]);
    expect(await sends().send(7n, TOPIC, keyless)).toEqual(first);
  });

  it('sends nothing when one of its records is refused', async () => {
    const { sends, values } = await stage({ 'max.message.bytes': '200' });
    const code = (promise: Promise<unknown>) =>
      promise.then(
        () => 'sent',
        (error) => error.code,
      );
    const one = sends();
    const record = (more: object) => [
      { topic: TOPIC, value: 'a' },
      { topic: TOPIC, value: 'b', ...more },
    ];
    expect(await code(one.send(ID, TOPIC, record({ partition: 4 })))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await code(one.send(ID, TOPIC, record({ value: 'x'.repeat(300) })))).toBe('MESSAGE_TOO_LARGE');
    const many = Array.from({ length: 20 }, () => ({ topic: TOPIC, value: 'x' }));
    expect(await code(one.send(ID, TOPIC, many))).toBe('MESSAGE_TOO_LARGE');
    expect(await code(one.send(ID, 'nowhere', record({})))).toBe('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await values()).toEqual([]);
  });
});
