import { Admin, Consumer, ProduceAcks, Producer } from '@platformatic/kafka';
import { expectedOfAdministration, START_MS, type Told, until } from './administration.ts';

const TOPIC = 'platformatic';
const GROUP = 'platformatic';
const RESOURCE_TOPIC = 2;
const OPERATION_SET = 0;
const EARLIEST = -2n;

type Part<K extends keyof Told> = Promise<Pick<Told, K>>;
type Connection = { readonly clientId: string; readonly bootstrapBrokers: string[] };

async function makeAndChange(admin: Admin): Part<'created' | 'altered'> {
  const described = async () => {
    const resources = [{ resourceType: RESOURCE_TOPIC, resourceName: TOPIC, configurationKeys: ['retention.ms'] }];
    const [resource] = await admin.describeConfigs({ resources } as never);
    const metadata = await admin.metadata({ topics: [TOPIC], forceUpdate: true });
    return [metadata.topics.get(TOPIC)!.partitionsCount, resource!.configs[0]!.value!] as const;
  };
  const configs = [{ name: 'retention.ms', value: '99999999999999' }];
  await admin.createTopics({ topics: [TOPIC], partitions: 3, replicas: 1, configs });
  const created = await until(described, expectedOfAdministration.created);
  const change = { name: 'retention.ms', configOperation: OPERATION_SET, value: '88888888888888' };
  const resource = { resourceType: RESOURCE_TOPIC, resourceName: TOPIC, configs: [change] };
  await admin.incrementalAlterConfigs({ resources: [resource] } as never);
  // Its types ask for places, of which a broker wants none or one for each new partition.
  await admin.createPartitions({ topics: [{ name: TOPIC, count: 5, assignments: null }] } as never);
  return { created, altered: await until(described, expectedOfAdministration.altered) };
}

async function write(connection: Connection): Promise<void> {
  const producer = new Producer({ ...connection, acks: ProduceAcks.ALL });
  for (let number = 0; number < 5; number++) {
    const timestamp = BigInt(START_MS + 1_000 * number);
    await producer.send({ messages: [{ topic: TOPIC, partition: 1, timestamp, value: Buffer.from(`v${number}`) }] });
  }
  await producer.close();
}

/** The first value from an offset on. */
async function readFrom(connection: Connection, offset: bigint): Promise<string> {
  const consumer = new Consumer({ ...connection, groupId: GROUP });
  const offsets = [0, 1, 2, 3, 4].map((partition) => ({
    topic: TOPIC,
    partition,
    offset: partition === 1 ? offset : 0n,
  }));
  const stream = await consumer.consume({
    topics: [TOPIC],
    mode: 'manual',
    offsets,
    autocommit: false,
    maxWaitTime: 200,
  });
  const value = await new Promise<string>((resolve, reject) => {
    stream.once('data', (message) => resolve(String(message.value)));
    stream.once('error', reject);
  });
  await consumer.close(true);
  return value;
}

async function commitAndForget(admin: Admin): Part<'committed' | 'groups'> {
  const partitionOffsets = [{ partition: 1, offset: 4n }];
  await admin.alterConsumerGroupOffsets({ groupId: GROUP, topics: [{ name: TOPIC, partitionOffsets }] });
  const [group] = await admin.listConsumerGroupOffsets({ groups: [GROUP] });
  const committed = group!.topics
    .flatMap(({ partitions }) => partitions)
    .map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)] as const);
  await admin.deleteGroups({ groups: [GROUP] });
  const groups = [...(await admin.listGroups()).keys()].filter((one) => one === GROUP);
  return { committed, groups };
}

/** Does what `administration.ts` says with `@platformatic/kafka`. */
export async function administerWithPlatformatic(port: number): Promise<Told> {
  const connection = { clientId: 'administrator', bootstrapBrokers: [`127.0.0.1:${port}`] };
  const admin = new Admin(connection);
  const offsetOf = async (timestamp: bigint) => {
    const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 1, timestamp }] }];
    return Number((await admin.listOffsets({ topics }))[0]!.partitions[0]!.offset);
  };
  const made = await makeAndChange(admin);
  await write(connection);
  const byTime = await offsetOf(BigInt(START_MS + 1_500));
  const [first, sought] = [await readFrom(connection, 0n), await readFrom(connection, 3n)];
  const group = await commitAndForget(admin);
  await admin.deleteRecords({ topics: [{ name: TOPIC, partitions: [{ partition: 1, offset: 2n }] }] });
  const earliest = await offsetOf(EARLIEST);
  await admin.deleteTopics({ topics: [TOPIC] });
  const deleted = await until(async () => !(await admin.listTopics()).includes(TOPIC), true);
  await admin.close();
  return { ...made, byTime, first, sought, ...group, earliest, deleted };
}
