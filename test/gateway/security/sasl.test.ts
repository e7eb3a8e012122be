import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../../lib/gateway/protocol/error-codes.ts';
import { apiVersionsApi, metadataApi } from '../../../lib/gateway/protocol/messages/cluster-messages.ts';
import { saslAuthenticateApi, saslHandshakeApi } from '../../../lib/gateway/protocol/messages/sasl-messages.ts';
import { startStage } from '../gateway-stage.ts';
import type { WireClient } from '../wire-client.ts';

const users = new Map([['ada', 'secret']]);
const stageWithUsers = () => startStage({ users });

async function authenticate(client: WireClient, mechanism: string, ...messages: string[]) {
  const { errorCode } = await client.ask(saslHandshakeApi, 1, { mechanism });
  expect(errorCode).toBe(0);
  let last = { errorCode: 0, errorMessage: null as string | null };
  for (const message of messages) {
    last = await client.ask(saslAuthenticateApi, 2, { authBytes: Buffer.from(message) });
    if (last.errorCode !== 0) break;
  }
  return last;
}

describe('a gateway with users', () => {
  it('lets who says its password ask, and nobody else', async () => {
    const stage = await stageWithUsers();
    const client = stage.client();
    expect((await client.ask(apiVersionsApi, 2, {})).apiKeys.some(({ apiKey }) => apiKey === 36)).toBe(true);
    expect(await authenticate(client, 'PLAIN', '\0ada\0secret')).toMatchObject({ errorCode: 0 });
    expect((await client.ask(metadataApi, 12, { topics: [] })).brokers).toHaveLength(1);
    const stranger = stage.client();
    stranger.send(metadataApi, 12, { topics: [] });
    await stranger.closed();
    expect(stage.refused.map(({ message }) => message)).toEqual([
      'Metadata was asked before the client has said who it is',
    ]);
  });

  it.each([
    ['a wrong password', 'PLAIN', '\0ada\0secrets'],
    ['an empty password', 'PLAIN', '\0ada\0'],
    ['a user that there is not', 'PLAIN', '\0bob\0'],
    ['somebody who acts for another', 'PLAIN', 'bob\0ada\0secret'],
    ['what is no message', 'PLAIN', 'ada'],
    ['what is no message of SCRAM', 'SCRAM-SHA-256', '\0ada\0secret'],
  ])('tells %s that it failed, the same each time, and ends', async (_, mechanism, message) => {
    const stage = await stageWithUsers();
    const client = stage.client();
    expect(await authenticate(client, mechanism, message)).toMatchObject({
      errorCode: errorCodes.SASL_AUTHENTICATION_FAILED,
      errorMessage: 'Authentication failed: wrong user or password.',
    });
    await client.closed();
    expect(stage.refused).toMatchObject([{ code: 'ACCESS_DENIED', message: 'a login failed: wrong user or password' }]);
  });

  it('has a salt for each user, the same each time, whether there is the user or not', async () => {
    const stage = await stageWithUsers();
    const saltOf = async (user: string) => {
      const client = stage.client();
      await client.ask(saslHandshakeApi, 1, { mechanism: 'SCRAM-SHA-256' });
      const challenge = await client.ask(saslAuthenticateApi, 2, { authBytes: Buffer.from(`n,,n=${user},r=abc`) });
      return /s=([^,]*)/.exec(Buffer.from(challenge.authBytes).toString())![1];
    };
    const users = ['ada', 'bob', 'cy'];
    const salts = [await saltOf('ada'), await saltOf('bob'), await saltOf('cy')];
    expect(new Set(salts).size).toBe(3);
    for (const [place, user] of users.entries()) expect(await saltOf(user)).toBe(salts[place]);
  });

  it('challenges a user that there is not as one that there is', async () => {
    const stage = await stageWithUsers();
    for (const user of ['ada', 'bob']) {
      const client = stage.client();
      await client.ask(saslHandshakeApi, 1, { mechanism: 'SCRAM-SHA-512' });
      const challenge = await client.ask(saslAuthenticateApi, 2, { authBytes: Buffer.from(`n,,n=${user},r=abc`) });
      expect(Buffer.from(challenge.authBytes).toString()).toMatch(/^r=abc\S{24},s=\S{24},i=4096$/);
      const nonce = /r=([^,]*)/.exec(Buffer.from(challenge.authBytes).toString())![1];
      const proof = Buffer.alloc(64).toString('base64');
      const authBytes = Buffer.from(`c=biws,r=${nonce},p=${proof}`);
      const { errorCode } = await client.ask(saslAuthenticateApi, 2, { authBytes });
      expect(errorCode).toBe(errorCodes.SASL_AUTHENTICATION_FAILED);
      await client.closed();
    }
  });

  it('refuses other mechanisms, tokens without requests and a wrong order', async () => {
    const stage = await stageWithUsers();
    const refused = async (errorCode: number, ask: (client: WireClient) => Promise<{ errorCode: number }>) => {
      const client = stage.client();
      expect((await ask(client)).errorCode).toBe(errorCode);
      await client.closed();
    };
    await refused(errorCodes.UNSUPPORTED_SASL_MECHANISM, (client) =>
      client.ask(saslHandshakeApi, 1, { mechanism: 'GSSAPI' }),
    );
    await refused(errorCodes.UNSUPPORTED_VERSION, (client) => client.ask(saslHandshakeApi, 0, { mechanism: 'PLAIN' }));
    await refused(errorCodes.ILLEGAL_SASL_STATE, (client) =>
      client.ask(saslAuthenticateApi, 2, { authBytes: Buffer.from('\0ada\0secret') }),
    );
  });

  it('reads no large request of a stranger', async () => {
    const stage = await stageWithUsers();
    const client = stage.client();
    client.write(Buffer.from('00100000', 'hex'));
    await client.closed();
    expect(stage.refused[0]!.message).toContain('a request of 1048576 bytes');
  });
});

describe('a gateway without users', () => {
  it('does not offer to log in', async () => {
    const stage = await startStage();
    const client = stage.client();
    const { apiKeys } = await client.ask(apiVersionsApi, 2, {});
    expect(apiKeys.filter(({ apiKey }) => apiKey === 17 || apiKey === 36)).toEqual([]);
    client.send(saslHandshakeApi, 1, { mechanism: 'PLAIN' });
    await client.closed();
  });
});
