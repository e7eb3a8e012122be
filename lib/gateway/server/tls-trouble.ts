import { MillraceError } from '../../errors.ts';

/** Why a client and a gateway do not come to encrypt; null for a client that has just gone, as one does that only looks whether somebody listens. Codes are those of Node, https://nodejs.org/api/errors.html#openssl-error-codes. */
export function tlsTrouble(cause: NodeJS.ErrnoException): MillraceError | null {
  if (!/^ERR_(SSL|TLS)_/.test(cause.code ?? '')) return null;
  return new MillraceError('INVALID_REQUEST', `no encryption was agreed on: ${cause.code}`, {
    hint: 'Clients have to set security.protocol to SSL or SASL_SSL, and to trust the certificate.',
    cause,
  });
}
