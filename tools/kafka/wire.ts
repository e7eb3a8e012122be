/**
 * Kafka's wire protocol, as little of it as it takes to ask a broker whether it is there and to hand it bytes that are already a batch.
 *
 * A request is `size i32 · api key i16 · api version i16 · correlation id i32 · client id string · body`; an answer is
 * `size i32 · correlation id i32 · body`. Source: https://kafka.apache.org/protocol, versions before the flexible ones.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const API_VERSIONS = 18;
const PRODUCE = 0;
const PRODUCE_VERSION = 8;
const ACKS_ALL = -1;
const BROKER_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 30_000;
const LEADER_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
/** UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER. */
const LEADER_TO_COME = [3, 6];

const i16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};

const i32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const string = (text: string) => Buffer.concat([i16(Buffer.byteLength(text)), Buffer.from(text)]);

interface Request {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly body: Uint8Array;
}

/** Sends one request on a connection of its own; resolves to the body of the answer. */
function ask(port: number, { apiKey, apiVersion, body }: Request): Promise<Buffer> {
  const frame = Buffer.concat([i16(apiKey), i16(apiVersion), i32(1), string('millrace'), body]);
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error(`No answer from 127.0.0.1:${port}`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`127.0.0.1:${port} closed the connection`)));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      resolve(answer.subarray(8));
      socket.destroy();
    });
    socket.end(Buffer.concat([i32(frame.length), frame]));
  });
}

/** Whether a broker answers on the port. */
export async function isAnswering(port: number): Promise<boolean> {
  try {
    const body = await ask(port, { apiKey: API_VERSIONS, apiVersion: 0, body: Buffer.alloc(0) });
    return body.readInt16BE(0) === 0;
  } catch {
    return false;
  }
}

/** What a broker said to a Produce request. */
export interface ProduceAnswer {
  /** 0 for success; others are named at https://kafka.apache.org/protocol#protocol_error_codes. */
  readonly errorCode: number;
  readonly baseOffset: bigint;
  /** Why the broker refused, when it says so. */
  readonly message: string | null;
}

async function produceOnce(port: number, topic: string, batch: Uint8Array): Promise<ProduceAnswer> {
  const head = [i16(-1), i16(ACKS_ALL), i32(BROKER_TIMEOUT_MS), i32(1), string(topic), i32(1), i32(0)];
  const body = await ask(port, {
    apiKey: PRODUCE,
    apiVersion: PRODUCE_VERSION,
    body: Buffer.concat([...head, i32(batch.length), batch]),
  });
  // topics i32 · name string · partitions i32 · index i32, then what is asked for.
  const position = 4 + 2 + Buffer.byteLength(topic) + 4 + 4;
  const errorCode = body.readInt16BE(position);
  const baseOffset = body.readBigInt64BE(position + 2);
  // base offset i64 · log append time i64 · log start offset i64 · record errors [index i32 · message string] · message string
  let cursor = position + 2 + 8 + 8 + 8;
  const readString = () => {
    const length = body.readInt16BE(cursor);
    cursor += 2 + Math.max(length, 0);
    return length < 0 ? null : body.toString('utf8', cursor - length, cursor);
  };
  const messages: string[] = [];
  const recordErrors = body.readInt32BE(cursor);
  cursor += 4;
  for (let index = 0; index < recordErrors; index++) {
    const batchIndex = body.readInt32BE(cursor);
    cursor += 4;
    messages.push(`record ${batchIndex}: ${readString()}`);
  }
  const message = readString();
  return { errorCode, baseOffset, message: messages.length === 0 ? message : [message, ...messages].join('; ') };
}

/**
 * Hands one encoded batch to partition 0 of a topic as it is: Produce, version 8, acks=all.
 *
 * Asks again while the broker has yet to learn that it leads a topic just created, for 10 seconds at most.
 */
export async function produceBytes(port: number, topic: string, batch: Uint8Array): Promise<ProduceAnswer> {
  const deadlineMs = performance.now() + LEADER_TIMEOUT_MS;
  for (;;) {
    const answer = await produceOnce(port, topic, batch);
    if (!LEADER_TO_COME.includes(answer.errorCode) || performance.now() > deadlineMs) return answer;
    await sleep(POLL_MS);
  }
}
