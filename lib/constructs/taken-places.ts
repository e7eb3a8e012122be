import { type IResource, Token } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IConstruct } from 'constructs';
import { badProp } from './bad-prop.ts';
import type { LogPlace } from './log-access.ts';

interface Taken {
  readonly scope: IConstruct;
  readonly place: LogPlace;
}

/** Where the logs of an app are. */
const places = new WeakMap<IConstruct, Taken[]>();

/** Takes bucket, prefix and tables for a log that is made here. Throws INVALID_CONFIG when another one of this app has them: each would take the objects of the other for garbage, and write over its heads. */
export function takePlace(scope: IConstruct, place: LogPlace): void {
  const { bucket, logTable, groupsTable, objectPrefix } = place;
  if (isSameTable(logTable, groupsTable)) {
    const fix = 'It is the logTable too: give two, since a grant on one is not to open the other.';
    throw badProp(scope, 'groupsTable', groupsTable.node.path, fix);
  }
  const taken = places.get(scope.node.root) ?? [];
  places.set(scope.node.root, taken);
  for (const { scope: other, place: theirs } of taken) {
    const of = `${other.node.path} has it: `;
    const tables = [theirs.logTable, theirs.groupsTable];
    if (tables.some((table) => isSameTable(table, logTable))) {
      throw badProp(scope, 'logTable', logTable.node.path, `${of}each log has tables of its own.`);
    }
    if (tables.some((table) => isSameTable(table, groupsTable))) {
      throw badProp(scope, 'groupsTable', groupsTable.node.path, `${of}each log has tables of its own.`);
    }
    if (isSameBucket(theirs.bucket, bucket) && areNested(theirs.objectPrefix, objectPrefix)) {
      const fix = `${of}logs that share a bucket have an objectPrefix each, none of them below another one.`;
      throw badProp(scope, 'bucket', bucket.node.path, fix);
    }
  }
  taken.push({ scope, place });
}

/** A table is known by its name in its account and region, where all are said. */
function isSameTable(one: ITable, other: ITable): boolean {
  if (one === other) return true;
  const nameOf = ({ tableName, env }: ITable) => [tableName, env.account, env.region].map(String);
  const [names, others] = [nameOf(one), nameOf(other)];
  return [...names, ...others].every((name) => !Token.isUnresolved(name)) && names.join() === others.join();
}

/** A bucket is known by its name alone. */
function isSameBucket(one: IResource & { readonly bucketName: string }, other: typeof one): boolean {
  return one === other || (!Token.isUnresolved(one.bucketName) && one.bucketName === other.bucketName);
}

const below = (prefix: string) => (prefix === '' ? '' : `${prefix}/`);

function areNested(one: string, other: string): boolean {
  return below(one).startsWith(below(other)) || below(other).startsWith(below(one));
}
