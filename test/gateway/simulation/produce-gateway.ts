/** A gateway in a simulation, as producers reach it: what it answers to Produce, over an appender of its own. */

import { FailureNews } from '../../../lib/gateway/failure-news.ts';
import type { GatewayDeps } from '../../../lib/gateway/gateway-deps.ts';
import { GatewayTopics } from '../../../lib/gateway/gateway-topics.ts';
import type { RequestContext } from '../../../lib/gateway/handler.ts';
import { HeadWatch } from '../../../lib/gateway/head-watch.ts';
import { produceRoute } from '../../../lib/gateway/produce-handler.ts';
import { errorCodes, type KafkaErrorName } from '../../../lib/gateway/protocol/error-codes.ts';
import { HeldFrame } from '../../../lib/gateway/server/held-frame.ts';
import { Appender } from '../../../lib/log/appender.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import { TopicAdmin } from '../../../lib/log/topic-admin.ts';
import type { Dice, Process } from '../../log/simulation/virtual-time.ts';
import { poisoningPool } from '../../simulate/poisoning-pool.ts';

const NAMES = new Map<number, string>(Object.entries(errorCodes).map(([name, code]) => [code, name]));

/** What a producer is told of a batch. */
export interface ProduceAnswer {
  readonly error: KafkaErrorName;
  readonly baseOffset: bigint;
}

/** A batch as a producer sends it. */
export interface SentBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: Uint8Array;
  readonly timeoutMs: number;
}

/** See the top of this file. */
export class ProduceGateway {
  readonly process: Process;
  readonly #buffers = poisoningPool();
  readonly #handle: (request: object, context: Pick<RequestContext, 'apiVersion' | 'hold'>) => Promise<object | null>;

  constructor(process: Process, store: LogStore, random: Dice, deliveryTimeoutMs: number) {
    this.process = process;
    const clock = process;
    const defaults = { autoCreateTopics: false, partitionCount: 1 };
    const deps = {
      store,
      clock,
      random,
      topics: new GatewayTopics(new TopicAdmin({ store, clock, random }), clock, defaults),
      appender: new Appender({ store, clock, random, deliveryTimeoutMs, buffers: poisoningPool() }),
      watch: new HeadWatch({ store, clock, changes: null }),
      news: new FailureNews(clock),
    };
    this.#handle = produceRoute(deps as unknown as GatewayDeps).handler as never;
  }

  async produce({ topic, partition, records, timeoutMs }: SentBatch): Promise<ProduceAnswer> {
    // A copy, as what comes over a network is, in memory that another request has once nobody looks at it.
    const received = this.#buffers.take(records.length);
    received.bytes.set(records);
    const held = new HeldFrame({ ...received, release: () => {}, recycle: received.giveBack });
    const partitionData = [{ index: partition, records: received.bytes }];
    const request = {
      transactionalId: null,
      acks: -1,
      timeoutMs,
      topicData: [{ name: topic, topicId: ZERO, partitionData }],
    };
    const { responses } = (await this.#handle(request, { apiVersion: 9, hold: () => held.hold() })) as {
      responses: { partitionResponses: { errorCode: number; baseOffset: bigint }[] }[];
    };
    held.letGo();
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
    return { error: NAMES.get(errorCode) as KafkaErrorName, baseOffset };
  }
}

const ZERO = '00000000-0000-0000-0000-000000000000';
