/**
 * The two tables: `log` has topics, heads and chunks; `groups` has consumer groups, their heartbeats and offsets. Each item lies under a partition key `pk` and a sort key `sk`, both texts.
 *
 * Pay per request, so that an idle log costs its storage. The stream of `log` carries the new image of every item; consumers are rung by those of heads whose `ring` is 1. The partition keys of
 * `groups` begin with the group's name, so that a grant can name it.
 */
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { type AwsPlace, dynamoClient } from './aws-clients.ts';
import { AwsConnection } from './aws-connection.ts';
import type { AwsRequest } from './aws-errors.ts';
import { DYNAMO_MEANINGS } from './dynamo-error-meanings.ts';

/** A new table takes some seconds. */
const POLL_MS = 500;
const MAX_POLLS = 240;

function table(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    BillingMode: 'PAY_PER_REQUEST',
  };
}

/** The table of topics, heads and chunks, as CreateTable takes it. */
export function logTable(name: string): CreateTableCommandInput {
  return { ...table(name), StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } };
}

/** The table of groups, as CreateTable takes it. */
export function groupsTable(name: string): CreateTableCommandInput {
  return table(name);
}

/** What the table of groups is called unless told otherwise. */
export function defaultGroupsTable(logTableName: string): string {
  return `${logTableName}-groups`;
}

/** Which tables to make, and where. */
export interface CreateTablesOptions extends AwsPlace {
  readonly logTable: string;
  /** Default: the name of the other one and `-groups`. */
  readonly groupsTable?: string | undefined;
  readonly clock: Clock;
}

/**
 * Makes the tables that are not there and waits until they can be used. Those that are there are left as they are.
 *
 * Throws ACCESS_DENIED and the like, and STORE_UNAVAILABLE when a table cannot be used after two minutes.
 */
export async function createTables(options: CreateTablesOptions): Promise<void> {
  const client = dynamoClient(options);
  const connection = new AwsConnection();
  const groups = options.groupsTable ?? defaultGroupsTable(options.logTable);
  try {
    const deps = { client, connection, clock: options.clock };
    for (const input of [logTable(options.logTable), groupsTable(groups)]) await createTable(deps, input);
  } finally {
    client.destroy();
  }
}

async function createTable(
  { client, connection, clock }: { client: DynamoDBClient; connection: AwsConnection; clock: Clock },
  input: CreateTableCommandInput,
): Promise<void> {
  const name = input.TableName!;
  const request = (operation: string, effect: 'read' | 'write'): AwsRequest => ({
    operation,
    effect,
    meanings: DYNAMO_MEANINGS,
    container: name,
    value: name,
  });
  await connection.ask(
    request('CreateTable', 'write'),
    () => client.send(new CreateTableCommand(input)),
    (error) => ((error as { name?: string }).name === 'ResourceInUseException' ? 'exists' : undefined),
  );
  for (let poll = 0; poll < MAX_POLLS; poll++) {
    const answer = await connection.ask(request('DescribeTable', 'read'), () =>
      client.send(new DescribeTableCommand({ TableName: name })),
    );
    if (answer.Table?.TableStatus === 'ACTIVE') return;
    await clock.sleep(POLL_MS);
  }
  throw new MillraceError('STORE_UNAVAILABLE', `the table ${name} is not active yet`, {
    value: name,
    hint: 'Look at it in the console of DynamoDB; try again.',
  });
}
