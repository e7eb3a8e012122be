import { CompressionTypes, Kafka, logLevel, Partitioners } from 'kafkajs';
import type { JsonRecord, WritingJob } from './writing-job.ts';

const decode = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));

function message({ key, value, headers, timestampMs }: JsonRecord) {
  const grouped: Record<string, Buffer | Buffer[]> = {};
  for (const [name, encoded] of headers) {
    // kafkajs has no null value of a header, and repeats a name as a list.
    const bytes = decode(encoded) ?? Buffer.alloc(0);
    const before = grouped[name];
    grouped[name] = before === undefined ? bytes : [before, bytes].flat();
  }
  return { key: decode(key), value: decode(value), headers: grouped, timestamp: String(timestampMs), partition: 0 };
}

async function write(kafka: Kafka, job: WritingJob): Promise<void> {
  const producer = kafka.producer({
    idempotent: job.idempotent,
    createPartitioner: Partitioners.DefaultPartitioner,
    ...(job.transactionalId === undefined ? {} : { transactionalId: job.transactionalId, maxInFlightRequests: 1 }),
  });
  const compression = job.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  await producer.connect();
  try {
    for (const batch of job.batches) {
      const request = { topic: job.topic, acks: -1, compression, messages: batch.records.map(message) };
      if (job.transactionalId === undefined) {
        await producer.send(request);
        continue;
      }
      const transaction = await producer.transaction();
      await transaction.send(request);
      await (batch.abort ? transaction.abort() : transaction.commit());
    }
  } finally {
    await producer.disconnect();
  }
}

/** Writes the jobs with kafkajs, which compresses with gzip only. It retries by itself, so what it logs is no failure. */
export async function writeWithKafkajs(port: number, jobs: readonly WritingJob[]): Promise<void> {
  const kafka = new Kafka({ clientId: 'fixtures', brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING });
  for (const job of jobs) await write(kafka, job);
}
