import { Kafka, logLevel } from 'kafkajs';

/** Creates topics of one partition whose records, of a fixed date in the past, stay in one segment. */
export async function createTopics(port: number, names: readonly string[]): Promise<void> {
  const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const configEntries = [
      { name: 'retention.ms', value: '-1' },
      { name: 'segment.ms', value: String(2n ** 62n) },
    ];
    const topics = names.map((topic) => ({ topic, numPartitions: 1, configEntries }));
    await admin.createTopics({ topics, waitForLeaders: true });
  } finally {
    await admin.disconnect();
  }
}
