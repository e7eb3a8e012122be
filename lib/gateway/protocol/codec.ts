/** The codec of a message in one version, compiled from its schema when it is first needed. */
import { ReaderSource } from './compile-reader.ts';
import { WriterSource } from './compile-writer.ts';
import type { WireForm } from './field-plan.ts';
import type { Fields, Read, Written } from './schema.ts';
import { type WireReader, ZERO_UUID } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** Reads and writes one message in one version. */
export interface Codec<F extends Fields> {
  /** Throws INVALID_REQUEST, and nothing else, whatever the bytes are. */
  read(reader: WireReader): Read<F>;
  write(writer: WireWriter, message: Written<F>): void;
}

const EMPTY = new Uint8Array(0);

/** By schema, then by version. */
const codecs = new WeakMap<Fields, Codec<Fields>[]>();

/** The source comes from the tables in `messages/` alone, never from what was received. */
function compile(source: string): unknown {
  return new Function('WireWriter', 'ZERO_UUID', 'EMPTY', `'use strict';\n${source}`)(WireWriter, ZERO_UUID, EMPTY);
}

/** The codec for `fields` in a version. */
export function codecOf<F extends Fields>(fields: F, form: WireForm): Codec<F> {
  const versions = codecs.get(fields) ?? [];
  codecs.set(fields, versions);
  versions[form.version] ??= {
    read: compile(new ReaderSource(form).of(fields)) as Codec<Fields>['read'],
    write: compile(new WriterSource(form).of(fields)) as Codec<Fields>['write'],
  };
  return versions[form.version] as unknown as Codec<F>;
}
