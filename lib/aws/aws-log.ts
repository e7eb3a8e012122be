/** The log of an AWS store, and the tables over which the ports beside it are made: a function takes those that it uses, since its bundle is loaded whenever it starts. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../clock.ts';
import type { LogStore } from '../log/log-store.ts';
import { type Meter, noMeter } from '../log/meter.ts';
import { parsePrefix } from '../segment/segment-key.ts';
import { ServerClock } from '../segment/server-clock.ts';
import { AwsConnection } from './aws-connection.ts';
import { dynamoChunks } from './dynamo-chunks.ts';
import { dynamoHeads } from './dynamo-heads.ts';
import { DynamoTable } from './dynamo-table.ts';
import { dynamoTopics } from './dynamo-topics.ts';
import { observeDates } from './observe-dates.ts';
import { S3ObjectStore } from './s3-object-store.ts';
import { defaultGroupsTable } from './tables.ts';

/** How an AWS store is made of clients. */
export interface AwsStoreOptions {
  /** With `maxAttempts: 1`; a write that the SDK repeats by itself ends in an `UnansweredError`. */
  readonly s3: S3Client;
  /** As `s3`. */
  readonly dynamodb: DynamoDBClient;
  readonly bucket: string;
  /** The table of topics, heads and chunks, as `logTable` describes it. */
  readonly logTable: string;
  /** The table of groups, as `groupsTable` describes it. Default: the name of the other one and `-groups`. */
  readonly groupsTable?: string | undefined;
  /** Prefix of all object keys; default none. */
  readonly prefix?: string | undefined;
  readonly clock: Clock;
  /** Told of every request; default: nobody. */
  readonly meter?: Meter | undefined;
}

/** The two tables, with the requests of a store. */
export interface AwsTables {
  /** Topics, heads and chunks; the one with the stream. */
  readonly log: DynamoTable;
  readonly groups: DynamoTable;
}

/** See the module comment. Nothing is sent before the first request. Throws INVALID_REQUEST when `prefix` is not one. */
export function awsLog(options: AwsStoreOptions): { readonly store: LogStore; readonly tables: AwsTables } {
  const { s3, dynamodb, bucket, meter = noMeter } = options;
  const prefix = parsePrefix(options.prefix ?? '');
  const serverClock = new ServerClock(options.clock);
  const connection = new AwsConnection();
  const log = new DynamoTable({ client: dynamodb, name: options.logTable, connection, meter });
  const groupsName = options.groupsTable ?? defaultGroupsTable(options.logTable);
  const groups = new DynamoTable({ client: dynamodb, name: groupsName, connection, meter });
  const stopObserving = [observeDates(s3, serverClock), observeDates(dynamodb, serverClock)];
  const store: LogStore = {
    objects: new S3ObjectStore({ client: s3, bucket, connection, meter }),
    heads: dynamoHeads(log),
    chunks: dynamoChunks(log),
    topics: dynamoTopics(log),
    prefix,
    serverClock,
    async close() {
      connection.close();
      for (const stop of stopObserving) stop();
    },
  };
  return { store, tables: { log, groups } };
}
