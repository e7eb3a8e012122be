import {
  CreateTableCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { dynamoClient } from '../../lib/aws/aws-clients.ts';
import { AwsConnection } from '../../lib/aws/aws-connection.ts';
import { allPorts } from '../../lib/aws/aws-store.ts';
import { dynamoChunks } from '../../lib/aws/dynamo-chunks.ts';
import { dynamoHeads } from '../../lib/aws/dynamo-heads.ts';
import { DynamoTable } from '../../lib/aws/dynamo-table.ts';
import { dynamoTopics } from '../../lib/aws/dynamo-topics.ts';
import { createTables, defaultGroupsTable } from '../../lib/aws/tables.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import type { EventSourceStore } from '../../lib/event-source/event-source-store.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { freshContainer, givenServer, ROOT, startServer } from './server-process.ts';

const DYNOXIDE = `${ROOT}node_modules/@dynoxide/linux-x64/dynoxide`;

/** Reads an item of 8 KB, which takes three units with its key. */
async function countsUnits(dynamodb: DynamoDBClient, table: string): Promise<boolean> {
  const Key = { pk: { S: 'probe' }, sk: { S: 'probe' } };
  const place = { TableName: table, ReturnConsumedCapacity: 'TOTAL' } as const;
  await dynamodb.send(new PutItemCommand({ ...place, Item: { ...Key, b: { B: new Uint8Array(8192) } } }));
  const { ConsumedCapacity: consumed } = await dynamodb.send(
    new GetItemCommand({ ...place, Key, ConsistentRead: true }),
  );
  return consumed?.CapacityUnits === 3;
}

/** DynamoDB, and tables that nobody else uses. */
export interface DynamoServer {
  readonly dynamodb: DynamoDBClient;
  /** Whether the server tells the units of AWS; MiniStack 1.5 tells one read unit whatever is read. dynoxide must. */
  readonly countsUnits: boolean;
  /** Makes an empty table and returns its name. */
  openTable(): Promise<string>;
  /** Makes an empty table whose items have the key `id`, for whoever else has one in the same place. */
  openIdTable(): Promise<string>;
  readonly endpoint: string;
  /** Removes the tables, and ends the server if it was started here. */
  stop(): Promise<void>;
}

/** DynamoDB: what AWS_ENDPOINT_URL names, else a dynoxide of its own, in memory. */
export async function startDynamo(): Promise<DynamoServer> {
  const given = givenServer('DYNAMODB');
  const server = given ?? (await startServer(DYNOXIDE, (port) => ['serve', '--port', String(port)]));
  const dynamodb = dynamoClient({ endpoint: server.endpoint });
  const tables: string[] = [];
  const openTable = async (): Promise<string> => {
    const table = freshContainer();
    await createTables({ endpoint: server.endpoint, logTable: table, clock });
    tables.push(table, defaultGroupsTable(table));
    return table;
  };
  const openIdTable = async (): Promise<string> => {
    const table = freshContainer();
    await dynamodb.send(
      new CreateTableCommand({
        TableName: table,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );
    tables.push(table);
    return table;
  };
  return {
    dynamodb,
    countsUnits: given === undefined || (await countsUnits(dynamodb, await openTable())),
    openTable,
    openIdTable,
    endpoint: server.endpoint,
    async stop() {
      for (const table of tables) await dynamodb.send(new DeleteTableCommand({ TableName: table }));
      dynamodb.destroy();
      await server.stop();
    },
  };
}

/** The ports of a store that need no S3, over a table. */
export function dynamoPorts(
  client: DynamoDBClient,
  table: string,
): Omit<EventSourceStore, 'objects' | 'prefix' | 'serverClock' | 'close'> {
  const items = new DynamoTable({ client, name: table, connection: new AwsConnection(), meter: noMeter });
  return {
    heads: dynamoHeads(items),
    chunks: dynamoChunks(items),
    topics: dynamoTopics(items),
    ...allPorts({ log: items, groups: items }),
  };
}
