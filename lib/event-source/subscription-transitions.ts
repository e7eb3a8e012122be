/** Every conditional change of a subscription, as pure functions `(item | undefined, arguments) → outcome`; see `head-transitions.ts` for how they are used. */
import type { Change } from '../log/head-transitions.ts';
import type { FunctionSubscription } from './function-subscription.ts';

/** Makes a subscription IF there is none of that group to that topic. */
export function createSubscriptionTransition(
  existing: FunctionSubscription | undefined,
  subscription: FunctionSubscription,
): Change<FunctionSubscription> {
  return existing ? { outcome: 'refused', item: existing } : { outcome: 'done', item: subscription };
}

/**
 * Makes a subscription that is part of another IF the other is still the one that was read, which then has one version more, and IF there is none of its name. A request that comes late, when the other was removed or has got another
 * part meanwhile, does nothing.
 */
export function createPartTransition(
  current: { readonly main: FunctionSubscription | undefined; readonly part: FunctionSubscription | undefined },
  seen: Pick<FunctionSubscription, 'version'>,
): Change<FunctionSubscription> {
  const { main, part } = current;
  if (main?.version !== seen.version || part !== undefined) return { outcome: 'refused', item: main };
  return { outcome: 'done', item: { ...main, version: main.version + 1 } };
}

/** Replaces a subscription IF it is still the one that was read; the new version is one more. */
export function updateSubscriptionTransition(
  current: FunctionSubscription | undefined,
  next: FunctionSubscription,
): Change<FunctionSubscription> {
  if (current?.version !== next.version) return { outcome: 'refused', item: current };
  return { outcome: 'done', item: { ...next, version: next.version + 1 } };
}
