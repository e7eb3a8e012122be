/** Items as DynamoDB writes them, and back. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { MillraceError } from '../errors.ts';
import type { Attribute, Item, ItemKey } from '../log/item.ts';

/** DynamoDB's names of the key's parts. */
const KEY_NAMES = ['pk', 'sk'];
const INTEGER = /^-?\d+$/;

/** Attributes or expression values by name, as DynamoDB takes them. */
export type MarshalledItem = Record<string, AttributeValue>;

function marshalAttribute(value: Attribute): AttributeValue {
  if (typeof value === 'bigint') return { N: value.toString() };
  if (typeof value === 'string') return { S: value };
  if (value instanceof Uint8Array) return { B: value };
  return { L: value.map((element) => ({ B: element })) };
}

function corrupt(name: string, value: unknown): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `attribute ${name} is of a kind that Millrace never writes`, {
    value,
    hint: 'The item was changed by something else than Millrace; restore it from a backup.',
  });
}

function unmarshalAttribute(name: string, value: AttributeValue): Attribute {
  if (value.N !== undefined && INTEGER.test(value.N)) return BigInt(value.N);
  if (value.S !== undefined) return value.S;
  if (value.B !== undefined) return value.B;
  if (value.L === undefined) throw corrupt(name, value);
  return value.L.map((element) => {
    if (element.B === undefined) throw corrupt(name, element);
    return element.B;
  });
}

/** The attributes of an item, or the values of an expression by their placeholders. */
export function marshal(item: Item): MarshalledItem {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, marshalAttribute(value)]));
}

/** The key of an item. */
export function marshalKey({ pk, sk }: ItemKey): MarshalledItem {
  return marshal({ pk, sk });
}

/** The attributes that DynamoDB returned, without the key. Throws CORRUPT_OBJECT for a kind of attribute that Millrace never writes. */
export function unmarshal(item: MarshalledItem): Item {
  const own = Object.entries(item).filter(([name]) => !KEY_NAMES.includes(name));
  return Object.fromEntries(own.map(([name, value]) => [name, unmarshalAttribute(name, value)]));
}

/** The key in an item that DynamoDB returned. Throws CORRUPT_OBJECT when there is none. */
export function unmarshalKey(item: MarshalledItem): ItemKey {
  const [pk, sk] = [item.pk?.S, item.sk?.S];
  if (pk === undefined || sk === undefined) throw corrupt('pk or sk', item);
  return { pk, sk };
}
