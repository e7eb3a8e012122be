/**
 * Fetch requests that are made beforehand and sent as they are, whose answers are counted and dropped: what a server can do when the client costs next to nothing. One connection, five requests in flight, each for every partition and with
 * the bounds of the Java client.
 */
import { connect } from 'node:net';
import { decodeResponse, encodeRequest } from '../../lib/gateway/protocol/frames.ts';
import { fetchApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { parseBatchHeader } from '../../lib/record/batch-header.ts';
import { WireClient } from '../../test/gateway/wire-client.ts';

/** What is read, from its beginning to its end. */
export interface FetchReplayLoad {
  readonly topic: string;
  readonly partitionCount: number;
  readonly passes: number;
}

/** The last version that names topics. */
const FETCH = { api: fetchApi, version: 12 };
/** Defaults of the Java client: `fetch.max.bytes`, `max.partition.fetch.bytes`. */
const MAX_BYTES = 50 * 2 ** 20;
const PARTITION_MAX_BYTES = 2 ** 20;
const IN_FLIGHT = 5;
const RECEIVE_BYTES = 2 ** 20;
const SIZE_BYTES = 4;
/** Base offset and length: what tells whether a batch is whole. */
const LENGTH_POSITION = 8;
const BATCH_PREFIX_BYTES = 12;

/** The requests of a pass, and what comes back. */
interface Pass {
  readonly frames: readonly Uint8Array[];
  /** Of all answers with their sizes. */
  readonly answerBytes: number;
  readonly recordBytes: number;
}

function requestOf(topic: string, offsets: readonly bigint[]) {
  const partitions = offsets.map((fetchOffset, partition) => {
    return { partition, fetchOffset, partitionMaxBytes: PARTITION_MAX_BYTES };
  });
  return { maxWaitMs: 0, minBytes: 1, maxBytes: MAX_BYTES, isolationLevel: 0, topics: [{ topic, partitions }] };
}

/** First offset behind the whole batches of `records`; Kafka cuts the last one off where its bound is reached. */
function endOf(records: Uint8Array, offset: bigint): bigint {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  let end = offset;
  for (let at = 0; at + BATCH_PREFIX_BYTES <= records.length; ) {
    const next = at + BATCH_PREFIX_BYTES + view.getInt32(at + LENGTH_POSITION);
    if (next > records.length) break;
    const { baseOffset, lastOffsetDelta } = parseBatchHeader(records, at);
    end = baseOffset + BigInt(lastOffsetDelta) + 1n;
    at = next;
  }
  return end;
}

/** What a frame of an answer holds of each partition, in order. Throws when one was refused. */
function recordsOf(frame: Buffer | null): readonly Uint8Array[] {
  if (frame === null) throw new TypeError('the server has closed the connection');
  const { partitions } = decodeResponse(FETCH, frame).body.responses[0]!;
  const refused = partitions.find(({ errorCode }) => errorCode !== 0);
  if (refused) throw new TypeError(`a fetch was refused: error ${refused.errorCode}`);
  return partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ records }) => records!);
}

/** Reads the topic once, and keeps what was asked. */
async function makePass({ topic, partitionCount }: FetchReplayLoad, client: WireClient): Promise<Pass> {
  const frames: Uint8Array[] = [];
  let [answerBytes, recordBytes] = [0, 0];
  for (let offsets: readonly bigint[] = new Array(partitionCount).fill(0n); ; ) {
    const frame = Buffer.concat(
      encodeRequest(FETCH, { correlationId: 0, clientId: 'replay' }, requestOf(topic, offsets)),
    );
    client.write(frame);
    const answer = await client.nextFrame();
    const records = recordsOf(answer);
    const ends = records.map((bytes, index) => endOf(bytes, offsets[index]!));
    if (ends.every((end, index) => end === offsets[index])) return { frames, answerBytes, recordBytes };
    frames.push(frame);
    answerBytes += SIZE_BYTES + answer!.length;
    recordBytes += records.reduce((sum, { length }) => sum + length, 0);
    offsets = ends;
  }
}

/** Counts answers without keeping them. */
class AnswerCounter {
  byteCount = 0;
  answerCount = 0;
  /** Bytes of the answer that is being received which are yet to come; while its size itself is, those of that. */
  #left = 0;
  readonly #size = Buffer.alloc(SIZE_BYTES);
  #sizeBytes = 0;

  give(bytes: Uint8Array): void {
    this.byteCount += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0) {
        this.#size[this.#sizeBytes++] = bytes[at++]!;
        if (this.#sizeBytes < SIZE_BYTES) continue;
        this.#sizeBytes = 0;
        this.#left = this.#size.readInt32BE(0);
        continue;
      }
      const taken = Math.min(this.#left, bytes.length - at);
      at += taken;
      this.#left -= taken;
      if (this.#left === 0) this.answerCount += 1;
    }
  }
}

/** Sends all frames of a pass and drops the answers; seconds. Throws when they are not what they were when the pass was made. */
function runPass(port: number, { frames, answerBytes }: Pass): Promise<number> {
  const counter = new AnswerCounter();
  const startMs = performance.now();
  let sent = 0;
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: { buffer: Buffer.allocUnsafeSlow(RECEIVE_BYTES), callback: receive },
    });
    const send = () => {
      while (sent < frames.length && sent < counter.answerCount + IN_FLIGHT) socket.write(frames[sent++]!);
    };
    function receive(count: number, buffer: Uint8Array): boolean {
      counter.give(buffer.subarray(0, count));
      if (counter.answerCount < frames.length) send();
      else socket.destroy();
      return true;
    }
    socket.setNoDelay(true);
    socket.once('connect', send);
    socket.once('error', reject);
    socket.once('close', () => {
      if (counter.byteCount === answerBytes) resolve((performance.now() - startMs) / 1000);
      else reject(new TypeError(`answers of ${counter.byteCount} bytes came instead of ${answerBytes}`));
    });
  });
}

/** Bytes of record batches a second, and how many the server has sent in all. Throws when anything is refused. */
export async function replayFetches(
  port: number,
  load: FetchReplayLoad,
): Promise<{ bytesPerSecond: number; bytes: number }> {
  const client = new WireClient(port);
  const pass = await makePass(load, client);
  client.close();
  let seconds = 0;
  for (let count = 0; count < load.passes; count++) seconds += await runPass(port, pass);
  const { recordBytes } = pass;
  // The requests were made by asking once.
  return { bytes: (load.passes + 1) * recordBytes, bytesPerSecond: (load.passes * recordBytes) / seconds };
}
