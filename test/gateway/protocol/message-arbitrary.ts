/** Any message of any API and version, as random as its schema lets it be. */
import fc from 'fast-check';
import { type FieldPlan, fieldPlans, inRange, type ValueType } from '../../../lib/gateway/protocol/field-plan.ts';
import type { Api, Fields } from '../../../lib/gateway/protocol/schema.ts';
import { ZERO_UUID } from '../../../lib/gateway/protocol/wire-reader.ts';

/** A message without the types of one API. */
export type AnyMessage = Readonly<Record<string, unknown>>;

const integer = (bits: number, signed: boolean) =>
  signed
    ? fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
    : fc.integer({ min: 0, max: 2 ** bits - 1 });
const text = fc.oneof(fc.string({ maxLength: 8, unit: 'grapheme' }), fc.string({ minLength: 46, maxLength: 52 }));
/** Around the size from which bytes are no longer copied, too. */
const blob = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.integer({ min: 4_090, max: 4_100 }).map((length) => Buffer.alloc(length, length)) },
);

function element(type: ValueType, version: number): fc.Arbitrary<unknown> {
  if (type.kind === 'struct') return messageArbitrary(type.fields, version);
  switch (type.name) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return integer(8, true);
    case 'int16':
      return integer(16, true);
    case 'uint16':
      return integer(16, false);
    case 'int32':
      return integer(32, true);
    case 'uint32':
      return integer(32, false);
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'float64':
      return fc.double({ noNaN: true });
    case 'string':
      return text;
    case 'uuid':
      return fc.oneof(fc.uuid(), fc.constant(ZERO_UUID));
    case 'bytes':
    case 'records':
      return blob;
  }
}

/** What stands in a field that a version does not have. */
export function standardValue({ type, isArray, standard }: FieldPlan): unknown {
  if (standard === 'null') return null;
  if (isArray) return [];
  if (type.kind === 'struct') {
    return Object.fromEntries(fieldPlans(type.fields).map((plan) => [plan.name, standardValue(plan)]));
  }
  if (type.name === 'string') return standard ?? '';
  if (type.name === 'uuid') return ZERO_UUID;
  if (type.name === 'bytes' || type.name === 'records') return Buffer.alloc(0);
  if (type.name === 'bool') return standard === 'true';
  return type.name === 'int64' ? BigInt(standard ?? 0) : Number(standard ?? 0);
}

function field(plan: FieldPlan, version: number): fc.Arbitrary<unknown> {
  if (!inRange(version, plan.versions)) return fc.constant(standardValue(plan));
  const one = element(plan.type, version);
  const value = plan.isArray ? fc.array(one, { maxLength: 3 }) : one;
  const often = plan.tag === null ? value : fc.oneof(value, fc.constant(standardValue(plan)));
  return inRange(version, plan.nullable) ? fc.oneof({ weight: 4, arbitrary: often }, fc.constant(null)) : often;
}

/** All fields of a message, those that the version does not have at their defaults. */
export function messageArbitrary(fields: Fields, version: number): fc.Arbitrary<AnyMessage> {
  const model = Object.fromEntries(fieldPlans(fields).map((plan) => [plan.name, field(plan, version)]));
  return fc.record(model, { noNullPrototype: true });
}

/** A direction of an API in one version. */
export interface MessageCase {
  readonly api: Api;
  readonly version: number;
  readonly direction: 'request' | 'response';
  readonly name: string;
}

/** Both directions of all versions. */
export function messageCases(apis: readonly Api[]): readonly MessageCase[] {
  return apis.flatMap((api) => {
    const [oldest, newest] = api.versions;
    const versions = Array.from({ length: newest - oldest + 1 }, (_, index) => oldest + index);
    return versions.flatMap((version) =>
      (['request', 'response'] as const).map((direction) => {
        return { api, version, direction, name: `${api.name} ${direction} ${version}` };
      }),
    );
  });
}
