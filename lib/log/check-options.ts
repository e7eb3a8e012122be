/** Options against a schema, so that a typing error is told and not ignored. */
import { MillraceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';

/** What one option may be. */
export type OptionRule =
  | { readonly oneOf: readonly (string | number | boolean)[] }
  | { readonly integerFrom: number; readonly to: number }
  | { readonly numberAbove: number }
  | { readonly function: true }
  /** An object that has this method. */
  | { readonly method: string }
  /** Somebody else knows what it may be. */
  | { readonly checkedElsewhere: true };

/** A rule for each option. */
export type OptionSchema<Options> = { readonly [Name in keyof Required<Options>]: OptionRule };

/** The options that are set. Throws INVALID_CONFIG for an unknown option, naming the nearest known one, and for a bad value. */
export function checkOptions<Options extends object>(
  what: string,
  options: Options,
  schema: OptionSchema<Options>,
): Options {
  if (typeof options !== 'object' || options === null) {
    throw new MillraceError('INVALID_CONFIG', `the options of a ${what} are no object`, {
      value: options,
      hint: 'Give an object, or leave it out.',
    });
  }
  const rules = schema as Readonly<Record<string, OptionRule>>;
  const set = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of set) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw unknownOption(what, name, Object.keys(rules));
    if (!isAllowed(rule, value)) throw badValue(what, name, value, rule);
  }
  return Object.fromEntries(set) as Options;
}

function isAllowed(rule: OptionRule, value: unknown): boolean {
  if ('checkedElsewhere' in rule) return true;
  if ('function' in rule) return typeof value === 'function';
  if ('method' in rule) return typeof (value as Record<string, unknown> | null)?.[rule.method] === 'function';
  if ('oneOf' in rule) return rule.oneOf.some((allowed) => allowed === value);
  if (typeof value !== 'number') return false;
  if ('numberAbove' in rule) return value > rule.numberAbove;
  return Number.isInteger(value) && value >= rule.integerFrom && value <= rule.to;
}

function unknownOption(what: string, name: string, known: readonly string[]): MillraceError {
  const nearest = nearestName(name, known);
  const guess = nearest === undefined ? '' : `Did you mean ${nearest}? `;
  return new MillraceError('INVALID_CONFIG', `a ${what} has no option ${name.slice(0, 64)}`, {
    value: name,
    hint: `${guess}Options: ${known.join(', ')}.`,
  });
}

function badValue(what: string, name: string, value: unknown, rule: OptionRule): MillraceError {
  return new MillraceError('INVALID_CONFIG', `the option ${name} of a ${what} cannot be ${shown(value)}`, {
    value,
    hint: `Give ${allowedText(rule)}.`,
  });
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 64)}'` : String(value).slice(0, 64);
}

function allowedText(rule: OptionRule): string {
  if ('oneOf' in rule) return `one of ${rule.oneOf.map(shown).join(', ')}`;
  if ('function' in rule || 'checkedElsewhere' in rule) return 'a function';
  if ('method' in rule) return `an object with a method ${rule.method}`;
  if ('numberAbove' in rule) return `a number above ${rule.numberAbove}`;
  return `an integer from ${rule.integerFrom} to ${rule.to}`;
}
