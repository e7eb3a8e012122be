/**
 * Whole messages: a request is `size i32 · header · body`, and so is the answer to it.
 *
 * | header | fields |
 * |---|---|
 * | of a request | api key i16 · api version i16 · correlation id i32 · client id nullable string · in flexible versions: tagged fields |
 * | of an answer | correlation id i32 · in flexible versions, but not of ApiVersions: tagged fields |
 *
 * Source: https://kafka.apache.org/protocol#protocol_messages, KIP-482; KIP-511 for why ApiVersions is answered without tagged fields.
 */
import { MillraceError } from '../../errors.ts';
import { type Codec, codecOf } from './codec.ts';
import type { WireForm } from './field-plan.ts';
import type { Api, Read, RequestOf, ResponseOf, Written } from './schema.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const API_VERSIONS_KEY = 18;
const SIZE_BYTES = 4;
const FIXED_HEADER_BYTES = 8;

/** What stands before the body of a request. */
export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

/** A version of an API. */
export interface Version<A extends Api = Api> {
  readonly api: A;
  readonly version: number;
}

function formOf({ api, version }: Version): WireForm {
  return { version, flexible: api.flexibleFrom !== null && version >= api.flexibleFrom };
}

/** Whether the version is one of the API's. */
export function hasVersion({ versions }: Api, version: number): boolean {
  return version >= versions[0] && version <= versions[1];
}

/** The codec of what is asked. */
export function requestCodec<A extends Api>(of: Version<A>): Codec<A['request']> {
  return codecOf(of.api.request, formOf(of));
}

/** The codec of what is answered. */
export function responseCodec<A extends Api>(of: Version<A>): Codec<A['response']> {
  return codecOf(of.api.response, formOf(of));
}

/** The part of a request's header that is the same in all versions of all APIs, of a frame without its size. Throws INVALID_REQUEST. */
export function readFixedHeader(reader: WireReader): Omit<RequestHeader, 'clientId'> {
  const at = reader.take(FIXED_HEADER_BYTES);
  return {
    apiKey: reader.view.getInt16(at),
    apiVersion: reader.view.getInt16(at + 2),
    correlationId: reader.view.getInt32(at + 4),
  };
}

/** What follows in the header: the client id. Throws INVALID_REQUEST. */
export function readClientId(reader: WireReader, of: Version): string | null {
  const clientId = reader.nullableString(reader.stringLength());
  if (formOf(of).flexible) skipTags(reader);
  return clientId;
}

function skipTags(reader: WireReader): void {
  for (let count = reader.uvarint(); count > 0; count--) {
    reader.uvarint();
    reader.skip(reader.uvarint());
  }
}

/** A request without its size, whole. Throws INVALID_REQUEST, also for an API or version that is unknown. */
export function decodeRequest<A extends Api>(
  api: A,
  frame: Uint8Array,
): { readonly header: RequestHeader; readonly body: RequestOf<A> } {
  const reader = new WireReader(frame);
  const fixed = readFixedHeader(reader);
  const of = { api, version: fixed.apiVersion };
  if (fixed.apiKey !== api.key || !hasVersion(api, fixed.apiVersion)) {
    throw new MillraceError('INVALID_REQUEST', `not a request ${api.name}: key ${fixed.apiKey}, version ${of.version}`);
  }
  const header = { ...fixed, clientId: readClientId(reader, of) };
  return { header, body: requestCodec(of).read(reader) as RequestOf<A> };
}

/** The pieces of an answer, its size first. */
export function encodeResponse<A extends Api>(
  of: Version<A>,
  correlationId: number,
  response: ResponseOf<A>,
): readonly Uint8Array[] {
  const writer = new WireWriter();
  const hasTags = of.api.key !== API_VERSIONS_KEY && formOf(of).flexible;
  const write = () => {
    writer.int32(correlationId);
    if (hasTags) writer.uvarint(0);
    responseCodec(of).write(writer, response as Written<A['response']>);
  };
  return framed(writer, write);
}

/** The pieces of a request, its size first. */
export function encodeRequest<A extends Api>(
  of: Version<A>,
  header: Pick<RequestHeader, 'correlationId' | 'clientId'>,
  body: Written<A['request']>,
): readonly Uint8Array[] {
  const writer = new WireWriter();
  return framed(writer, () => {
    writer.int16(of.api.key);
    writer.int16(of.version);
    writer.int32(header.correlationId);
    writer.string(header.clientId);
    if (formOf(of).flexible) writer.uvarint(0);
    requestCodec(of).write(writer, body);
  });
}

/** An answer without its size. Throws INVALID_REQUEST. */
export function decodeResponse<A extends Api>(
  of: Version<A>,
  frame: Uint8Array,
): { readonly correlationId: number; readonly body: Read<A['response']> } {
  const reader = new WireReader(frame);
  const correlationId = reader.view.getInt32(reader.take(4));
  if (of.api.key !== API_VERSIONS_KEY && formOf(of).flexible) skipTags(reader);
  return { correlationId, body: responseCodec(of).read(reader) as Read<A['response']> };
}

function framed(writer: WireWriter, write: () => void): readonly Uint8Array[] {
  const { view } = writer;
  const at = writer.reserve(SIZE_BYTES);
  write();
  view.setInt32(at, writer.byteCount - SIZE_BYTES);
  return writer.pieces();
}
