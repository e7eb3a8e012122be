import { Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { MillraceError } from '../errors.ts';

/** A prop that cannot be: the synthesis ends with where it is, its value, and the way out. The code is INVALID_CONFIG. */
export function badProp(scope: IConstruct, prop: string, value: unknown, fix: string): MillraceError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new MillraceError('INVALID_CONFIG', `${scope.node.path}: ${prop} cannot be ${shown}. ${fix}`, {
    value,
    hint: fix,
  });
}

/** An integer from `least` to `most`; what is absent passes, what is known at deployment only does not: it could not be written into options. Throws INVALID_CONFIG. */
export function checkInteger(
  scope: IConstruct,
  prop: string,
  value: number | undefined,
  { least, most }: { readonly least: number; readonly most: number },
): void {
  if (value === undefined) return;
  if (Token.isUnresolved(value)) throw badProp(scope, prop, 'a token', 'Give a number that is known at synthesis.');
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw badProp(scope, prop, value, `Give an integer from ${least} to ${most}.`);
}
