/** What a command line talks to. */
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** Streams and environment of a run. */
export interface CliIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Writes and waits while the other side is slower than this one. */
export async function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  if (!stream.write(chunk)) await once(stream, 'drain');
}

/** JSON on one line: offsets as numbers while they are exact in JSON's readers, else as text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? bigintToJson(field) : field));
}

function bigintToJson(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}
