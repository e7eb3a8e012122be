/** From the notation of `schema.ts` to what the compiler needs to know of a field: pure. */
import { MillraceError } from '../../errors.ts';
import type { Fields, StructField } from './schema.ts';

/** Primitive types of the wire, with their bytes where those are fixed. */
const FIXED_BYTES = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
} as const;

/** A type of fixed size. */
export type FixedType = keyof typeof FIXED_BYTES;
/** A type that carries its length. */
export type SizedType = 'string' | 'bytes' | 'records';

/** A value of fixed size. */
export interface FixedValue {
  readonly kind: 'fixed';
  readonly name: FixedType;
  readonly bytes: number;
}

/** What a value is made of. */
export type ValueType =
  | FixedValue
  | { readonly kind: 'sized'; readonly name: SizedType }
  | { readonly kind: 'struct'; readonly fields: Fields };

/** A field, taken apart. */
export interface FieldPlan {
  readonly name: string;
  readonly type: ValueType;
  readonly isArray: boolean;
  readonly versions: readonly [number, number];
  /** Versions in which it may be null. */
  readonly nullable: readonly [number, number] | null;
  readonly tag: number | null;
  /** As it was written down; null when it was not. */
  readonly standard: string | null;
}

const NULLABLE = /^([^?]*)\?(.*)$/;

function versionsOf(text: string): readonly [number, number] {
  const [from, to] = text.split('-');
  if (text.endsWith('+')) return [Number.parseInt(text, 10), Number.POSITIVE_INFINITY];
  return [Number(from), Number(to ?? from)];
}

function valueType(name: string): ValueType {
  if (name === 'string' || name === 'bytes' || name === 'records') return { kind: 'sized', name };
  if (Object.hasOwn(FIXED_BYTES, name)) {
    return { kind: 'fixed', name: name as FixedType, bytes: FIXED_BYTES[name as FixedType] };
  }
  throw new MillraceError('UNSUPPORTED_FORMAT', `Kafka's protocol has no type ${name}`, { value: name });
}

function planOf(name: string, field: string | StructField): FieldPlan {
  const words = (typeof field === 'string' ? field : field.spec).split(' ');
  const isStruct = typeof field !== 'string';
  const first = isStruct && !words[0]!.startsWith('?') ? '' : words.shift()!;
  const [, typeName = first, nullableFrom] = NULLABLE.exec(first) ?? [];
  const versions = versionsOf(words.shift()!);
  const tag = words.find((word) => word.startsWith('#'));
  const standard = words.find((word) => word.startsWith('='));
  const isArray = isStruct ? field.kind === 'array' : typeName.startsWith('[]');
  return {
    name,
    type: isStruct ? { kind: 'struct', fields: field.fields } : valueType(isArray ? typeName.slice(2) : typeName),
    isArray,
    versions,
    nullable: nullableFrom === undefined ? null : nullableFrom === '' ? versions : versionsOf(nullableFrom),
    tag: tag === undefined ? null : Number(tag.slice(1)),
    standard: standard === undefined ? null : standard.slice(1),
  };
}

/** Takes the fields of a message or structure apart. */
export function fieldPlans(fields: Fields): readonly FieldPlan[] {
  return Object.entries(fields).map(([name, field]) => planOf(name, field));
}

/** Whether a version lies in a range. */
export function inRange(version: number, range: readonly [number, number] | null): boolean {
  return range !== null && version >= range[0] && version <= range[1];
}

/** Fewest bytes that a value of a field takes: what bounds how many there can be. */
function fewestBytes({ type, isArray, versions, nullable }: FieldPlan, form: WireForm): number {
  if (isArray) return form.flexible ? 1 : 4;
  if (type.kind === 'struct' && nullable !== null && inRange(form.version, versions)) return 1;
  return fewestElementBytes(type, form);
}

/** Fewest bytes that an element of an array takes, at least 1. */
export function fewestElementBytes(type: ValueType, form: WireForm): number {
  if (type.kind === 'fixed') return type.bytes;
  if (type.kind === 'sized') return form.flexible ? 1 : type.name === 'string' ? 2 : 4;
  const bytes = untaggedPlans(type.fields, form).map((plan) => fewestBytes(plan, form));
  return Math.max(
    1,
    bytes.reduce((sum, one) => sum + one, form.flexible ? 1 : 0),
  );
}

/** A version and whether it is a flexible one. */
export interface WireForm {
  readonly version: number;
  readonly flexible: boolean;
}

/** The fields that a version has at their fixed place. */
export function untaggedPlans(fields: Fields, { version }: WireForm): readonly FieldPlan[] {
  return fieldPlans(fields).filter(({ tag, versions }) => tag === null && inRange(version, versions));
}

/** The tagged fields that a version has, by their numbers. */
export function taggedPlans(fields: Fields, { version }: WireForm): readonly FieldPlan[] {
  const tagged = fieldPlans(fields).filter(({ tag, versions }) => tag !== null && inRange(version, versions));
  return tagged.toSorted((one, other) => one.tag! - other.tag!);
}

/** The default of a field as an expression of JavaScript. */
export function defaultExpression({ type, isArray, standard }: FieldPlan): string {
  if (standard === 'null') return 'null';
  if (isArray) return '[]';
  if (type.kind === 'struct') {
    return `{ ${fieldPlans(type.fields)
      .map((plan) => `${plan.name}: ${defaultExpression(plan)}`)
      .join(', ')} }`;
  }
  switch (type.name) {
    case 'string':
      return JSON.stringify(standard ?? '');
    case 'uuid':
      return 'ZERO_UUID';
    case 'bytes':
    case 'records':
      return 'EMPTY';
    case 'bool':
      return standard ?? 'false';
    case 'int64':
      return `${standard ?? 0}n`;
    default:
      return standard ?? '0';
  }
}
