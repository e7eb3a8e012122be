import { Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { badProp } from './bad-prop.ts';

/** Names by the log that has them, each with who took it: two that keep one topic or subscription would take it from each other with each deployment. */
const taken = new WeakMap<object, Map<string, IConstruct>>();

/** Takes a name of a log for a construct. Throws INVALID_CONFIG when another one of this app has it. */
export function takeName(
  scope: IConstruct,
  { log, prop, name }: { readonly log: object; readonly prop: 'topicName' | 'subscriptionName'; readonly name: string },
): void {
  if (Token.isUnresolved(name)) return;
  const names = taken.get(log) ?? new Map<string, IConstruct>();
  taken.set(log, names);
  const other = names.get(`${prop} ${name}`);
  if (other !== undefined) {
    throw badProp(scope, prop, name, `${other.node.path} has it in this log: give another name, or use that one.`);
  }
  names.set(`${prop} ${name}`, scope);
}
