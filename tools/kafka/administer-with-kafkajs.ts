import { type Admin, Kafka, logLevel, Partitioners } from 'kafkajs';
import { expectedOfAdministration, START_MS, type Told, until } from './administration.ts';

const TOPIC = 'kafkajs';
const GROUP = 'kafkajs';

type Part<K extends keyof Told> = Promise<Pick<Told, K>>;

const configEntries = (value: string) => [{ name: 'retention.ms', value }];

async function makeAndChange(admin: Admin): Part<'created' | 'altered'> {
  const described = async () => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: TOPIC, configNames: ['retention.ms'] }],
    });
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    return [topics[0]!.partitions.length, resources[0]!.configEntries[0]!.configValue] as const;
  };
  const topics = [{ topic: TOPIC, numPartitions: 3, configEntries: configEntries('99999999999999') }];
  await admin.createTopics({ topics, waitForLeaders: true });
  const created = await until(described, expectedOfAdministration.created);
  const resource = { type: 2, name: TOPIC, configEntries: configEntries('88888888888888') };
  await admin.alterConfigs({ validateOnly: false, resources: [resource] });
  await admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: 5 }] });
  return { created, altered: await until(described, expectedOfAdministration.altered) };
}

async function write(kafka: Kafka): Promise<void> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let number = 0; number < 5; number++) {
    const message = { partition: 1, value: `v${number}`, timestamp: String(START_MS + 1_000 * number) };
    await producer.send({ topic: TOPIC, messages: [message] });
  }
  await producer.disconnect();
}

async function seek(kafka: Kafka): Part<'first' | 'sought'> {
  const consumer = kafka.consumer({ groupId: GROUP });
  await consumer.connect();
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  const read: string[] = [];
  const both = Promise.withResolvers<void>();
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      read.push(message.value!.toString());
      if (read.length === 1) consumer.seek({ topic: TOPIC, partition: 1, offset: '3' });
      if (read.length === 2) both.resolve();
    },
  });
  await both.promise;
  await consumer.disconnect();
  return { first: read[0]!, sought: read[1]! };
}

async function commitAndForget(admin: Admin): Part<'committed' | 'groups'> {
  await admin.setOffsets({ groupId: GROUP, topic: TOPIC, partitions: [{ partition: 1, offset: '4' }] });
  const offsets = (await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] }))[0]!.partitions;
  const committed = offsets.filter(({ offset }) => offset !== '-1');
  await admin.deleteGroups([GROUP]);
  const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((one) => one === GROUP);
  return { committed: committed.map(({ partition, offset }) => [partition, Number(offset)] as const), groups };
}

/** Does what `administration.ts` says with kafkajs. */
export async function administerWithKafkajs(port: number): Promise<Told> {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const made = await makeAndChange(admin);
  await write(kafka);
  const ofOne = <T extends { readonly partition: number }>(all: readonly T[]) =>
    all.find(({ partition }) => partition === 1)!;
  const byTime = Number(ofOne(await admin.fetchTopicOffsetsByTimestamp(TOPIC, START_MS + 1_500)).offset);
  const read = await seek(kafka);
  const group = await commitAndForget(admin);
  await admin.deleteTopicRecords({ topic: TOPIC, partitions: [{ partition: 1, offset: '2' }] });
  const earliest = Number(ofOne(await admin.fetchTopicOffsets(TOPIC)).low);
  await admin.deleteTopics({ topics: [TOPIC] });
  const deleted = await until(async () => !(await admin.listTopics()).includes(TOPIC), true);
  await admin.disconnect();
  return { ...made, byTime, ...read, ...group, earliest, deleted };
}
