/**
 * Event patterns in the grammar of EventBridge, which Lambda's filter criteria use too: which JSON documents match.
 *
 * Fields of a pattern must all match, of the values in an array one; `$or` takes alternatives. A field that is an array in the document matches if one of its elements does; of an array of objects, one and the same object has to match
 * all of a nested pattern. Source: "Comparison operators for use in event patterns in Amazon EventBridge" in its user guide; compared with AWS's own implementation, `software.amazon.event.ruler`, in
 * `test/clients`.
 */
import { badPattern } from './bad-pattern.ts';
import { compileRule, type ValueRule } from './value-rule.ts';

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

type Alternatives = readonly PatternFields[];
type FieldPattern =
  | { readonly kind: 'rules'; readonly rules: readonly ValueRule[] }
  | { readonly kind: 'fields'; readonly fields: PatternFields };

interface PatternFields {
  readonly fields: ReadonlyMap<string, FieldPattern>;
  /** Of each of these, one alternative must match. */
  readonly either: readonly Alternatives[];
}

/** A pattern that was checked. */
export type EventPattern = PatternFields;

const MAX_DEPTH = 100;

/** Checks a pattern. Throws INVALID_CONFIG, which names the place. */
export function compilePattern(pattern: unknown): EventPattern {
  return compileFields(pattern, []);
}

function compileFields(pattern: unknown, path: readonly string[]): PatternFields {
  if (!isObject(pattern)) throw badPattern(path, 'a pattern is an object of fields');
  if (path.length > MAX_DEPTH) throw badPattern(path.slice(0, 3), `it is nested deeper than ${MAX_DEPTH}`);
  const names = Object.keys(pattern);
  if (names.length === 0) throw badPattern(path, 'an empty object matches nothing');
  const fields = new Map<string, FieldPattern>();
  const either: Alternatives[] = [];
  for (const name of names) {
    const value = pattern[name];
    const here = [...path, name];
    if (name === '$or' && isAlternatives(value)) {
      either.push(value.map((one, index) => compileFields(one, [...here, `${index}`])));
    } else if (Array.isArray(value)) {
      if (value.length === 0) throw badPattern(here, 'an empty array matches nothing');
      fields.set(name, { kind: 'rules', rules: value.map((rule) => compileRule(rule, here)) });
    } else if (isObject(value)) fields.set(name, { kind: 'fields', fields: compileFields(value, here) });
    else throw badPattern(here, 'the value of a field is an array of rules, or an object');
  }
  return { fields, either };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `$or` is an operator where it has at least two alternatives, and otherwise the name of a field. */
function isAlternatives(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length >= 2 && value.every(isObject);
}

/** Whether a document matches a pattern. */
export function matchesPattern(pattern: EventPattern, document: Json | undefined): boolean {
  for (const [name, field] of pattern.fields) if (!matchesField(field, fieldOf(document, name))) return false;
  return pattern.either.every((alternatives) => alternatives.some((one) => matchesPattern(one, document)));
}

function fieldOf(document: Json | undefined, name: string): Json | undefined {
  if (!isObject(document)) return undefined;
  return Object.hasOwn(document, name) ? (document[name] as Json) : undefined;
}

function matchesField(field: FieldPattern, value: Json | undefined): boolean {
  if (field.kind === 'rules') {
    const leaves = leavesOf(value);
    return field.rules.some((rule) =>
      rule.kind === 'exists' ? leaves.length > 0 === rule.exists : leaves.some((leaf) => rule.matches(leaf)),
    );
  }
  if (!Array.isArray(value)) return matchesPattern(field.fields, value);
  const objects = objectsOf(value);
  return objects.length === 0
    ? matchesPattern(field.fields, undefined)
    : objects.some((one) => matchesPattern(field.fields, one));
}

/** What a nested pattern can look at: the objects in an array, or in arrays in it. */
function objectsOf(values: readonly Json[]): readonly Json[] {
  return values.flatMap((value) => (Array.isArray(value) ? objectsOf(value) : isObject(value) ? [value] : []));
}

/** What a rule can look at: the value, or the values in an array, or in arrays in it. Objects have none of their own. */
function leavesOf(value: Json | undefined): readonly (null | boolean | number | string)[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  return isObject(value) ? [] : [value as null | boolean | number | string];
}
