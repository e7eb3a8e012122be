import { Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { badProp } from './bad-prop.ts';
import { logIdentity } from './log-identity.ts';
import type { IMillrace } from './millrace.ts';

/** Names of logs by the app that uses them, each with who took it: two that keep one topic or subscription would take it from each other with each deployment. */
const taken = new WeakMap<IConstruct, Map<string, IConstruct>>();

/** Takes a name of a log for a construct. Throws INVALID_CONFIG when another one of this app has it. */
export function takeName(
  scope: IConstruct,
  {
    log,
    prop,
    name,
  }: { readonly log: IMillrace; readonly prop: 'topicName' | 'subscriptionName'; readonly name: string },
): void {
  if (Token.isUnresolved(name)) return;
  const { root } = scope.node;
  const names = taken.get(root) ?? new Map<string, IConstruct>();
  taken.set(root, names);
  const key = `${prop} ${name} ${logIdentity(log)}`;
  const other = names.get(key);
  if (other !== undefined) {
    throw badProp(scope, prop, name, `${other.node.path} has it in this log: give another name, or use that one.`);
  }
  names.set(key, scope);
}
