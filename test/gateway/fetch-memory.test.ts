import { once } from 'node:events';
import { connect, TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { fetchApi, produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { decodeBatch, splitBatches } from '../../lib/record/decode-batch.ts';
import { createTopic, fetchFrom, type GatewayStage, produce, startStage, textBatch } from './gateway-stage.ts';
import { tlsIdentity } from './tls-identity.ts';
import type { WireClient } from './wire-client.ts';

const VALUE_BYTES = 500_000;
/** More than the sockets of both sides take. */
const ANSWERS = 8;
/** What a client takes before it rests. */
const PIECE_BYTES = 1_000_000;

/** The values of what a fetch brought, checked and in short. */
function namesOf(records: Uint8Array | null): string[] {
  return [...splitBatches(records!)].flatMap(({ bytes }) =>
    [...decodeBatch(bytes)].map(({ value }) => {
      const text = Buffer.from(value!).toString();
      return text === text[0]!.repeat(text.length) ? text[0]! : 'damaged';
    }),
  );
}

const nameOf = (name: string) => name.repeat(VALUE_BYTES);

/** Makes a topic with a large record for each letter. */
async function fill(stage: GatewayStage, topic: string, names: string): Promise<void> {
  const client = stage.client();
  await createTopic(client, topic);
  for (const name of names) await produce(client, topic, textBatch([nameOf(name)]));
}

const all = (topic: string, changes: object = {}) => ({
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 4_000_000,
  topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 4_000_000 }] }],
  ...changes,
});

/** Asks for more than it takes. */
async function slowClient(stage: GatewayStage, topic: string) {
  const slow = stage.client();
  await once(slow.socket, slow.socket instanceof TLSSocket ? 'secureConnect' : 'connect');
  slow.socket.pause();
  const asked = Array.from({ length: ANSWERS }, () => slow.send(fetchApi, 12, all(topic)));
  await expect.poll(() => stage.buffers.lentBytes).toBeGreaterThan(0);
  return { slow, asked };
}

async function textsTaken(client: WireClient, correlationId: number): Promise<string> {
  const { responses } = await client.answer(fetchApi, 12, correlationId);
  return namesOf(responses[0]!.partitions[0]!.records).join('');
}

