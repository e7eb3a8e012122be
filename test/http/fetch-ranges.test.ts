import { describe, expect, it } from 'vitest';
import { recordsOfRange } from '../../lib/http/records-of-range.ts';
import { type AnsweredRange, links, served } from './http-stage.ts';

describe('reading by ranges', () => {
  it('tells where record batches are, in objects and inline, in the order of their offsets', async () => {
    const { produce, ranges, follow } = await served({ links });
    const values = ['small', 'a'.repeat(200_000), 'b'.repeat(300_000), 'tiny'];
    for (const value of values) await produce({ value, partition: 0 });
    const { status, headers, json } = await ranges('offset=beginning');
    expect({ status, json }).toMatchObject({
      status: 200,
      json: { expiresSeconds: 900, nextOffset: 4, highWatermark: 4, logStartOffset: 0 },
    });
    expect(headers['cache-control']).toBe('no-store');
    expect(
      json.ranges.map(({ baseOffset, endOffset, stamped, base64 }: AnsweredRange) => ({
        baseOffset,
        endOffset,
        stamped,
        inline: base64 !== undefined,
      })),
    ).toEqual([
      { baseOffset: 0, endOffset: 1, stamped: false, inline: true },
      { baseOffset: 1, endOffset: 2, stamped: false, inline: false },
      { baseOffset: 2, endOffset: 3, stamped: false, inline: false },
      { baseOffset: 3, endOffset: 4, stamped: false, inline: true },
    ]);
    const records = await follow(json.ranges);
    expect(records.map(({ offset }) => offset)).toEqual([0n, 1n, 2n, 3n]);
    const read = records.map(({ value }) => Buffer.from(value!).toString());
    expect(read.map((value, index) => value === values[index])).toEqual([true, true, true, true]);
  });

  it('begins with the range that holds the offset, ends where it was told to, and is empty at the end', async () => {
    const { produce, ranges } = await served({ links });
    for (let n = 0; n < 3; n++) await produce({ records: Array(2).fill({ value: 'x'.repeat(5_000), partition: 0 }) });
    const { json } = await ranges('offset=3&maxBytes=1');
    expect(json).toMatchObject({ ranges: [{ baseOffset: 2, endOffset: 4 }], nextOffset: 4 });
    expect((await ranges('offset=4')).json).toMatchObject({ ranges: [{ baseOffset: 4 }], nextOffset: 6 });
    expect((await ranges('offset=end')).json).toMatchObject({ ranges: [], nextOffset: 6, highWatermark: 6 });
  });

  it('tells the bytes themselves where the store has no links', async () => {
    const { produce, ranges, follow } = await served();
    for (const value of ['a', 'b'.repeat(9_000)]) await produce({ value, partition: 0 });
    const { json } = await ranges('offset=1');
    expect(json.ranges).toMatchObject([{ baseOffset: 1, endOffset: 2, stamped: true, base64: expect.any(String) }]);
    expect((await follow(json.ranges)).map(({ offset }) => offset)).toEqual([1n]);
    expect((await ranges('offset=2')).json).toMatchObject({ ranges: [], nextOffset: 2 });
  });

  it.each([
    ['', 0, 400, 'offset is missing'],
    ['offset=0&maxRecords=1', 0, 400, 'maxRecords'],
    ['offset=0&maxBytes=268435457', 0, 400, 'maxBytes'],
    ['offset=5', 0, 416, ''],
    ['offset=0', 7, 404, 'has no partition 7'],
  ])('%j of partition %s is answered by a status and the way out', async (query, partition, status, words) => {
    for (const given of [links, null]) {
      const { status: got, json } = await (await served({ links: given })).ranges(query, partition);
      expect(got).toBe(status);
      expect(json.error).toMatchObject({ message: expect.stringContaining(words), hint: expect.stringMatching(/./) });
    }
  });

  it('refuses bytes that are damaged', async () => {
    const { produce, ranges } = await served({ links });
    await produce({ value: 'v', partition: 0 });
    const [range] = (await ranges('offset=0')).json.ranges as readonly AnsweredRange[];
    const bytes = Buffer.from(range!.base64!, 'base64');
    bytes[bytes.length - 2]! ^= 1;
    expect(() => [...recordsOfRange(range!, bytes)]).toThrow(/CRC/);
    expect(() => [...recordsOfRange(range!, bytes.subarray(0, -1))]).toThrow(/cut off/);
  });
});
