/** `Jobs` over DynamoDB: each change is one update whose condition says what the transition of the same name in `job-transitions.ts` says, clause by clause. */
import { spentTopicIdKey } from '../log/topic.ts';
import type { TakeJobArgs, UpdateJobArgs } from '../maintenance/job-transitions.ts';
import type { MaintenancePorts } from '../maintenance/jobs.ts';
import { jobFromItem, jobKey } from '../maintenance/stored-job.ts';
import { allOf, anyOf } from './alias.ts';
import type { AwsTables } from './aws-log.ts';
import type { ItemUpdate } from './dynamo-table.ts';

// What an item may refuse, by the names that the transitions give the clauses.
const NO_JOB = 'attribute_not_exists(#pk)';
const SAME_EPOCH = '#epoch = :epoch';
const SAME_OWNER = '#owner = :owner';
const FREE = '#expires <= :now';
const SEQUENCE_RISES = '#seq < :seq';

function takeUpdate({ owner, seen, nowMs, expiresAtMs }: TakeJobArgs): ItemUpdate {
  const set = [
    '#epoch = :next',
    '#seq = :zero',
    '#owner = :owner',
    '#expires = :expires',
    '#due = if_not_exists(#due, :zero)',
    '#state = if_not_exists(#state, :none)',
  ];
  const isFree = allOf(SAME_EPOCH, FREE);
  return {
    update: `SET ${set.join(', ')}`,
    condition: seen === 0 ? anyOf(NO_JOB, isFree) : isFree,
    values: {
      ':next': BigInt(seen + 1),
      ':epoch': BigInt(seen),
      ':owner': owner,
      ':expires': BigInt(expiresAtMs),
      ':now': BigInt(nowMs),
      ':zero': 0n,
      ':none': '',
    },
    returns: 'ALL_NEW',
  };
}

function updateUpdate({ owner, epoch, sequence, expiresAtMs, dueAtMs, state }: UpdateJobArgs): ItemUpdate {
  return {
    update: 'SET #seq = :seq, #expires = :expires, #due = :due, #state = :state',
    condition: allOf(SAME_OWNER, SAME_EPOCH, SEQUENCE_RISES),
    values: {
      ':owner': owner,
      ':epoch': BigInt(epoch),
      ':seq': BigInt(sequence),
      ':expires': BigInt(expiresAtMs),
      ':due': BigInt(dueAtMs),
      ':state': state,
    },
    returns: 'ALL_NEW',
  };
}

/** The ports of maintenance over the table of topics and heads. */
export function dynamoMaintenance({ log: table }: AwsTables): MaintenancePorts {
  const change = async (name: string, update: ItemUpdate) => {
    const { outcome, item } = await table.update(jobKey(name), update);
    if (outcome === 'done') return { outcome, item: jobFromItem(item) };
    return { outcome, item: item && jobFromItem(item) };
  };
  return {
    spentTopics: {
      async has(topicId) {
        return (await table.get(spentTopicIdKey(topicId), { consistent: true })) !== undefined;
      },
    },
    jobs: {
      async read(name) {
        const item = await table.get(jobKey(name), { consistent: true });
        return item ? jobFromItem(item) : null;
      },
      take: (name, args) => change(name, takeUpdate(args)),
      update: (name, args) => change(name, updateUpdate(args)),
    },
  };
}
