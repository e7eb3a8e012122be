import { MillraceError } from '../errors.ts';
import { parseTopicName } from '../log/topic-name.ts';
import { deadLetterTopicOf } from './failure-destination.ts';
import { redriveTopic, retryTopic } from './retry-topics.ts';
import type { SubscriptionOptions } from './subscription-options.ts';

/** Where a subscription begins: the oldest record, behind the newest as it is when the subscription is made, the first record at or after a time, or an offset (the same in each partition). */
export type StartingPosition =
  | 'TRIM_HORIZON'
  | 'LATEST'
  | { readonly timestampMs: bigint | number }
  | { readonly offset: bigint };

/** How a subscription is to be. */
export interface CreateSubscriptionRequest {
  /** Its name, and that of its consumer group and of the topics that belong to it: 1 to 200 of `a-zA-Z0-9._-`. */
  readonly name: string;
  readonly topic: string;
  /** The function: its name or ARN. */
  readonly target: string;
  /** Default TRIM_HORIZON: nothing is missed. */
  readonly startingPosition?: StartingPosition;
  /** Default: see `SubscriptionOptions`. */
  readonly options?: Partial<SubscriptionOptions>;
}

const MAX_NAME_CHARACTERS = 200;
const MAX_TARGET_CHARACTERS = 400;

/** Checks the name of a subscription. Throws INVALID_REQUEST. */
export function parseSubscriptionName(name: string): string {
  try {
    parseTopicName(name);
  } catch (cause) {
    throw badName(name, cause);
  }
  if (name.length > MAX_NAME_CHARACTERS) throw badName(name);
  return name;
}

function badName(name: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'INVALID_REQUEST',
    `${JSON.stringify(String(name).slice(0, 80))} cannot be the name of a subscription`,
    {
      value: name,
      hint: `Use 1 to ${MAX_NAME_CHARACTERS} of the characters a-z, A-Z, 0-9, ".", "_" and "-", but not "." or "..".`,
      cause,
    },
  );
}

/** Checks the target. Throws INVALID_REQUEST. */
export function parseTarget(target: string): string {
  const isTarget = typeof target === 'string' && target.length > 0 && target.length <= MAX_TARGET_CHARACTERS;
  if (isTarget && target.trim() === target) return target;
  throw new MillraceError('INVALID_REQUEST', `${JSON.stringify(target)} cannot be the target of a subscription`, {
    value: target,
    hint: 'Give the name or the ARN of a function.',
  });
}

/** Records that are given up must not come back to where they were given up. Throws INVALID_CONFIG. */
export function checkNoLoop(topic: string, group: string, { onFailure, retryDelaysMs }: SubscriptionOptions): void {
  const deadLetters = deadLetterTopicOf(onFailure, group);
  const tiers = [redriveTopic(group), ...retryDelaysMs.map((_, index) => retryTopic(group, index + 1))];
  const isLoop = (name: string) => name === topic || tiers.includes(name);
  if (deadLetters !== null && isLoop(deadLetters)) {
    throw new MillraceError('INVALID_CONFIG', `records that fail would come back to topic ${deadLetters} for ever`, {
      value: onFailure,
      hint: 'Give another topic as onFailure.',
    });
  }
  if (!tiers.includes(topic)) return;
  throw new MillraceError(
    'INVALID_CONFIG',
    `topic ${topic} belongs to what failed in the subscription that would read it`,
    {
      value: topic,
      hint: 'Choose another name for the subscription.',
    },
  );
}
