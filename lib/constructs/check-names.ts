import { Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { badProp } from './bad-prop.ts';

const NAME = /^[a-zA-Z0-9._-]+$/;
const DOMAIN = /^[a-z0-9-]{1,64}$/;
/** Topics of its own, such as `NAME.retry-1`, are named by a subscription. */
const SUBSCRIPTION_CHARACTERS = 200;

function checkName(scope: IConstruct, prop: string, name: string, most: number): void {
  if (Token.isUnresolved(name)) return;
  if (NAME.test(name) && name !== '.' && name !== '..' && name.length <= most) return;
  const fix = `Use 1 to ${most} of the characters a-z, A-Z, 0-9, ".", "_" and "-", but not "." or "..".`;
  throw badProp(scope, prop, name, fix);
}

/** Checks the name of a topic as the log does. Throws INVALID_CONFIG. */
export function checkTopicName(scope: IConstruct, name: string): void {
  checkName(scope, 'topicName', name, limits.topicNameLength);
}

/** Checks the name of a subscription as the log does. Throws INVALID_CONFIG. */
export function checkSubscriptionName(scope: IConstruct, name: string): void {
  // It stands in conditions of policies.
  if (Token.isUnresolved(name)) {
    throw badProp(scope, 'subscriptionName', 'a token', 'Give a name that is known at synthesis.');
  }
  checkName(scope, 'subscriptionName', name, SUBSCRIPTION_CHARACTERS);
}

/** Checks the name of an isolation domain as the log does. Throws INVALID_CONFIG. */
export function checkDomain(scope: IConstruct, domain: string): void {
  if (Token.isUnresolved(domain) || DOMAIN.test(domain)) return;
  throw badProp(scope, 'isolation', domain, 'Use 1 to 64 of the characters a-z, 0-9 and "-".');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Checks the name of a group as the log does; a token is refused where it would be written into a condition. Throws INVALID_CONFIG. */
export function checkGroupName(name: string): void {
  if (Token.isUnresolved(name)) return;
  const isName = name !== '' && name.length <= limits.groupNameLength && !CONTROL.test(name) && name.isWellFormed();
  if (isName) return;
  const fix = `Use 1 to ${limits.groupNameLength} characters, none of them a control character.`;
  throw new MillraceError('INVALID_CONFIG', `groupName cannot be ${JSON.stringify(name)}. ${fix}`, {
    value: name,
    hint: fix,
  });
}
