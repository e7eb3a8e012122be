/**
 * Stored items as every store sees them: named attributes of four kinds. DynamoDB keeps them as they are, the embedded store as bytes; because all
 * stores share this form, tests compare items across stores and every store counts the same units.
 */
import { MillraceError } from '../errors.ts';

/** DynamoDB's N (always an integer here), S, B, and L of B. */
export type Attribute = bigint | string | Uint8Array | readonly Uint8Array[];

/** The attributes of one item without its key. */
export type Item = Readonly<Record<string, Attribute>>;

/** Partition key and sort key of an item. */
export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/** A damaged item: which one and which attribute. */
function corruptAttribute(name: string, expected: string, value: unknown): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `attribute ${name} should be ${expected}`, {
    value,
    hint: 'The item was changed by something else than Millrace; restore it from a backup.',
  });
}

/** The integer attribute `name`; throws CORRUPT_OBJECT when it is absent or of another kind. */
export function integer(item: Item, name: string): bigint {
  const value = item[name];
  if (typeof value !== 'bigint') throw corruptAttribute(name, 'an integer', value);
  return value;
}

/** The text attribute `name`; throws CORRUPT_OBJECT when it is absent or of another kind. */
export function text(item: Item, name: string): string {
  const value = item[name];
  if (typeof value !== 'string') throw corruptAttribute(name, 'a text', value);
  return value;
}

/** The binary attribute `name`; throws CORRUPT_OBJECT when it is absent or of another kind. */
export function binary(item: Item, name: string): Uint8Array {
  const value = item[name];
  if (!(value instanceof Uint8Array)) throw corruptAttribute(name, 'binary', value);
  return value;
}

/** The attribute `name`, a list of binaries; throws CORRUPT_OBJECT when it is absent or of another kind. */
export function binaryList(item: Item, name: string): readonly Uint8Array[] {
  const value = item[name];
  if (!Array.isArray(value)) throw corruptAttribute(name, 'a list of binaries', value);
  return value;
}
