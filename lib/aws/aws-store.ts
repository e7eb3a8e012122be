import type { DelayPorts } from '../delay/delay-store.ts';
import type { EventSourcePorts, EventSourceStore } from '../event-source/event-source-store.ts';
import type { GroupStore } from '../group/group-store.ts';
import type { MaintenancePorts } from '../maintenance/jobs.ts';
import { type AwsStoreOptions, type AwsTables, awsLog } from './aws-log.ts';
import { dynamoDelays } from './dynamo-delays.ts';
import { dynamoEventSource } from './dynamo-event-source.ts';
import { dynamoGroupStore } from './dynamo-groups.ts';
import { dynamoMaintenance } from './dynamo-jobs.ts';

/**
 * A store on S3 and DynamoDB, through clients that the caller keeps: closing the store leaves them open. Nothing is sent before the first request.
 *
 * Throws INVALID_REQUEST when `prefix` is not one.
 */
export function awsStore(options: AwsStoreOptions): EventSourceStore {
  const { store, tables } = awsLog(options);
  return { ...store, ...allPorts(tables) };
}

/** All ports beside those of the log. */
export function allPorts(tables: AwsTables): GroupStore & MaintenancePorts & DelayPorts & EventSourcePorts {
  return {
    ...dynamoGroupStore(tables),
    ...dynamoMaintenance(tables),
    ...dynamoDelays(tables),
    ...dynamoEventSource(tables),
  };
}
