/** A gateway over a store in memory, and clients of it. */
import type { Socket } from 'node:net';
import { afterEach } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { MillraceError } from '../../lib/errors.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../lib/gateway/gateway.ts';
import { fetchApi, produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { createTopicsApi } from '../../lib/gateway/protocol/messages/topic-messages.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { encodeBatch } from '../../lib/record/encode-batch.ts';
import { poisoningPool } from '../simulate/poisoning-pool.ts';
import { LentBuffers } from './lent-buffers.ts';
import { WireClient } from './wire-client.ts';

/** See the top of this file. */
export interface GatewayStage {
  readonly gateway: Gateway;
  readonly store: ReturnType<typeof memoryStore>;
  /** Why connections were ended. */
  readonly refused: MillraceError[];
  /** Where its answers stand. */
  readonly buffers: LentBuffers;
  client(): WireClient;
}

const stages: { close(): Promise<void> }[] = [];

/** Starts one; it ends with the test. Its clients connect by `dial`. */
export async function startStage(
  options: Partial<GatewayOptions> & { readonly store?: ReturnType<typeof memoryStore> } = {},
  dial?: (port: number) => Socket,
): Promise<GatewayStage> {
  const store = options.store ?? memoryStore({ clock, meter: noMeter });
  const refused: MillraceError[] = [];
  const buffers = new LentBuffers();
  const gateway = await startGateway({
    clock,
    random,
    port: 0,
    requestBuffers: poisoningPool(),
    changes: store.changes,
    answerBuffers: buffers,
    onRefused: (_, error) => refused.push(error),
    ...options,
    store,
  });
  const clients: WireClient[] = [];
  stages.push({
    close: async () => {
      for (const client of clients) client.close();
      await gateway.close();
    },
  });
  const client = () => {
    const one = new WireClient(gateway.port, dial);
    clients.push(one);
    return one;
  };
  return { gateway, store, refused, buffers, client };
}

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
});

/** Makes a topic, and fails when it cannot be made. */
export async function createTopic(client: WireClient, name: string, options: object = {}): Promise<string> {
  const topic = { name, numPartitions: 1, replicationFactor: -1, configs: [], ...options };
  const { topics } = await client.ask(createTopicsApi, 7, { topics: [topic] });
  const made = topics[0]!;
  if (made.errorCode !== 0) throw new Error(`${made.errorCode}: ${made.errorMessage}`);
  return made.topicId;
}

/** A record batch of texts. */
export function textBatch(values: readonly string[], options: Parameters<typeof encodeBatch>[1] = {}): Uint8Array {
  const records = values.map((value) => ({
    key: null,
    value: Buffer.from(value),
    headers: [],
    timestampMs: BigInt(Date.now()),
  }));
  return encodeBatch(records, options);
}

/** Produces to one partition; the answer for it. */
export async function produce(client: WireClient, name: string, records: Uint8Array, partition = 0) {
  const { responses } = await client.ask(produceApi, 9, {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name, partitionData: [{ index: partition, records }] }],
  });
  return responses[0]!.partitionResponses[0]!;
}

/** Fetches from one partition; the answer for it. */
export async function fetchFrom(client: WireClient, topic: string, fetchOffset: bigint, options: object = {}) {
  const { responses } = await client.ask(fetchApi, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }],
    ...options,
  });
  return responses[0]!.partitions[0]!;
}
