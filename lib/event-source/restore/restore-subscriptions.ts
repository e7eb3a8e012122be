import { inParallel } from '../../log/in-parallel.ts';
import { repeatRequest } from '../../log/repeat-request.ts';
import { readOrDamage } from '../../maintenance/read-or-damage.ts';
import { checkReadable, type FunctionSubscription } from '../function-subscription.ts';
import type { SubscriptionName } from '../function-subscriptions.ts';
import type { OldGroups, RestoreDeps, RestoredCount, RestoreRequest } from './restore-deps.ts';
import { restoredSubscription } from './restore-plan.ts';

const PAGE = 500;
const PARALLEL = 16;

/**
 * Makes the subscriptions of a backup again. One that is there is left as it is. `known`: those that groups of the backup are of, by which they are read one by one where one is damaged.
 *
 * Requests: a query for 500, and a conditional write for each. Throws what the store throws after ten attempts.
 */
export async function restoreSubscriptions(
  deps: RestoreDeps,
  from: OldGroups,
  request: RestoreRequest & { readonly known: readonly SubscriptionName[] },
): Promise<RestoredCount> {
  const { names, dryRun, onProgress, onDamagedItem } = request;
  const { subscriptions } = deps.store;
  const counts = { restored: 0, there: 0 };
  for await (const page of oldSubscriptions(deps, from, request)) {
    await inParallel(page, PARALLEL, async (old) => {
      const isReadable = await readOrDamage(deps, async () => checkReadable(old));
      if ('damage' in isReadable) return onDamagedItem(`subscription ${old.group}`, isReadable.damage);
      const subscription = restoredSubscription(old, names);
      const isNew = dryRun
        ? (await repeatRequest(deps, () => subscriptions.get(old))).answer === null
        : (await repeatRequest(deps, () => subscriptions.create(subscription))).answer.outcome === 'done';
      counts[isNew ? 'restored' : 'there'] += 1;
    });
    await onProgress();
  }
  return counts;
}

async function* oldSubscriptions(
  deps: RestoreDeps,
  { subscriptions }: OldGroups,
  { known, onDamagedItem }: RestoreRequest & { readonly known: readonly SubscriptionName[] },
): AsyncGenerator<readonly FunctionSubscription[]> {
  const given = new Set<string>();
  const textOf = ({ topicId, group }: SubscriptionName) => `${topicId} ${group}`;
  for (let after: FunctionSubscription | null = null; ; ) {
    const read = await readOrDamage(deps, () => subscriptions.list(after, PAGE));
    if ('damage' in read) break;
    const last = read.answer.at(-1);
    if (last === undefined) return;
    for (const one of read.answer) given.add(textOf(one));
    yield read.answer;
    after = last;
  }
  for (const name of known) {
    if (given.has(textOf(name))) continue;
    const read = await readOrDamage(deps, () => subscriptions.get(name));
    if ('damage' in read) onDamagedItem(`subscription ${name.group}`, read.damage);
    else if (read.answer !== null) yield [read.answer];
  }
}
