import { Reference, Stack, Token, Tokenization } from 'aws-cdk-lib';
import type { IMillrace } from './millrace.ts';

/** What tells a log from the others of an app, however often it was imported: its provider. */
export function logIdentity(log: IMillrace): string {
  const { providerArn } = log;
  if (!Token.isUnresolved(providerArn)) return providerArn;
  const token = Tokenization.reverse(providerArn, { failConcat: false });
  if (Reference.isReference(token)) return token.target.node.addr;
  // The output of another stack, say: equal where one stack asks for it twice.
  const stack = Stack.of(log);
  return `${stack.node.addr} ${JSON.stringify(stack.resolve(providerArn))}`;
}

/** Whether two constructs of an app stand for one log. */
export function isSameLog(one: IMillrace, other: IMillrace): boolean {
  return one === other || logIdentity(one) === logIdentity(other);
}
