import { describe, expect, it } from 'vitest';
import { apiByKey, apis } from '../../../lib/gateway/protocol/apis.ts';
import { decodeRequest, encodeResponse, requestCodec, responseCodec } from '../../../lib/gateway/protocol/frames.ts';
import { apiVersionsApi, metadataApi } from '../../../lib/gateway/protocol/messages/cluster-messages.ts';
import { heartbeatApi } from '../../../lib/gateway/protocol/messages/group-messages.ts';
import { fetchApi, produceApi } from '../../../lib/gateway/protocol/messages/log-messages.ts';
import { WireReader } from '../../../lib/gateway/protocol/wire-reader.ts';
import { WireWriter } from '../../../lib/gateway/protocol/wire-writer.ts';
import { limits } from '../../../lib/limits.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

function written(write: (writer: WireWriter) => void): string {
  const writer = new WireWriter();
  write(writer);
  return Buffer.concat(writer.pieces()).toString('hex');
}

describe('the codec', () => {
  it('knows each API by its key, once', () => {
    expect(new Set(apis.map(({ key }) => key)).size).toBe(apis.length);
    expect(apiByKey(12)).toBe(heartbeatApi);
    expect(apiByKey(9_999)).toBeUndefined();
  });

  it('writes lengths of two bytes in old versions', () => {
    const bytes = written((writer) =>
      requestCodec({ api: heartbeatApi, version: 3 }).write(writer, {
        groupId: 'g',
        generationId: 7,
        memberId: 'mé',
        groupInstanceId: null,
      }),
    );
    expect(bytes).toBe('000167' + '00000007' + '00036dc3a9' + 'ffff');
  });

  it('writes compact lengths and an empty list of tags in flexible ones', () => {
    const bytes = written((writer) =>
      requestCodec({ api: heartbeatApi, version: 4 }).write(writer, { groupId: 'g', generationId: 7, memberId: 'm' }),
    );
    expect(bytes).toBe('0267' + '00000007' + '026d' + '00' + '00');
  });

  it('writes a tagged field only where it differs from its default, in the order of the tags', () => {
    const bytes = (response: object) =>
      written((writer) => responseCodec({ api: apiVersionsApi, version: 3 }).write(writer, response));
    expect(bytes({ finalizedFeaturesEpoch: -1n })).toBe('0000' + '01' + '00000000' + '00');
    expect(bytes({ zkMigrationReady: true, finalizedFeaturesEpoch: 5n })).toBe(
      '0000' + '01' + '00000000' + '02' + '0108' + '0000000000000005' + '0301' + '01',
    );
  });

  it('passes by tagged fields that it does not know', () => {
    const request = requestCodec({ api: heartbeatApi, version: 4 }).read(
      new WireReader(hex('0267 00000007 026d 00 02 05 01 ff 7f 00')),
    );
    expect(request).toEqual({ groupId: 'g', generationId: 7, memberId: 'm', groupInstanceId: null });
  });

  it('answers ApiVersions with the old header, so that any client can read it', () => {
    const answer = Buffer.concat(encodeResponse({ api: apiVersionsApi, version: 3 }, 9, { errorCode: 35 }));
    expect(answer.toString('hex')).toBe('0000000c' + '00000009' + '0023' + '01' + '00000000' + '00');
    const other = Buffer.concat(encodeResponse({ api: heartbeatApi, version: 4 }, 9, {}));
    expect(other.toString('hex')).toBe('0000000c' + '00000009' + '00' + '00000000' + '0000' + '00');
  });

  it('tells null from an empty list', () => {
    const read = (bytes: string) => requestCodec({ api: metadataApi, version: 1 }).read(new WireReader(hex(bytes)));
    expect(read('ffffffff').topics).toBeNull();
    expect(read('00000000').topics).toEqual([]);
    const oldest = () => requestCodec({ api: metadataApi, version: 0 }).read(new WireReader(hex('ffffffff')));
    expect(oldest).toThrow('topics is null');
  });

  it('reads record batches as a view of the frame, and writes them without a copy', () => {
    const records = Buffer.alloc(5_000, 1);
    const frame = new WireWriter();
    requestCodec({ api: produceApi, version: 9 }).write(frame, {
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
    });
    expect(frame.pieces()).toContain(records);
    const bytes = Buffer.concat(frame.pieces());
    const read = requestCodec({ api: produceApi, version: 9 }).read(new WireReader(bytes));
    const view = read.topicData[0]!.partitionData[0]!.records!;
    expect(view.buffer).toBe(bytes.buffer);
    const several = new WireWriter();
    responseCodec({ api: fetchApi, version: 4 }).write(several, {
      responses: [{ topic: 't', partitions: [{ records: [records, Buffer.from('end')] }] }],
    });
    const partition = responseCodec({ api: fetchApi, version: 4 }).read(new WireReader(Buffer.concat(several.pieces())))
      .responses[0]!.partitions[0]!;
    expect(Buffer.from(partition.records!)).toEqual(Buffer.concat([records, Buffer.from('end')]));
  });
});

