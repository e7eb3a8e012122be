import { readFileSync } from 'node:fs';

const read = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');

/** Of localhost, signed by itself, for tests alone. */
export const tlsIdentity = { cert: read('cert.pem'), key: read('key.pem') };
