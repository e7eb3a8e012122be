/** The example with Powertools Idempotency, over a DynamoDB: what is given twice has its effect once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { DeadRecord } from '../../lib/event-source/event-source-deps.ts';
import { failedRecord } from '../../lib/event-source/failed-record.ts';
import { kafkaEvent } from '../../lib/event-source/push/kafka-event.ts';
import type { ReceivedEvent } from '../../lib/event-source/received-event.ts';
import { connect, type Millrace } from '../../lib/index.ts';
import { LambdaHost } from '../../lib/lambda-host/lambda-host.ts';
import { type DynamoServer, startDynamo } from '../aws/dynamo-server.ts';
import { eventAt } from '../event-source/event-fixtures.ts';

const file = fileURLToPath(new URL('../../examples/functions/charge-once.ts', import.meta.url));

let dynamo: DynamoServer;
let directory: string;
let millrace: Millrace;
let host: LambdaHost;

beforeAll(async () => {
  dynamo = await startDynamo();
  directory = await mkdtemp(join(tmpdir(), 'millrace-charge-once-'));
  millrace = await connect(`file:${directory}`);
  await millrace.topics.createTopic({ name: 'charges', partitionCount: 1 });
  host = new LambdaHost({ clock, random });
  host.add({
    name: 'charge-once',
    file,
    timeoutMs: 20_000,
    memoryMb: 512,
    environment: {
      MILLRACE_STORE: `file:${directory}`,
      IDEMPOTENCY_TABLE: await dynamo.openIdTable(),
      AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'testtest1',
    },
  });
});
afterAll(async () => {
  await host.close();
  await millrace.close();
  await rm(directory, { recursive: true });
  await dynamo.stop();
});

const origin = { eventSourceArn: 'arn:aws:kafka:local:0:cluster/orders', bootstrapServers: '', region: 'local' };
const call = (records: readonly ReceivedEvent[]) =>
  host.invoke(
    'charge-once',
    kafkaEvent.wrap(
      records.map((record) => kafkaEvent.encode(record, origin)),
      records[0]!,
      origin,
    ),
  );

async function charged(): Promise<readonly (string | null)[]> {
  const reader = millrace.reader({ stopAtEnd: true });
  await reader.assign([{ topic: 'charges' }]);
  const values: (string | null)[] = [];
  for await (const record of reader) values.push(record.text());
  await reader.close();
  return values;
}

describe('a function that charges once', () => {
  it('charges once for a batch that it is given twice, and for a record that comes back by a retry topic and by a redrive', async () => {
    const batch = [eventAt(0), eventAt(1), eventAt(2)];
    expect(await call(batch)).toMatchObject({ kind: 'returned' });
    expect(await charged()).toEqual(['v0', 'v1', 'v2']);
    expect(await call(batch)).toMatchObject({ kind: 'returned' });
    const dead: DeadRecord = { record: batch[1]!, reason: 'RetryAttemptsExhausted', failures: 1, error: '', stack: '' };
    const { key, value, headers } = failedRecord(dead, 'billing', { nowMs: clock.nowMs(), dueMs: 0 });
    for (const topic of ['billing.retry-1', 'billing.redrive']) {
      const again = eventAt(7, { topic, keyBytes: key, valueBytes: value, headers, timestampMs: 5n });
      expect(await call([again])).toMatchObject({ kind: 'returned' });
    }
    expect(await charged()).toEqual(['v0', 'v1', 'v2']);
    // The same place in a topic that was made again is another record.
    expect(await call([eventAt(1, { timestampMs: 1_764_000_000_001n })])).toMatchObject({ kind: 'returned' });
    expect(await charged()).toEqual(['v0', 'v1', 'v2', 'v1']);
  });
});
