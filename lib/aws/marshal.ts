/** Between items of the domain and DynamoDB's attribute values, and the one place where attribute names get their aliases. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { MillraceError } from '../errors.ts';
import type { Attribute, Item, ItemKey } from '../log/item.ts';

/** One attribute as DynamoDB takes it: N, S, B, or L of B. */
export function toAttributeValue(value: Attribute): AttributeValue {
  if (typeof value === 'bigint') return { N: value.toString() };
  if (typeof value === 'string') return { S: value };
  if (value instanceof Uint8Array) return { B: value };
  return { L: value.map((element) => ({ B: element })) };
}

/** One attribute as the domain takes it. Throws CORRUPT_OBJECT for a kind that Millrace never writes. */
export function fromAttributeValue(name: string, value: AttributeValue): Attribute {
  if (value.N !== undefined) return BigInt(value.N);
  if (value.S !== undefined) return value.S;
  if (value.B !== undefined) return value.B;
  if (value.L !== undefined) return value.L.map((element) => binaryElement(name, element));
  throw strange(name, value);
}

function binaryElement(name: string, element: AttributeValue): Uint8Array {
  if (element.B !== undefined) return element.B;
  throw strange(name, element);
}

function strange(name: string, value: AttributeValue): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `attribute ${name} is of a kind that Millrace does not write`, {
    value: Object.keys(value),
    hint: 'The item was changed by something else than Millrace; restore it from a backup.',
  });
}

/** A key as DynamoDB takes it. */
export function toKey({ pk, sk }: ItemKey): Record<string, AttributeValue> {
  return { pk: { S: pk }, sk: { S: sk } };
}

/** An item without its key. */
export function fromAttributes(attributes: Record<string, AttributeValue>): Item {
  const fields = Object.entries(attributes).filter(([name]) => name !== 'pk' && name !== 'sk');
  return Object.fromEntries(fields.map(([name, value]) => [name, fromAttributeValue(name, value)]));
}

/** A whole item with its key. */
export function toAttributes(key: ItemKey, item: Item): Record<string, AttributeValue> {
  const fields = Object.entries(item).map(([name, value]) => [name, toAttributeValue(value)] as const);
  return { ...toKey(key), ...Object.fromEntries(fields) };
}

/** Values of an expression, by their placeholders. */
export function expressionValues(values: Readonly<Record<`:${string}`, Attribute>>): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toAttributeValue(value)]));
}

/**
 * Names of expressions: every `#name` in them stands for the attribute `name`. All attributes are written so, because `next`, `start`, `end`, `count`, `level`,
 * `state` and many more are reserved words of DynamoDB.
 */
export function expressionNames(...expressions: readonly string[]): Record<string, string> {
  const names = expressions.join(' ').match(/#\w+/g) ?? [];
  return Object.fromEntries(names.map((alias) => [alias, alias.slice(1)]));
}
