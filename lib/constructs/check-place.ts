import { type IResource, Stack, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { badProp } from './bad-prop.ts';

/** A construct that another one is made of; none, where it is made later than the one that wants it. Throws INVALID_CONFIG. */
export function checkGiven(scope: IConstruct, prop: string, used: object | undefined): void {
  if (used === undefined) throw badProp(scope, prop, used, 'Give the construct: it has to be made before this one.');
}

/** A log is used from the account and the region that it is in: elsewhere its provider cannot be reached, and a function would look for its bucket and tables in the wrong place. Throws INVALID_CONFIG. */
export function checkPlace(scope: IConstruct, prop: string, used: IResource): void {
  checkGiven(scope, prop, used);
  const stack = Stack.of(scope);
  for (const part of ['account', 'region'] as const) {
    const [here, there] = [stack[part], used.env[part]];
    if (Token.isUnresolved(here) || Token.isUnresolved(there) || here === there) continue;
    const fix = `It is used in ${here}: deploy a log there, or this stack where the log is.`;
    throw badProp(scope, `${prop} (${used.node.path})`, `in ${part} ${there}`, fix);
  }
}
