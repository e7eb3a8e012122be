import { type CompressionAlgorithms, ProduceAcks, Producer } from '@platformatic/kafka';
import type { JsonRecord, WritingJob } from './writing-job.ts';

const decode = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));

function message(topic: string, { key, value, headers, timestampMs }: JsonRecord) {
  return {
    topic,
    partition: 0,
    timestamp: BigInt(timestampMs),
    key: decode(key),
    value: decode(value),
    // This client has one value to a name, and no null one.
    headers: new Map(headers.map(([name, encoded]) => [Buffer.from(name), decode(encoded) ?? Buffer.alloc(0)])),
  };
}

/** Writes the jobs with `@platformatic/kafka`; transactions it leaves out. */
export async function writeWithPlatformatic(port: number, jobs: readonly WritingJob[]): Promise<void> {
  const connection = { clientId: 'fixtures', bootstrapBrokers: [`127.0.0.1:${port}`] };
  for (const job of jobs) {
    const compression = job.compression as (typeof CompressionAlgorithms)[keyof typeof CompressionAlgorithms];
    const producer = new Producer({ ...connection, acks: ProduceAcks.ALL, compression, idempotent: job.idempotent });
    try {
      for (const batch of job.batches) {
        // Its types ask for buffers where the client itself takes null, for a record without key or value.
        const messages = batch.records.map((record) => message(job.topic, record)) as never;
        await producer.send({ messages });
      }
    } finally {
      await producer.close();
    }
  }
}