describe('record batches of an answer', () => {
  const piecesOf = (records: readonly Uint8Array[]) => {
    const writer = new WireWriter();
    responseCodec({ api: fetchApi, version: 4 }).write(writer, {
      responses: [{ topic: 't', partitions: [{ records }] }],
    });
    return writer.pieces();
  };
  const memory = new Uint8Array(30_000).map((_, index) => index % 251);
  const at = (from: number, end: number) => memory.subarray(from, end);

  it('are one piece where they stand next to each other, and as many as there are where they do not', () => {
    const whole = piecesOf([at(0, 5_000), at(5_000, 10_000), at(10_000, 20_000)]);
    expect(whole.map(({ length }) => length).slice(-1)).toEqual([20_000]);
    expect(whole.at(-1)!.buffer).toBe(memory.buffer);
    const apart = piecesOf([at(10_000, 15_000), at(5_000, 10_000), at(15_001, 20_000), at(20_000, 25_000)]);
    expect(apart.map(({ length }) => length).slice(-3)).toEqual([5_000, 5_000, 9_999]);
  });

  it('are the same bytes in the same order', () => {
    const records = [
      at(5_000, 10_000),
      at(10_000, 15_000),
      memory.slice(15_000, 20_000),
      at(20_000, 20_100),
      at(0, 5_000),
    ];
    const bytes = Buffer.concat(piecesOf(records));
    const read = responseCodec({ api: fetchApi, version: 4 }).read(new WireReader(bytes)).responses[0]!.partitions[0]!;
    expect(Buffer.compare(read.records!, Buffer.concat(records))).toBe(0);
  });
});

describe('hostile bytes', () => {
  const metadata = (bytes: Buffer) => () => requestCodec({ api: metadataApi, version: 12 }).read(new WireReader(bytes));

  it('cannot claim more elements than there are bytes', () => {
    expect(metadata(hex('ffffffff0f 00'))).toThrow('4294967294 elements are claimed, 1 bytes are left');
  });

  it('cannot make a huge list of a frame that is merely large', () => {
    const count = limits.wireElements + 1;
    const topics = Buffer.concat([hex('ffffffff0f'), Buffer.alloc(count * 18)]);
    topics.writeUIntLE(0, 0, 5);
    let rest = count + 1;
    for (let at = 0; at < 5; at++, rest >>>= 7) topics[at] = (rest & 0x7f) | (at < 4 ? 0x80 : 0);
    expect(metadata(topics)).toThrow(`more than ${limits.wireElements} elements`);
  });

  it.each([
    ['a varint without an end', 'ffffffffff01'],
    ['a varint of 33 bits', 'ffffffff1f'],
    ['a varint that is cut off', 'ff'],
  ])('are refused for %s', (_, bytes) => {
    expect(metadata(hex(bytes))).toThrow('not a message');
  });

  it('are refused for a negative length', () => {
    const read = () => requestCodec({ api: heartbeatApi, version: 0 }).read(new WireReader(hex('fffe')));
    expect(read).toThrow('a length of -2 is claimed');
  });

  it('are refused for a tagged field of another length than it says', () => {
    const read = () =>
      responseCodec({ api: apiVersionsApi, version: 3 }).read(
        new WireReader(hex('0000 01 00000000 01 0109 0000000000000005 00')),
      );
    expect(read).toThrow('a tagged field takes other than 9 bytes');
  });

  it('are refused for another API or version than the one that is read', () => {
    expect(() => decodeRequest(heartbeatApi, hex('000b 0000 00000001 ffff'))).toThrow('not a request Heartbeat');
    expect(() => decodeRequest(heartbeatApi, hex('000c 0063 00000001 ffff'))).toThrow('not a request Heartbeat');
  });
});
