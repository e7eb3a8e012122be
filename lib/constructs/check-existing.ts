/** What is there already has to be as the log would have made it, as far as this can be seen at synthesis: of what is imported only its name is known. */
import { type IResource, Stack } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { badProp } from './bad-prop.ts';

/** A property by which CloudFormation makes a resource; undefined where it is not said in this app. */
function propertyOf(resource: IResource, name: string): unknown {
  const made = resource.node.defaultChild as unknown as Readonly<Record<string, unknown>> | undefined;
  return Stack.of(resource).resolve(made?.[name]);
}

/** The keys of both tables, as `NAME TYPE ROLE`. */
const KEYS = 'pk S HASH, sk S RANGE';

/** Keys and stream of a table that is given. Throws INVALID_CONFIG. */
export function checkTable(scope: Construct, prop: 'logTable' | 'groupsTable', table: ITable | undefined): void {
  if (table === undefined) return;
  const keys = keysOf(table);
  if (keys !== null && keys !== KEYS) {
    const fix = 'Its keys are pk (HASH) and sk (RANGE), both texts: let the log make it.';
    throw badProp(scope, `${prop} (with the keys ${keys})`, table.node.path, fix);
  }
  if (prop !== 'logTable') return;
  const stream = propertyOf(table, 'streamSpecification') as { readonly streamViewType?: string } | undefined;
  const view = stream?.streamViewType ?? 'NEW_IMAGE';
  if (view.startsWith('NEW_')) return;
  throw badProp(scope, `logTable (its stream has ${view})`, table.node.path, 'Give its stream NEW_IMAGE.');
}

function keysOf(table: ITable): string | null {
  const schema = propertyOf(table, 'keySchema') as { attributeName: string; keyType: string }[] | undefined;
  const attributes = propertyOf(table, 'attributeDefinitions') as { attributeName: string; attributeType: string }[];
  if (!Array.isArray(schema)) return null;
  const typeOf = (name: string) => attributes.find(({ attributeName }) => attributeName === name)?.attributeType;
  return schema
    .map(({ attributeName, keyType }) => `${attributeName} ${typeOf(attributeName)} ${keyType}`)
    .sort()
    .join(', ');
}

/** A bucket that is given: versions of objects that maintenance has deleted would stay and be paid for. Throws INVALID_CONFIG. */
export function checkBucket(scope: Construct, bucket: IBucket | undefined): void {
  if (bucket === undefined) return;
  const versions = propertyOf(bucket, 'versioningConfiguration') as { readonly status?: string } | undefined;
  if (propertyOf(bucket, 'objectLockEnabled') === true) {
    const fix = 'Nothing could be deleted: give a bucket without a lock, or let the log make one.';
    throw badProp(scope, 'bucket (it locks objects)', bucket.node.path, fix);
  }
  if (versions?.status !== 'Enabled') return;
  const fix = 'What is deleted would stay, and cost: give a bucket without versions, or let the log make one.';
  throw badProp(scope, 'bucket (it keeps versions)', bucket.node.path, fix);
}
