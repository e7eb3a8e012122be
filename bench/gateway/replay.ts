/**
 * Produce requests that are made beforehand, sent as they are: what a server can do when the client costs next to nothing. One connection, five requests in flight, as the Java client does it, each with a batch for every partition from
 * an idempotent producer.
 */

import { decodeResponse, encodeRequest } from '../../lib/gateway/protocol/frames.ts';
import { initProducerIdApi, produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { BATCH_HEADER_BYTES } from '../../lib/record/batch-header.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { sealBatch } from '../../lib/record/seal-batch.ts';
import { WireClient } from '../../test/gateway/wire-client.ts';

/** What is sent. */
export interface ReplayLoad {
  readonly topic: string;
  readonly partitionCount: number;
  /** About. */
  readonly batchBytes: number;
  /** About, in one pass. */
  readonly passBytes: number;
  readonly passes: number;
}

interface Frame {
  readonly bytes: Buffer;
  /** Views into it. */
  readonly batches: readonly Buffer[];
}

const PRODUCE_VERSION = 9;
const IN_FLIGHT = 5;
const RECORD_BYTES = 100;
const SEQUENCE_POSITION = 53;
const CORRELATION_POSITION = 8;
const ACKS_ALL = -1;
/** Of a record beside its value, about. */
const OVERHEAD_BYTES = 7;

async function newProducer(client: WireClient) {
  const none = { transactionalId: null, transactionTimeoutMs: 60_000 };
  const { errorCode, producerId, producerEpoch } = await client.ask(initProducerIdApi, 2, none);
  if (errorCode !== 0) throw new TypeError(`no producer id: error ${errorCode}`);
  return { producerId, producerEpoch };
}

function makeFrame(load: ReplayLoad, batch: Uint8Array): Frame {
  const { topic, partitionCount } = load;
  const partitionData = Array.from({ length: partitionCount }, (_, index) => ({ index, records: batch }));
  const body = { acks: ACKS_ALL, timeoutMs: 30_000, topicData: [{ name: topic, partitionData }] };
  const of = { api: produceApi, version: PRODUCE_VERSION };
  const bytes = Buffer.concat(encodeRequest(of, { correlationId: 0, clientId: 'replay' }, body));
  const batches: Buffer[] = [];
  const header = batch.subarray(0, BATCH_HEADER_BYTES);
  for (let at = bytes.indexOf(header); at >= 0; at = bytes.indexOf(header, at + batch.length)) {
    batches.push(bytes.subarray(at, at + batch.length));
  }
  return { bytes, batches };
}

/** Numbers the batches of a frame, and what is behind it. */
function number({ bytes, batches }: Frame, correlationId: number, baseSequence: number): void {
  bytes.writeInt32BE(correlationId, CORRELATION_POSITION);
  for (const batch of batches) {
    batch.writeInt32BE(baseSequence, SEQUENCE_POSITION);
    sealBatch(batch);
  }
}

function checkAnswer(frame: Buffer | null): void {
  if (frame === null) throw new TypeError('the server has closed the connection');
  const { body } = decodeResponse({ api: produceApi, version: PRODUCE_VERSION }, frame);
  for (const { partitionResponses } of body.responses) {
    for (const { errorCode } of partitionResponses) {
      if (errorCode !== 0) throw new TypeError(`a batch was refused: error ${errorCode}`);
    }
  }
}

/** Sends all frames, and waits for all answers; seconds. */
async function sendAll(client: WireClient, frames: readonly Frame[]): Promise<number> {
  const startMs = performance.now();
  let sent = 0;
  for (; sent < Math.min(IN_FLIGHT, frames.length); sent++) client.write(frames[sent]!.bytes);
  for (let answered = 0; answered < frames.length; answered++) {
    checkAnswer(await client.nextFrame());
    if (sent < frames.length) client.write(frames[sent++]!.bytes);
  }
  return (performance.now() - startMs) / 1000;
}

/** Bytes a second. Throws when anything is refused. */
export async function replay(port: number, load: ReplayLoad): Promise<{ bytesPerSecond: number; bytes: number }> {
  const client = new WireClient(port);
  client.socket.setNoDelay(true);
  const producer = await newProducer(client);
  const recordCount = Math.ceil(load.batchBytes / (RECORD_BYTES + OVERHEAD_BYTES));
  const value = Buffer.alloc(RECORD_BYTES, 'x');
  const records = Array.from({ length: recordCount }, () => ({
    key: null,
    value,
    headers: [],
    timestampMs: BigInt(Date.now()),
  }));
  const batch = encodeBatch(records, { ...producer, baseSequence: 0 });
  const frameCount = Math.ceil(load.passBytes / (batch.length * load.partitionCount));
  const frames = Array.from({ length: frameCount }, () => makeFrame(load, batch));
  let seconds = 0;
  for (let pass = 0; pass < load.passes; pass++) {
    for (const [index, frame] of frames.entries()) {
      const order = pass * frameCount + index;
      number(frame, order, order * recordCount);
    }
    seconds += await sendAll(client, frames);
  }
  client.close();
  const bytes = load.passes * frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
  return { bytes, bytesPerSecond: bytes / seconds };
}
