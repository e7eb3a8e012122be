/** Delayed records on S3 and DynamoDB: sent by a client, released by two releasers that list what is due, as functions will. */
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { DueReleaser } from '../../lib/delay/due-releaser.ts';
import { connect, type MillraceError } from '../../lib/index.ts';
import { startEmulators } from './emulators.ts';

const emulators = await startEmulators();
afterAll(() => emulators.stop());

const TOPIC = 'reminders';

describe('delayed records on S3 and DynamoDB', () => {
  it('enter their partitions once, in order, whoever releases, and not when they were cancelled', async () => {
    const { store } = await emulators.openStore();
    const millrace = await connect({ store });
    await millrace.topics.createTopic({ name: TOPIC, partitionCount: 1 });
    const producer = millrace.producer();
    const dueMs = clock.nowMs() + 4_000;
    const deliverAt = new Date(dueMs);
    const values = Array.from({ length: 120 }, (_, n) => `${n} ${n % 40 === 0 ? 'x'.repeat(5_000) : ''}`);
    const sent = await Promise.all(values.map((value) => producer.send({ topic: TOPIC, value, deliverAt })));
    expect(await millrace.delayed.cancel(sent[3]!.id)).toBe('cancelled');
    expect(await millrace.delayed.list({ topic: TOPIC, limit: 500 })).toHaveLength(119);

    const errors: MillraceError[] = [];
    const releasers = [1, 2].map(
      () => new DueReleaser({ store, clock, random, onError: (error) => errors.push(error) }),
    );
    const end = () => millrace.offsetAt({ topic: TOPIC, partition: 0 }, 'end');
    for (let turn = 0; turn < 200 && (await end()) < 119n; turn++) {
      if (store.serverClock.nowMs() < dueMs) expect(await end()).toBe(0n);
      const minutes = await store.dueMinutes.list(100);
      for (const releaser of releasers) {
        releaser.hear(minutes);
        releaser.begin();
      }
      await Promise.all(releasers.map((releaser) => releaser.settled()));
      await clock.sleep(50);
    }
    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: TOPIC }]);
    const found: string[] = [];
    for await (const record of reader) found.push(record.text()!);
    expect(found).toEqual(values.filter((_, n) => n !== 3));
    expect(errors).toEqual([]);
    expect(await millrace.delayed.cancel(sent[0]!.id)).toBe('delivered');
    expect(await millrace.delayed.cancel(sent[3]!.id)).toBe('cancelled');
    expect(await store.objects.list('shared/delayed/', null, 10)).toEqual([]);
    await millrace.close();
  }, 60_000);
});
