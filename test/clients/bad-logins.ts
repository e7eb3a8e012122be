/** Who says wrongly who it is; see `bad-input.ts`. */
import { metadataApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import { saslAuthenticateApi, saslHandshakeApi } from '../../lib/gateway/protocol/messages/sasl-messages.ts';
import type { WireClient } from '../gateway/wire-client.ts';
import { type BadInput, bytes, named, told } from './bad-input-case.ts';

/** Says who it is; the name of the last error. */
async function authenticate(client: WireClient, ...messages: readonly string[]): Promise<string> {
  const { errorCode } = await client.ask(saslHandshakeApi, 1, { mechanism: 'PLAIN' });
  const errors = [named(errorCode)];
  for (const message of messages) {
    errors.push(named((await client.ask(saslAuthenticateApi, 1, { authBytes: Buffer.from(message) })).errorCode));
  }
  return errors.join(', ');
}

/** For servers that know the user `ada` with the password `secret`, by PLAIN. */
export const badLogins: readonly BadInput[] = [
  {
    name: 'a question before it has said who it is',
    async ask(client) {
      client.send(metadataApi, 9, { topics: [] });
      const frame = await client.nextFrame();
      return frame === null ? 'no answer' : 'an answer';
    },
  },
  told('a mechanism that there is not', async (client) => {
    return (await client.ask(saslHandshakeApi, 1, { mechanism: 'BY-HAND' })).errorCode;
  }),
  { name: 'a wrong password', ask: (client) => authenticate(client, '\0ada\0wrong') },
  { name: 'a user that there is not', ask: (client) => authenticate(client, '\0bob\0secret') },
  { name: 'somebody who acts for another', ask: (client) => authenticate(client, 'bob\0ada\0secret') },
  { name: 'what is no message', ask: (client) => authenticate(client, 'ada') },
  { name: 'nothing', ask: (client) => authenticate(client, '') },
  told('SaslAuthenticate without SaslHandshake', async (client) => {
    return (await client.ask(saslAuthenticateApi, 1, { authBytes: Buffer.from('\0ada\0secret') })).errorCode;
  }),
  { name: 'SaslHandshake twice', ask: (client) => authenticate(client).then(() => authenticate(client)) },
  { name: 'the right password', ask: (client) => authenticate(client, '\0ada\0secret') },
  {
    name: 'the right password, and SaslAuthenticate again',
    ask: (client) => authenticate(client, '\0ada\0secret', '\0ada\0secret'),
  },
  {
    name: 'the right password, and all of it again',
    ask: async (client) => {
      await authenticate(client, '\0ada\0secret');
      return authenticate(client, '\0ada\0secret');
    },
  },
  bytes('a frame of 1 MiB before it has said who it is', `00100000 0003 0009 00000001 ffff ${'00'.repeat(1_048_566)}`),
];
