/**
 * The table `log`: topics, heads and chunks, each item under a partition key `pk` and a sort key `sk`, both texts.
 *
 * Pay per request, so that an idle log costs its storage. The stream carries the new image of every item; consumers are rung by those of heads whose `ring` is 1.
 */
import { CreateTableCommand, type CreateTableCommandInput, DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { type AwsPlace, dynamoClient } from './aws-clients.ts';
import { AwsConnection } from './aws-connection.ts';
import type { AwsRequest } from './aws-errors.ts';

/** A new table takes some seconds. */
const POLL_MS = 500;
const MAX_POLLS = 240;

/** The table of this name, as CreateTable takes it. */
export function logTable(name: string): CreateTableCommandInput {
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
    StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
  };
}

/** Which tables to make, and where. */
export interface CreateTablesOptions extends AwsPlace {
  readonly logTable: string;
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
  const name = options.logTable;
  const request = (operation: string, effect: 'read' | 'write'): AwsRequest => ({
    operation,
    effect,
    service: 'dynamodb',
    container: name,
    value: name,
  });
  try {
    await connection.ask(
      request('CreateTable', 'write'),
      () => client.send(new CreateTableCommand(logTable(name))),
      (error) => ((error as { name?: string }).name === 'ResourceInUseException' ? 'exists' : undefined),
    );
    for (let poll = 0; poll < MAX_POLLS; poll++) {
      const answer = await connection.ask(request('DescribeTable', 'read'), () =>
        client.send(new DescribeTableCommand({ TableName: name })),
      );
      if (answer.Table?.TableStatus === 'ACTIVE') return;
      await options.clock.sleep(POLL_MS);
    }
  } finally {
    client.destroy();
  }
  throw new MillraceError('STORE_UNAVAILABLE', `the table ${name} is not active yet`, {
    value: name,
    hint: 'Look at it in the console of DynamoDB; try again.',
  });
}
