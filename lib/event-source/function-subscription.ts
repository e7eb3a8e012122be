/**
 * A subscription of a function to a topic: what is to be called for the records of which topic, and how.
 *
 * Key: `SUBS` / `<topicId>#<group>`, so that whoever hears of a commit finds all subscriptions of the topic by one range, and a listing is one query. Its progress is that of the consumer group of its
 * name, which is of the kind `subscription` and has no members. Changed only IF the version is the one that was read. Absence means that nobody is to be called.
 */
import { MillraceError } from '../errors.ts';
import { type Item, type ItemKey, integer, text } from '../log/item.ts';
import { formatReplay, parseReplay, type Replay } from './replay.ts';
import { type SubscriptionOptions, subscriptionOptions } from './subscription-options.ts';

/** Records that failed come here from another subscription, and wait equally long. */
export interface RetryTier {
  /** Group of the subscription that they were given up by first. */
  readonly of: string;
  /** From 1; the delay is that of this place in the options. 0: what was sent back from the dead letters, which does not wait. -1: the dead letters themselves, which go back on a schedule; no function is called. */
  readonly tier: number;
}

/** Of the subscription by which dead letters go back by themselves. */
export const DEAD_LETTER_TIER = -1;

/** See the module comment. */
export interface FunctionSubscription {
  /** Its name, and that of its consumer group. */
  readonly group: string;
  readonly topic: string;
  readonly topicId: string;
  /** Isolation domain of the topic. */
  readonly domain: string;
  /** Counts the changes of this item. */
  readonly version: number;
  /** The function: its name or ARN. */
  readonly target: string;
  readonly options: SubscriptionOptions;
  /** Of a topic whose records wait before they are given again; null: of a topic like others. */
  readonly retry: RetryTier | null;
  /** It reads a range of its topic for another subscription, and ends; absent: it reads what comes. */
  readonly replay?: Replay;
  /** What is wrong with the options that are stored: a newer Millrace may have written them. Nobody is called then, as if it were paused; absent: nothing. */
  readonly unreadable?: string;
}

/** Partition key of all subscriptions. */
export const SUBSCRIPTIONS_PK = 'SUBS';

/** Sort key of a subscription. */
export function subscriptionSk({ topicId, group }: Pick<FunctionSubscription, 'topicId' | 'group'>): string {
  return `${topicId}#${group}`;
}

/** Where a subscription is stored. */
export function subscriptionKey(of: Pick<FunctionSubscription, 'topicId' | 'group'>): ItemKey {
  return { pk: SUBSCRIPTIONS_PK, sk: subscriptionSk(of) };
}

/** The sort keys of all subscriptions of a topic. */
export function subscriptionRange(topicId: string): { readonly fromSk: string; readonly toSk: string } {
  return { fromSk: `${topicId}#`, toSk: `${topicId}$` };
}

/** The stored form without what the key holds. */
export function subscriptionToItem(subscription: FunctionSubscription): Item {
  const { topic, domain, version, target, options, retry, replay } = subscription;
  const kind = {
    ...(retry !== null && { retryOf: retry.of, tier: BigInt(retry.tier) }),
    ...(replay !== undefined && { replay: formatReplay(replay) }),
  };
  return { topic, domain, version: BigInt(version), target, options: JSON.stringify(options), ...kind };
}

/** Options that make no sense here are told in `unreadable`: one subscription must not stop all others. Throws CORRUPT_OBJECT when any other attribute is missing or makes no sense. */
export function subscriptionFromItem(sk: string, item: Item): FunctionSubscription {
  const mark = sk.indexOf('#');
  const group = sk.slice(mark + 1);
  const kept = {
    group,
    topic: text(item, 'topic'),
    topicId: sk.slice(0, mark),
    domain: text(item, 'domain'),
    version: Number(integer(item, 'version')),
    target: text(item, 'target'),
    retry: item.tier === undefined ? null : { of: text(item, 'retryOf'), tier: Number(integer(item, 'tier')) },
  };
  const options = text(item, 'options');
  try {
    return {
      ...kept,
      options: subscriptionOptions(JSON.parse(options), group),
      ...(item.replay !== undefined && { replay: parseReplay(text(item, 'replay')) }),
    };
  } catch (cause) {
    const unreadable = cause instanceof Error ? cause.message : String(cause);
    return { ...kept, options: { ...subscriptionOptions({}, group), enabled: false }, unreadable };
  }
}

/** For whoever would write it, or work by it. Throws CORRUPT_OBJECT when its options could not be read. */
export function checkReadable({ group, unreadable }: FunctionSubscription): void {
  if (unreadable === undefined) return;
  throw new MillraceError(
    'CORRUPT_OBJECT',
    `the stored options of subscription ${group} make no sense: ${unreadable}`,
    {
      value: group,
      hint: 'A newer Millrace may have written them: update this one. Otherwise delete the subscription, and make it again.',
    },
  );
}
