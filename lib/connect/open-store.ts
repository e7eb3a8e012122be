import type { Clock } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { LogStore } from '../log/log-store.ts';
import type { Meter } from '../log/meter.ts';
import { memoryStore } from '../memory/memory-store.ts';
import { openFileStore } from '../sqlite/sqlite-store.ts';
import type { ConnectionTarget } from './connection-string.ts';

/** What every store is given. */
export interface OpenStoreDeps {
  readonly clock: Clock;
  readonly meter: Meter;
}

/** Opens the store that a connection string names. Throws what the store throws. */
export async function openStore(target: ConnectionTarget, deps: OpenStoreDeps): Promise<LogStore> {
  switch (target.kind) {
    case 'memory':
      return memoryStore(deps);
    case 'file': {
      const { directory, sync, readOnly } = target;
      return openFileStore({ ...deps, directory, sync, readOnly });
    }
    case 'aws':
      return openAwsStore(target, deps);
  }
}

/** Loaded only when it is wanted, so that the other stores need no SDK. */
async function openAwsStore(
  { bucket, table, prefix, region, endpoint }: Extract<ConnectionTarget, { kind: 'aws' }>,
  deps: OpenStoreDeps,
): Promise<LogStore> {
  const { connectAws } = await import('../aws/index.ts').catch((cause: unknown) => {
    throw new MillraceError('STORE_UNAVAILABLE', 'the AWS SDK is not installed', {
      hint: 'npm install @aws-sdk/client-s3 @aws-sdk/client-dynamodb',
      cause,
      retriable: false,
    });
  });
  return connectAws({
    ...deps,
    bucket,
    logTable: table,
    ...(prefix !== undefined && { prefix }),
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  });
}
