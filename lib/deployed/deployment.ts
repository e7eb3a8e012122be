/** What a deployed function is told by its environment, and what it opens once in the life of its process. */
import type { AwsTables } from '../aws/aws-log.ts';
import { connectPorts } from '../aws/connect-ports.ts';
import { systemClock as clock, systemRandom as random } from '../clock.ts';
import { type ConnectionTarget, parseConnectionString } from '../connect/connection-string.ts';
import { MillraceError } from '../errors.ts';
import type { LogStore } from '../log/log-store.ts';

/** Variables of a function: texts by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A store on AWS with the ports that a function uses, and how it was named. */
export interface DeployedStore<P = object> {
  readonly store: LogStore & P;
  readonly target: ConnectionTarget & { readonly kind: 'aws' };
}

/** The value of a variable. Throws INVALID_CONFIG when it is not set. */
export function variable(environment: Environment, name: string): string {
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  throw new MillraceError('INVALID_CONFIG', `the function does not know ${name}`, {
    value: name,
    hint: `Set the variable ${name} of the function; docs/deployment.md says what it is.`,
  });
}

/** Opens the store that MILLRACE_STORE names, with the log and the ports that are asked for: a bundle holds no others. Nothing is sent before the first request. Throws INVALID_CONFIG, INVALID_CONNECTION_STRING. */
export function openDeployedStore<P extends object>(
  environment: Environment,
  ports: (tables: AwsTables) => P,
): DeployedStore<P> {
  const text = variable(environment, 'MILLRACE_STORE');
  const target = parseConnectionString(text);
  if (target.kind !== 'aws') {
    throw new MillraceError('INVALID_CONFIG', `a deployed function works on S3 and DynamoDB, not on ${target.kind}:`, {
      value: text,
      hint: 'Set MILLRACE_STORE to aws:?bucket=…&table=….',
    });
  }
  const { bucket, table: logTable, groups: groupsTable, prefix, region, endpoint } = target;
  const place = { bucket, logTable, groupsTable, prefix, region, endpoint };
  return { store: connectPorts({ ...place, clock }, ports), target };
}

/** The clock and the chance of this machine. */
export const machine = { clock, random } as const;
