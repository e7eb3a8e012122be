/** A case of bad input, and what cases are made of. */
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import type { WireClient } from '../gateway/wire-client.ts';

/** A server that is asked, with topics `plain` (one partition, one record), `keyed` (compacted) and `small` (batches of at most 500 bytes). */
export interface AskedServer {
  client(): WireClient;
  /** Of `plain`. */
  readonly topicId: string;
}

/** One thing that is sent, by itself or after what makes it bad. */
export interface BadInput {
  readonly name: string;
  /** What was answered, in words; the state of the connection is found out by whoever asks. */
  ask(client: WireClient, server: AskedServer): Promise<string>;
}

const NAMES = new Map<number, string>(Object.entries(errorCodes).map(([name, code]) => [code, name]));
/** The name of an error. */
export const named = (code: number | undefined) => NAMES.get(code ?? 0) ?? String(code);
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Bytes, and whether anything came back: the error code of what came. */
export function bytes(name: string, text: string): BadInput {
  return {
    name,
    async ask(client) {
      client.write(hex(text));
      const frame = await client.nextFrame();
      return frame === null ? 'no answer' : `answered ${frame.toString('hex').slice(8, 12)}`;
    },
  };
}

/** Tells one request, and what it was answered. */
export function told(
  name: string,
  ask: (client: WireClient, server: AskedServer) => Promise<number | undefined>,
): BadInput {
  return { name, ask: async (client, server) => named(await ask(client, server)) };
}
