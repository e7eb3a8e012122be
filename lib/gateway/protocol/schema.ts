/**
 * The notation in which Kafka's messages are written down here: one table for all versions of an API, read by `field-plan.ts` and compiled by `compile-codec.ts`.
 *
 * A field is a text `type versions [#tag] [=default]`; the order of the fields is their order on the wire.
 *
 * | part | means |
 * |---|---|
 * | type | `bool`, `int8`, `int16`, `uint16`, `int32`, `uint32`, `int64`, `float64`, `string`, `uuid`, `bytes`, `records`; `[]type` for an array of them |
 * | type? | may be null in all its versions; `type?7+` from version 7 on |
 * | versions | `4+` to the last, `4-8`, `4` |
 * | #tag | a tagged field with this number, left out when it has its default |
 * | =default | what it is where it is absent; without one 0, false, empty |
 *
 * Structures are `struct('versions', fields)`, arrays of them `array('versions', fields)`; nullable ones begin with `?` or `?7+`.
 *
 * Source: the message definitions of Apache Kafka 4.3.1 (`clients/src/main/resources/common/message`), with which a test compares every line.
 */

/** A field of structures. */
export interface StructField<S extends string = string, F extends Fields = Fields> {
  readonly kind: 'struct' | 'array';
  readonly spec: S;
  readonly fields: F;
}

/** Fields by name, in their order on the wire. */
export interface Fields {
  readonly [name: string]: string | StructField;
}

/** An array of structures; see the module comment. */
export function array<const S extends string, const F extends Fields>(spec: S, fields: F) {
  return { kind: 'array', spec, fields } as const;
}

/** A structure; see the module comment. */
export function struct<const S extends string, const F extends Fields>(spec: S, fields: F) {
  return { kind: 'struct', spec, fields } as const;
}

/** One API of the protocol. */
export interface Api<Q extends Fields = Fields, R extends Fields = Fields> {
  readonly key: number;
  readonly name: string;
  /** Oldest and newest version. */
  readonly versions: readonly [number, number];
  /** First version with compact lengths and tagged fields; null: none has them. */
  readonly flexibleFrom: number | null;
  readonly request: Q;
  readonly response: R;
}

/** Writes an API down, so that its types can be told from it. */
export function defineApi<const Q extends Fields, const R extends Fields>(api: Api<Q, R>): Api<Q, R> {
  return api;
}

/** Record batches: one piece, or several that are sent one after another as they are. */
export type RecordsBytes = Uint8Array | readonly Uint8Array[];

interface ReadTypes {
  bool: boolean;
  int8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  int64: bigint;
  float64: number;
  string: string;
  uuid: string;
  bytes: Uint8Array;
  records: Uint8Array;
}

interface WriteTypes extends Omit<ReadTypes, 'records'> {
  records: RecordsBytes;
}

type TypeName<S extends string> = S extends `${infer T} ${string}` ? (T extends `${infer N}?${string}` ? N : T) : never;
type Null<S extends string> = S extends `${infer T} ${string}`
  ? T extends `${string}?${string}`
    ? null
    : never
  : never;
type Value<T extends string, Types> = T extends `[]${infer E}`
  ? readonly Value<E, Types>[]
  : T extends keyof Types
    ? Types[T]
    : never;

/** A message as it is read: all fields are there, with their default where the version does not have them. */
export type Read<F extends Fields> = { readonly [N in keyof F]: ReadField<F[N]> };

type ReadField<S> = S extends string
  ? Value<TypeName<S>, ReadTypes> | Null<S>
  : S extends StructField<infer P, infer F>
    ? (S['kind'] extends 'array' ? readonly Read<F>[] : Read<F>) | Null<P>
    : never;

/** A message as it is written: what is left out has its default. */
export type Written<F extends Fields> = { readonly [N in keyof F]?: WrittenField<F[N]> | undefined };

type WrittenField<S> = S extends string
  ? Value<TypeName<S>, WriteTypes> | Null<S>
  : S extends StructField<infer P, infer F>
    ? (S['kind'] extends 'array' ? readonly Written<F>[] : Written<F>) | Null<P>
    : never;

/** What a handler of an API is given. */
export type RequestOf<A extends Api> = Read<A['request']>;
/** What a handler of an API answers. */
export type ResponseOf<A extends Api> = Written<A['response']>;
