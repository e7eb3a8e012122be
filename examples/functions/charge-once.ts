/**
 * A function that may be given a record twice and charges once: Powertools Idempotency remembers in DynamoDB what was done, by a key that stays the same through repetitions, retry topics and redrives.
 *
 * The table (AWS: `IDEMPOTENCY_TABLE`) has the key `id` and the time to live `expiration`.
 */
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import type { Context, MSKEvent } from 'aws-lambda';
import { idempotencyKey, type Producing, producerHandler } from 'millrace/middleware';

const persistenceStore = new DynamoDBPersistenceLayer({ tableName: process.env.IDEMPOTENCY_TABLE ?? 'charges' });
const config = new IdempotencyConfig({ expiresAfterSeconds: 7 * 24 * 3600 });

const charge = makeIdempotent(
  async (key: string, value: string, producer: Producing['producer']) => {
    // Awaited: only then is it done. One that dies in between is done again.
    await producer.send({ topic: 'charges', key, value });
    return key;
  },
  { persistenceStore, config, dataIndexArgument: 0 },
);

export const handler = producerHandler(async (event: MSKEvent, context: Context & Producing) => {
  config.registerLambdaContext(context);
  for (const record of Object.values(event.records).flat()) {
    await charge(idempotencyKey(record), Buffer.from(record.value, 'base64').toString(), context.producer);
  }
});
