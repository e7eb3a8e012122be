/** Apache Kafka's own broker beside a gateway: what is bad in requests is answered alike, but for differences that are known by name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../lib/gateway/gateway.ts';
import { apiVersionsApi, findCoordinatorApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import { joinGroupApi } from '../../lib/gateway/protocol/messages/group-messages.ts';
import { produceApi } from '../../lib/gateway/protocol/messages/log-messages.ts';
import { createTopicsApi } from '../../lib/gateway/protocol/messages/topic-messages.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { type Broker, startBroker } from '../../tools/kafka/broker.ts';
import { textBatch } from '../gateway/gateway-stage.ts';
import { WireClient } from '../gateway/wire-client.ts';
import { badInput } from './bad-input.ts';
import type { AskedServer, BadInput } from './bad-input-case.ts';
import { badLogins } from './bad-logins.ts';
import { knownDifferences } from './known-differences.ts';

/** The first run fetches Kafka. */
const SET_UP_TIMEOUT_MS = 300_000;
/** A connection that is to be closed is closed at once; how long an answer is waited for. */
const ANSWER_MS = 10_000;

const open: { close(): Promise<unknown> }[] = [];

afterAll(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

function serverAt(port: number, topicId = ''): AskedServer {
  return { topicId, client: () => new WireClient(port) };
}

async function openGateway(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const store = memoryStore({ clock, meter: noMeter });
  const groups = { initialRebalanceDelayMs: 0 };
  const gateway = await startGateway({ store, clock, random, changes: store.changes, port: 0, groups, ...options });
  open.push(gateway);
  return gateway;
}

async function openBroker(settings: Readonly<Record<string, string>>): Promise<Broker> {
  const broker = await startBroker({ settings });
  open.push({ close: () => broker.stop() });
  return broker;
}

/** Makes the topics, and waits until groups can be coordinated. */
async function prepare(port: number): Promise<AskedServer> {
  const client = new WireClient(port);
  const topic = (name: string, numPartitions: number, configs: object[] = []) => {
    return { name, numPartitions, replicationFactor: 1, configs };
  };
  const topics = [
    topic('plain', 2),
    topic('sequenced', 1),
    topic('keyed', 1, [{ name: 'cleanup.policy', value: 'compact' }]),
    topic('small', 1, [{ name: 'max.message.bytes', value: '500' }]),
  ];
  const made = await client.ask(createTopicsApi, 7, { topics, timeoutMs: 30_000 });
  expect(made.topics.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0, 0]);
  const isReady = async () => {
    const found = await client.ask(findCoordinatorApi, 2, { key: 'ready', keyType: 0 });
    if (found.errorCode !== 0) return false;
    const join = { groupId: 'ready', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 1_000, memberId: '' };
    const joined = await client.ask(joinGroupApi, 5, {
      ...join,
      protocolType: 'consumer',
      protocols: [{ name: 'range' }],
    });
    const topicData = [{ name: 'plain', partitionData: [{ index: 0, records: textBatch(['a']) }] }];
    const { responses } = await client.ask(produceApi, 9, { acks: -1, timeoutMs: 10_000, topicData });
    return joined.errorCode === 79 && responses[0]!.partitionResponses[0]!.errorCode === 0;
  };
  while (!(await isReady())) await clock.sleep(200);
  client.close();
  return serverAt(port, made.topics[0]!.topicId);
}

/** What a server does with it. */
async function observe(server: AskedServer, { ask }: BadInput): Promise<string> {
  const client = server.client();
  const late = clock.sleep(ANSWER_MS).then(() => 'no answer in time');
  const answered = await Promise.race([ask(client, server).catch((error: Error) => error.message), late]);
  const state = await Promise.race([stateOf(client), clock.sleep(ANSWER_MS).then(() => 'stuck')]);
  client.close();
  return `${answered}; ${state}`;
}

async function stateOf(client: WireClient): Promise<string> {
  client.send(apiVersionsApi, 0, {});
  return (await client.nextFrame()) === null ? 'closed' : 'open';
}

describe.each([
  ['bad input', badInput],
  ['bad logins', badLogins],
] as const)('%s', (kind, inputs) => {
  let gateway: AskedServer;
  let broker: AskedServer;

  beforeAll(async () => {
    if (kind === 'bad input') {
      gateway = await prepare((await openGateway()).port);
      broker = await prepare((await openBroker({})).port);
      return;
    }
    gateway = serverAt((await openGateway({ users: new Map([['ada', 'secret']]) })).port);
    const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
    broker = serverAt(
      (
        await openBroker({
          'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
          'inter.broker.listener.name': 'PLAINTEXT',
          'sasl.enabled.mechanisms': 'PLAIN',
          'sasl.mechanism.inter.broker.protocol': 'PLAIN',
          'listener.name.plaintext.plain.sasl.jaas.config': `${login} username="admin" password="admin" user_admin="admin" user_ada="secret";`,
        })
      ).port,
    );
  }, SET_UP_TIMEOUT_MS);

  it.each(inputs)('$name', async (input) => {
    const [ours, kafkas] = [await observe(gateway, input), await observe(broker, input)];
    const known = knownDifferences.find(({ name }) => name === input.name);
    expect({ ours, kafkas }).toEqual(known ? { ours: known.ours, kafkas: known.kafkas } : { ours: kafkas, kafkas });
  });
});

it('knows of no difference that nobody asks for', () => {
  const names = new Set([...badInput, ...badLogins].map(({ name }) => name));
  expect(knownDifferences.filter(({ name }) => !names.has(name))).toEqual([]);
});
