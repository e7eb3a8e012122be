import { Token } from 'aws-cdk-lib';
import { type Access, ALL_ITEMS, itemsUnder, literal, READ_ITEMS } from './access.ts';
import { keyAccess, type LogPlace, objects, produceAccess, readAccess, type TopicKeys } from './log-access.ts';

/** Ids of the topics that belong to a subscription. */
export interface SubscriptionTopics {
  /** Of its dead letters, where they are not a topic of another owner. */
  readonly written: readonly string[];
  /** A topic that takes dead letters and was made for itself. */
  readonly deadLetters: TopicKeys | undefined;
  /** Where records wait that come back to the function. */
  readonly readAndWritten: readonly string[];
}

/** The domain of a topic that has one of its own. */
const ownDomain = (topicId: string) => `t-${topicId}`;

const OWN_DOMAIN = /^t-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether the topics that belong to a subscription of this one have domains of their own, as it has. What is known at deployment only may be one. */
export function hasOwnDomain({ domain }: TopicKeys): boolean {
  return Token.isUnresolved(domain) || OWN_DOMAIN.test(domain);
}

/** Objects of the topics that belong to a subscription, where each has a domain of its own. */
export function ownDomainAccess(place: LogPlace, { written, readAndWritten }: SubscriptionTopics): readonly Access[] {
  const puts = [...written, ...readAndWritten].map((id) => objects(place, `${ownDomain(id)}/0/*`, ['s3:PutObject']));
  const gets = readAndWritten.flatMap((id) =>
    ['0', '1'].map((level) => objects(place, `${ownDomain(id)}/${level}/*`, ['s3:GetObject'])),
  );
  return [...puts, ...gets];
}

/** What a function that pulls may do: read its topic, keep its progress and no other, and write what fails to the topics of its subscription. */
export function pullAccess(
  place: LogPlace,
  topic: TopicKeys,
  { name, topics }: { readonly name: string; readonly topics: SubscriptionTopics },
): readonly Access[] {
  const { logTable, groupsTable } = place;
  const own = literal(name);
  const heads = (ids: readonly string[]) => ids.map((id) => `P#${id}#*`);
  return [
    ...readAccess(place, topic),
    ...(topics.deadLetters === undefined ? [] : produceAccess(place, topics.deadLetters)),
    itemsUnder(logTable.tableArn, [`T#${own}.*`], ['dynamodb:GetItem']),
    itemsUnder(logTable.tableArn, heads([...topics.written, ...topics.readAndWritten]), [
      ...READ_ITEMS,
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ]),
    itemsUnder(logTable.tableArn, ['BELLS'], ['dynamodb:PutItem']),
    objects(place, `${topic.domain}/0/*`, ['s3:PutObject']),
    itemsUnder(groupsTable.tableArn, ['SUBS'], ['dynamodb:GetItem', 'dynamodb:Query']),
    itemsUnder(
      groupsTable.tableArn,
      [`G#${own}`, `G#${own}.redrive`, `G#${own}.retry-*`, `G#${own}:replay-*`],
      ALL_ITEMS,
    ),
    ...keyAccess(place, 'write'),
  ];
}
