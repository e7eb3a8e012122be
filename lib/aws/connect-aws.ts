import type { EventSourceStore } from '../event-source/event-source-store.ts';
import { allPorts } from './aws-store.ts';
import { type ConnectAwsOptions, connectPorts } from './connect-ports.ts';

/**
 * A store on S3 and DynamoDB with clients of its own, which end with it. Nothing is sent before the first request, so a bucket or table that does not exist shows then,
 * as STORE_MISSING.
 *
 * Throws INVALID_REQUEST when `prefix` is not one.
 */
export function connectAws(options: ConnectAwsOptions): EventSourceStore {
  return connectPorts(options, allPorts);
}
