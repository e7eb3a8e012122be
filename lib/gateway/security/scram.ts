/**
 * The server's side of SCRAM: the client proves that it knows the password, and neither sends it nor could anybody who listens use what is sent. Source: RFC 5802, RFC 7677; KIP-84 for its use in Kafka.
 */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';

/** By Kafka's names of mechanisms. */
const HASHES = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;

/** A mechanism. */
export type ScramMechanism = keyof typeof HASHES;

/** What a server keeps of a password for one mechanism. */
export interface ScramKeys {
  readonly mechanism: ScramMechanism;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** Kafka's least, and its clients refuse fewer. */
const ITERATIONS = 4096;
const HASH_BYTES = { sha256: 32, sha512: 64 } as const;

const hmac = (hash: string, key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest();

/** Derives what is kept of a password; some milliseconds of work. */
export function scramKeys(mechanism: ScramMechanism, password: string, salt: Uint8Array): ScramKeys {
  const hash = HASHES[mechanism];
  const salted = pbkdf2Sync(password, salt, ITERATIONS, HASH_BYTES[hash], hash);
  const storedKey = createHash(hash)
    .update(hmac(hash, salted, 'Client Key'))
    .digest();
  return { mechanism, salt, iterations: ITERATIONS, storedKey, serverKey: hmac(hash, salted, 'Server Key') };
}

/** What a client begins with. */
export interface ScramFirst {
  readonly user: string;
  readonly clientNonce: string;
  /** As it is repeated in the last message, in base64. */
  readonly channelBinding: string;
  readonly bare: string;
}

/** `n,,n=user,r=nonce`; null for what is none, or asks for what Kafka does not have: channel binding, acting for another. */
export function parseScramFirst(message: string): ScramFirst | null {
  const match = /^([ny],(?:a=([^,]*))?,)(n=((?:[^,=]|=2C|=3D)+),r=([!-+\--~]+)(?:,.*)?)$/.exec(message);
  if (match === null) return null;
  const [, header = '', authorizationId, bare = '', encoded = '', clientNonce = ''] = match;
  const user = encoded.replaceAll('=2C', ',').replaceAll('=3D', '=');
  if (authorizationId !== undefined && authorizationId !== encoded) return null;
  return { user, clientNonce, channelBinding: Buffer.from(header).toString('base64'), bare };
}

/** What the server answers: its salt, and the nonce that only this exchange has. */
export function scramServerFirst({ salt, iterations }: ScramKeys, nonce: string): string {
  return `r=${nonce},s=${Buffer.from(salt).toString('base64')},i=${iterations}`;
}

/** Compares the proof of the client's last message; the answer that proves the server in turn, or null when the proof is none. */
export function finishScram(keys: ScramKeys, first: ScramFirst, serverFirst: string, message: string): string | null {
  const match = /^(c=([^,]*),r=([^,]*)(?:,.*)?),p=([A-Za-z0-9+/=]+)$/.exec(message);
  if (match === null) return null;
  const [, withoutProof = '', channelBinding, nonce = '', proof = ''] = match;
  if (channelBinding !== first.channelBinding || !serverFirst.startsWith(`r=${nonce},`)) return null;
  const hash = HASHES[keys.mechanism];
  const signed = `${first.bare},${serverFirst},${withoutProof}`;
  const signature = hmac(hash, keys.storedKey, signed);
  const given = Buffer.from(proof, 'base64');
  if (given.length !== signature.length) return null;
  const clientKey = given.map((byte, index) => byte ^ signature[index]!);
  const storedKey = createHash(hash).update(clientKey).digest();
  if (!timingSafeEqual(storedKey, keys.storedKey)) return null;
  return `v=${hmac(hash, keys.serverKey, signed).toString('base64')}`;
}
