/** A segment by hand: put, committed, read by its range, rolled into a chunk; then the same by the client. */
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../lib/index.ts';
import { decodeEntry } from '../../lib/log/entry.ts';
import { UsageMeter } from '../../lib/log/meter.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { segmentKey } from '../../lib/segment/segment-key.ts';
import { commitArgs, entryNumbered, freshPartition, idNumbered, readHead } from '../log/contract/fresh.ts';
import { startEmulators } from './emulators.ts';

const emulators = await startEmulators();
afterAll(() => emulators.stop());

describe('a store on S3 and DynamoDB', () => {
  it('takes a segment, its order, and a roll', async () => {
    const { store } = await emulators.openStore();
    const partition = await freshPartition(store);
    const segment = Buffer.from('header-the records of this region-index');
    const region = { position: 7, lengthBytes: 26 };
    const key = segmentKey({ prefix: store.prefix, domain: 'shared', level: 0, id: idNumbered(1) });

    expect(await store.objects.put(key, segment)).toBe('created');
    const args = commitArgs(1, { entries: [entryNumbered(1, { ...region, recordCount: 5 })], recordCount: 5 });
    expect(await store.heads.commit(partition, args)).toMatchObject({ outcome: 'done', next: 5n });

    const head = (await readHead(store, partition))!;
    const rolled = await rollTail(store, partition, head);
    expect(rolled).toMatchObject({ tailBase: 5n, tail: [], tailBytes: 0, next: 5n, ring: 0 });
    const [chunk] = await store.chunks.query(partition, { order: 'descending', limit: 1, consistent: true });
    expect(chunk).toMatchObject({ base: 0n, end: 5n, count: 1, minId: idNumbered(1) });

    const entry = decodeEntry(chunk!.entries[0]!);
    if (entry.kind !== 'reference') expect.unreachable('the entry is a reference');
    const found = segmentKey({ prefix: store.prefix, domain: 'shared', level: 0, id: entry.id });
    const bytes = await store.objects.get(found, entry.position, entry.lengthBytes);
    expect(Buffer.from(bytes!).toString()).toBe('the records of this region');

    // An attempt that comes late, after the roll, is refused: the tail can no longer show that it stood there.
    expect(await store.heads.commit(partition, args)).toMatchObject({ outcome: 'refused', item: { next: 5n } });
  });

  it('carries records from a producer to a reader', async () => {
    const meter = new UsageMeter();
    const { store } = await emulators.openStore(meter);
    const millrace = await connect({ store });
    await millrace.topics.createTopic({ name: 'orders', partitionCount: 2 });
    const producer = millrace.producer();
    const values = Array.from({ length: 200 }, (_, index) => `${index} ${'x'.repeat(100)}`);
    const sent = values.map((value, index) => producer.send({ topic: 'orders', key: `k${index % 7}`, value }));
    await producer.close();
    await Promise.all(sent);

    const reader = millrace.reader({ stopAtEnd: true });
    await reader.assign([{ topic: 'orders' }]);
    const read: string[] = [];
    for await (const record of reader) read.push(Buffer.from(record.value!).toString());
    expect(read.toSorted()).toEqual(values.toSorted());
    expect(meter.usage.puts).toBeGreaterThan(0);
    expect(store.serverClock.aheadMs(idNumbered(0))).not.toBeNull();
    await millrace.topics.deleteTopic('orders');
    expect(await millrace.topics.listTopics()).toEqual([]);
    await millrace.close();
  });
});
