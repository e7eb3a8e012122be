/** What each kind of program may do with a log. The keys are those of docs/formats.md; docs/permissions.md says what each of them can see and harm. */
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { type Access, ALL_ITEMS, itemsUnder, literal, READ_ITEMS } from './access.ts';
import { checkGroupName } from './check-names.ts';

/** Where a log lies. */
export interface LogPlace {
  readonly bucket: IBucket;
  readonly logTable: ITable;
  readonly groupsTable: ITable;
  /** Prefix of all object keys, without a slash at its end; '' for none. */
  readonly objectPrefix: string;
  /** Encrypts what `Millrace` made; undefined: keys of AWS. */
  readonly encryptionKey?: IKey | undefined;
}

/** A topic as grants name it. Its id and domain are known at deployment only. */
export interface TopicKeys {
  readonly topicName: string;
  readonly topicId: string;
  readonly domain: string;
}

const READ_KEY = ['kms:Decrypt', 'kms:DescribeKey'] as const;
const WRITE_KEY = [...READ_KEY, 'kms:Encrypt', 'kms:GenerateDataKey'] as const;

/** Access to objects below the prefix of the log. */
export function objects({ bucket, objectPrefix }: LogPlace, path: string, actions: readonly string[]): Access {
  const key = objectPrefix === '' ? path : `${objectPrefix}/${path}`;
  return { actions, resourceArns: [bucket.arnForObjects(key)] };
}

/** S3 says that an object is missing, rather than forbidden, to those who may list the bucket; what is asked then names no prefix. So a listing that names none is allowed too, and tells the keys of all objects. */
export function missingObjects({ bucket, objectPrefix }: LogPlace, path: string): Access {
  const below = objectPrefix === '' ? path : `${objectPrefix}/${path}`;
  return {
    actions: ['s3:ListBucket'],
    resourceArns: [bucket.bucketArn],
    ...(below !== '*' && { conditions: { StringLikeIfExists: { 's3:prefix': below } } }),
  };
}

/** Use of the customer's keys, that of the log and those of a bucket and tables that were there; nothing where there are none. */
export function keyAccess(place: LogPlace, effect: 'read' | 'write'): readonly Access[] {
  const holders = [place, place.bucket, place.logTable, place.groupsTable];
  const keys = new Set(holders.flatMap(({ encryptionKey }) => encryptionKey ?? []));
  if (keys.size === 0) return [];
  const resourceArns = [...keys].map(({ keyArn }) => keyArn);
  return [{ actions: effect === 'read' ? READ_KEY : WRITE_KEY, resourceArns }];
}

/** Appends records to a topic: its heads and chunks, and new objects of its domain, none of which it can read. */
export function produceAccess(place: LogPlace, { topicName, topicId, domain }: TopicKeys): readonly Access[] {
  const { tableArn } = place.logTable;
  return [
    itemsUnder(tableArn, [`T#${topicName}`], ['dynamodb:GetItem']),
    itemsUnder(
      tableArn,
      [`P#${topicId}#*`],
      ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    ),
    objects(place, `${domain}/0/*`, ['s3:PutObject']),
    ...keyAccess(place, 'write'),
  ];
}

/** Sends records that become visible later, and cancels them. */
export function delayAccess(place: LogPlace, { topicId, domain }: TopicKeys): readonly Access[] {
  return [
    itemsUnder(place.logTable.tableArn, ['DUE#*'], ['dynamodb:PutItem']),
    itemsUnder(
      place.groupsTable.tableArn,
      [`D#${topicId}#*`],
      ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    ),
    objects(place, `${domain}/delayed/*`, ['s3:PutObject', 's3:DeleteObject']),
  ];
}

/** Reads the records of a topic, and with it all objects of its domain. */
export function readAccess(place: LogPlace, { topicName, topicId, domain }: TopicKeys): readonly Access[] {
  const { tableArn } = place.logTable;
  return [
    itemsUnder(tableArn, [`T#${topicName}`], ['dynamodb:GetItem']),
    itemsUnder(tableArn, [`P#${topicId}#*`], READ_ITEMS),
    objects(place, `${domain}/0/*`, ['s3:GetObject']),
    objects(place, `${domain}/1/*`, ['s3:GetObject']),
    missingObjects(place, `${domain}/*`),
    ...keyAccess(place, 'read'),
  ];
}

/** Is a member of a group: joins, claims, commits. */
export function groupAccess(place: LogPlace, group: string): readonly Access[] {
  checkGroupName(group);
  const { tableArn } = place.groupsTable;
  return [
    itemsUnder(tableArn, [`G#${literal(group)}`], ALL_ITEMS),
    // The listing gets its entry in the transaction that makes the group. Both keys stand here, in case those of a transaction are looked at together.
    itemsUnder(tableArn, [`G#${literal(group)}`, 'GROUPS'], ['dynamodb:PutItem']),
    ...keyAccess(place, 'write'),
  ];
}

