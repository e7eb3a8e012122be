import type { Change } from '../../log/head-transitions.ts';
import type { Meter } from '../../log/meter.ts';
import { spentTopicIdKey } from '../../log/topic.ts';
import type { ItemTransactions } from '../../log/transactional/item-transactions.ts';
import { changeItem, readItem } from '../../log/transactional/metered-transaction.ts';
import { takeJobTransition, updateJobTransition } from '../job-transitions.ts';
import type { MaintenancePorts } from '../jobs.ts';
import { jobFromItem, jobKey, jobToItem, type StoredJob } from '../stored-job.ts';

/** `Jobs` over items with transactions. */
export function transactionalMaintenance(items: ItemTransactions, meter: Meter): MaintenancePorts {
  const change = (name: string, transition: (job: StoredJob | undefined) => Change<StoredJob>): Change<StoredJob> =>
    items.write((transaction) => {
      let result: Change<StoredJob> | undefined;
      changeItem(transaction, meter, jobKey(name), (item) => {
        result = transition(item && jobFromItem(item));
        return result.outcome === 'done' ? jobToItem(result.item) : null;
      });
      return result!;
    });
  return {
    spentTopics: {
      async has(topicId) {
        const key = spentTopicIdKey(topicId);
        return items.read((transaction) => readItem(transaction, meter, key, { consistent: true })) !== undefined;
      },
    },
    jobs: {
      async read(name) {
        const key = jobKey(name);
        const item = items.read((transaction) => readItem(transaction, meter, key, { consistent: true }));
        return item ? jobFromItem(item) : null;
      },
      async take(name, args) {
        return change(name, (job) => takeJobTransition(job, args));
      },
      async update(name, args) {
        return change(name, (job) => updateJobTransition(job, args));
      },
    },
  };
}
