/** Checks of single values: what is known at deployment only cannot be checked, nor written into options as it would have to be. */
import { type Duration, RemovalPolicy, type Size, SizeRoundingBehavior, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { MillraceError } from '../errors.ts';
import { badProp, checkInteger } from './bad-prop.ts';

/** A duration of whole milliseconds; what is absent passes. Throws INVALID_CONFIG. */
export function checkDuration(
  scope: IConstruct,
  prop: string,
  value: Duration | undefined,
  { leastMs, mostMs }: { readonly leastMs: number; readonly mostMs: number },
): void {
  if (value === undefined) return;
  if (value.isUnresolved()) throw badProp(scope, prop, 'a token', 'Give a duration that is known at synthesis.');
  const ms = value.toMilliseconds({ integral: false });
  if (Number.isInteger(ms) && ms >= leastMs && ms <= mostMs) return;
  throw badProp(scope, prop, `${ms} ms`, `Give ${leastMs} to ${mostMs} milliseconds, by Duration.seconds(…).`);
}

/** A size of whole bytes; what is absent passes. Throws INVALID_CONFIG. */
export function checkSize(scope: IConstruct, prop: string, value: Size | undefined, mostBytes: number): void {
  if (value === undefined) return;
  if (value.isUnresolved()) throw badProp(scope, prop, 'a token', 'Give a size that is known at synthesis.');
  const bytes = value.toBytes({ rounding: SizeRoundingBehavior.NONE });
  checkInteger(scope, prop, bytes, { least: 0, most: mostBytes });
}

/** A text that is not empty and looks as it has to, unless it is a token. Throws INVALID_CONFIG. */
export function checkText(
  scope: IConstruct,
  prop: string,
  value: string,
  { form, fix }: { readonly form: RegExp; readonly fix: string },
): void {
  if (Token.isUnresolved(value) || (typeof value === 'string' && form.test(value))) return;
  throw badProp(scope, prop, value, fix);
}

/** What becomes of data that is taken out of a stack. Throws INVALID_CONFIG. */
export function checkRemoval(scope: IConstruct, removalPolicy: RemovalPolicy | undefined): void {
  if (removalPolicy !== RemovalPolicy.SNAPSHOT) return;
  throw badProp(scope, 'removalPolicy', removalPolicy, 'There is no snapshot to take: give RETAIN or DESTROY.');
}

/** What the log itself would say of a prop. Throws INVALID_CONFIG, with the hint of the log as the fix; `isWhyTold`: and what it says of the value. */
export function checkAsTheLog(
  scope: IConstruct,
  prop: string,
  value: unknown,
  check: () => unknown,
  isWhyTold = false,
): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const { message, hint = message } = error;
    throw badProp(scope, prop, value, isWhyTold ? `${message}. ${hint}` : hint);
  }
}