/** As if its machine had gone. */
function breakOff({ socket }: WireClient): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/** Whatever is under way comes about. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A store whose reads of objects wait until they are let go. */
function heldStore() {
  const base = memoryStore({ clock, meter: noMeter });
  const held = Promise.withResolvers<void>();
  const isHeld = { value: false };
  let getCount = 0;
  const get: typeof base.objects.get = async (...range) => {
    getCount += 1;
    if (isHeld.value) await held.promise;
    return base.objects.get(...range);
  };
  const objects = new Proxy(base.objects, {
    get: (target, name) => {
      const value = name === 'get' ? get : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const store = new Proxy(base, { get: (target, name) => (name === 'objects' ? objects : Reflect.get(target, name)) });
  return { store, hold: () => (isHeld.value = true), letGo: () => held.resolve(), gets: () => getCount };
}

const open: typeof startStage = (options = {}) => startStage(options);
const openEncrypted: typeof startStage = (options = {}) => {
  const dial = (port: number) => connect({ host: 'localhost', port, ca: tlsIdentity.cert });
  return startStage({ ...options, tls: tlsIdentity }, dial);
};

describe.each([
  ['sent as it is', open],
  ['encrypted', openEncrypted],
])('memory for answers, %s,', (_, startStage) => {
  it('is not used again while a client has yet to take what is in it', async () => {
    const stage = await startStage();
    await fill(stage, 'wanted', 'abcdefg');
    await fill(stage, 'others', 'tuvwxyz');
    const { slow, asked } = await slowClient(stage, 'wanted');
    const other = stage.client();
    for (let times = 0; times < 5; times++) {
      expect(namesOf((await fetchFrom(other, 'others', 0n, all('others'))).records).join('')).toBe('tuvwxyz');
      expect(stage.buffers.lentBytes).toBeGreaterThan(0);
    }
    slow.socket.resume();
    for (const id of asked) expect(await textsTaken(slow, id)).toBe('abcdefg');
    await expect.poll(() => stage.buffers.lentBytes).toBe(0);
    expect(stage.buffers.keptBytes).toBeGreaterThan(0);
  });

  it('is not used again while a client takes it in small pieces, and others take theirs', async () => {
    const stage = await startStage();
    await fill(stage, 'wanted', 'abcdefg');
    await fill(stage, 'others', 'tuvwxyz');
    const { slow, asked } = await slowClient(stage, 'wanted');
    const other = stage.client();
    let sinceBytes = 0;
    slow.socket.on('data', (chunk) => {
      sinceBytes += chunk.length;
      if (sinceBytes > PIECE_BYTES) slow.socket.pause();
    });
    let isDone = false;
    const taken = Promise.all(asked.map((id) => textsTaken(slow, id))).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      sinceBytes = 0;
      slow.socket.resume();
      expect(namesOf((await fetchFrom(other, 'others', 0n, all('others'))).records).join('')).toBe('tuvwxyz');
    }
    expect(await taken).toEqual(asked.map(() => 'abcdefg'));
    await expect.poll(() => stage.buffers.lentBytes).toBe(0);
  });

  it('is no more than a client that takes nothing may hold', async () => {
    const stage = await startStage();
    await fill(stage, 'wanted', 'abcdefg');
    const { slow, asked } = await slowClient(stage, 'wanted');
    await settle();
    // The last answers may be under way together; of the buffers that they are in, a fifth may not be used.
    expect(stage.buffers.peakBytes).toBeLessThanOrEqual(2 * 5_000_000);
    slow.socket.resume();
    for (const id of asked) expect(await textsTaken(slow, id)).toBe('abcdefg');
  });

  it('is given back when the connection ends before an answer was taken', async () => {
    const stage = await startStage();
    await fill(stage, 'wanted', 'abcdefg');
    const { slow } = await slowClient(stage, 'wanted');
    breakOff(slow);
    await expect.poll(() => stage.buffers.lentBytes).toBe(0);
  });

  it('is given back when the connection ends while it is read into, and not before the read has ended', async () => {
    const { store, hold, letGo } = heldStore();
    const stage = await startStage({ store });
    await fill(stage, 'wanted', 'abcdefg');
    hold();
    const client = stage.client();
    client.send(fetchApi, 12, all('wanted'));
    await expect.poll(() => stage.buffers.lentBytes).toBeGreaterThan(0);
    breakOff(client);
    await client.closed();
    await settle();
    expect(stage.buffers.lentBytes).toBeGreaterThan(0);
    letGo();
    await expect.poll(() => stage.buffers.lentBytes).toBe(0);
  });

  it('is not held by who waits for more than there is', async () => {
    const stage = await startStage();
    await fill(stage, 'wanted', 'ab');
    const client = stage.client();
    const asked = client.send(fetchApi, 12, all('wanted', { maxWaitMs: 30_000, minBytes: 1_200_000 }));
    await expect.poll(() => stage.buffers.peakBytes).toBeGreaterThan(0);
    await expect.poll(() => stage.buffers.lentBytes).toBe(0);
    await produce(stage.client(), 'wanted', textBatch([nameOf('c')]));
    expect(await textsTaken(client, asked)).toBe('abc');
    await expect.poll(() => stage.buffers.lentBytes).toBe(0);
  });

  it('is not that of what is kept for the next request', async () => {
    const { store, gets } = heldStore();
    const stage = await startStage({ store });
    await fill(stage, 'others', 'xyz');
    const client = stage.client();
    await createTopic(client, 'wanted');
    // They arrive together: all but the first share an entry, are read at once and given one by one.
    const names = 'abcdef';
    client.socket.cork();
    for (const name of names) {
      const partitionData = [{ index: 0, records: textBatch([name.repeat(8_000)]) }];
      client.send(produceApi, 9, { acks: -1, timeoutMs: 30_000, topicData: [{ name: 'wanted', partitionData }] });
    }
    client.socket.uncork();
    for (let count = 0; count < names.length; count++) await client.nextFrame();
    const others = 'xyz'.length;
    let taken = '';
    const getsBefore = gets();
    for (let offset = 0n; offset < names.length; offset++) {
      const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 }];
      const { records } = await fetchFrom(client, 'wanted', offset, { topics: [{ topic: 'wanted', partitions }] });
      taken += namesOf(records).join('');
      expect(namesOf((await fetchFrom(client, 'others', 0n, all('others'))).records)).toHaveLength(others);
    }
    expect(taken).toBe(names);
    expect(gets() - getsBefore - names.length * others).toBeLessThan(names.length);
    await expect.poll(() => stage.buffers.lentBytes).toBe(0);
  });
});
