/** The messages that say who a client is; see `schema.ts` for the notation. */
import { defineApi } from '../schema.ts';

/** SaslHandshake. */
export const saslHandshakeApi = defineApi({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexibleFrom: null,
  request: {
    mechanism: 'string 0+',
  },
  response: {
    errorCode: 'int16 0+',
    mechanisms: '[]string 0+',
  },
});

/** SaslAuthenticate. */
export const saslAuthenticateApi = defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    authBytes: 'bytes 0+',
  },
  response: {
    errorCode: 'int16 0+',
    errorMessage: 'string? 0+',
    authBytes: 'bytes 0+',
    sessionLifetimeMs: 'int64 1+',
  },
});