/** Changes the settings of a topic, adds partitions, trims it, deletes it. */
export function manageTopicAccess(place: LogPlace, { topicName, topicId }: TopicKeys): readonly Access[] {
  const { tableArn } = place.logTable;
  return [
    itemsUnder(tableArn, [`T#${topicName}`, 'TOPICS', `P#${topicId}#*`, `S#${topicId}`], ALL_ITEMS),
    itemsUnder(tableArn, ['G'], ['dynamodb:GetItem', 'dynamodb:ConditionCheckItem']),
    ...keyAccess(place, 'write'),
  ];
}

/** Everything in both tables and all objects of the log. */
export function wholeLogAccess(place: LogPlace): readonly Access[] {
  const tables = [place.logTable.tableArn, place.groupsTable.tableArn];
  return [
    { actions: ALL_ITEMS, resourceArns: tables },
    objects(place, '*', ['s3:GetObject', 's3:PutObject', 's3:DeleteObject']),
    missingObjects(place, '*'),
    ...keyAccess(place, 'write'),
  ];
}

/** Takes and gives records of all topics over HTTP. It makes no topics, and knows nothing of groups. */
export function allTopicsAccess(place: LogPlace): readonly Access[] {
  const { logTable, groupsTable } = place;
  return [
    itemsUnder(logTable.tableArn, ['T#*'], ['dynamodb:GetItem']),
    itemsUnder(logTable.tableArn, ['P#*'], [...READ_ITEMS, 'dynamodb:PutItem', 'dynamodb:UpdateItem']),
    itemsUnder(logTable.tableArn, ['DUE#*'], ['dynamodb:PutItem']),
    itemsUnder(groupsTable.tableArn, ['D#*'], ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem']),
    objects(place, '*', ['s3:GetObject', 's3:PutObject']),
    missingObjects(place, '*'),
    ...keyAccess(place, 'write'),
  ];
}

/** Serves clients written for Kafka: all topics with their records, and all groups. Nothing of delayed records, subscriptions and maintenance; objects are never deleted. */
export function gatewayAccess(place: LogPlace): readonly Access[] {
  const { logTable, groupsTable } = place;
  return [
    itemsUnder(logTable.tableArn, ['T#*', 'TOPICS', 'P#*', 'S#*', 'G'], ALL_ITEMS),
    itemsUnder(groupsTable.tableArn, ['G#*', 'GROUPS'], ALL_ITEMS),
    objects(place, '*', ['s3:GetObject', 's3:PutObject']),
    missingObjects(place, '*'),
    ...keyAccess(place, 'write'),
  ];
}

/** Wakes workers: what the stream brings, leases, subscriptions, and bells. */
export function routerAccess(place: LogPlace): readonly Access[] {
  const { logTable, groupsTable } = place;
  return [
    { actions: READ_ITEMS, resourceArns: [logTable.tableArn, groupsTable.tableArn] },
    itemsUnder(logTable.tableArn, ['BELLS'], ['dynamodb:PutItem']),
    ...keyAccess(place, 'write'),
  ];
}

/** Reads for all subscriptions, keeps their progress, and writes what they give up. */
export function pumpAccess(place: LogPlace): readonly Access[] {
  const { logTable, groupsTable } = place;
  return [
    { actions: READ_ITEMS, resourceArns: [logTable.tableArn] },
    itemsUnder(logTable.tableArn, ['P#*', 'BELLS'], ['dynamodb:PutItem', 'dynamodb:UpdateItem']),
    itemsUnder(groupsTable.tableArn, ['G#*', 'GROUPS', 'SUBS'], ALL_ITEMS),
    objects(place, '*', ['s3:GetObject', 's3:PutObject']),
    missingObjects(place, '*'),
    ...keyAccess(place, 'write'),
  ];
}

/** Releases delayed records of all topics. */
export function releaserAccess(place: LogPlace): readonly Access[] {
  const { logTable, groupsTable } = place;
  return [
    { actions: READ_ITEMS, resourceArns: [logTable.tableArn] },
    itemsUnder(
      logTable.tableArn,
      ['P#*', 'DUE#*', 'BELLS', 'JOBS'],
      ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
    ),
    itemsUnder(groupsTable.tableArn, ['D#*'], ALL_ITEMS),
    objects(place, '*', ['s3:GetObject', 's3:PutObject', 's3:DeleteObject']),
    missingObjects(place, '*'),
    ...keyAccess(place, 'write'),
  ];
}
