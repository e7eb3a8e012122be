import { type IResource, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { badProp } from './bad-prop.ts';

/** A log is used from the account and the region that it is in: elsewhere its provider cannot be reached, and a function would look for its bucket and tables in the wrong place. Throws INVALID_CONFIG. */
export function checkPlace(scope: Construct, prop: string, used: IResource): void {
  const stack = Stack.of(scope);
  for (const part of ['account', 'region'] as const) {
    const [here, there] = [stack[part], used.env[part]];
    if (Token.isUnresolved(here) || Token.isUnresolved(there) || here === there) continue;
    const fix = `It is used in ${here}: deploy a log there, or this stack where the log is.`;
    throw badProp(scope, `${prop} (${used.node.path})`, `in ${part} ${there}`, fix);
  }
}
