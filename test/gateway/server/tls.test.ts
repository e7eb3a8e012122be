import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { decodeResponse, encodeRequest } from '../../../lib/gateway/protocol/frames.ts';
import { apiVersionsApi } from '../../../lib/gateway/protocol/messages/cluster-messages.ts';
import { tlsTrouble } from '../../../lib/gateway/server/tls-trouble.ts';
import { startStage } from '../gateway-stage.ts';
import { tlsIdentity as identity } from '../tls-identity.ts';

describe('a gateway with a certificate', () => {
  it('serves those who trust it, and ends who does not encrypt', async () => {
    const stage = await startStage({ tls: identity });
    const socket = connect({ host: 'localhost', port: stage.gateway.port, ca: identity.cert });
    const answer = Promise.withResolvers<Buffer>();
    socket.once('data', answer.resolve);
    socket.once('error', answer.reject);
    const of = { api: apiVersionsApi, version: 2 };
    socket.write(Buffer.concat(encodeRequest(of, { correlationId: 1, clientId: null }, {})));
    const { body } = decodeResponse(of, (await answer.promise).subarray(4));
    expect(body.errorCode).toBe(0);
    socket.destroy();
    const open = stage.client();
    open.write(Buffer.from('00000008001200000000000100', 'hex'));
    await open.closed();
    expect(stage.refused).toMatchObject([
      { code: 'INVALID_REQUEST', message: expect.stringMatching(/^no encryption was agreed on: ERR_SSL_/) },
    ]);
  });

  it('ends although somebody has not agreed on keys yet, or has gone while doing so', async () => {
    const stage = await startStage({ tls: identity });
    const silent = stage.client();
    await new Promise((resolve) => silent.socket.once('connect', resolve));
    const probe = stage.client();
    await new Promise((resolve) => probe.socket.once('connect', resolve));
    probe.close();
    const distrustful = connect({ host: 'localhost', port: stage.gateway.port });
    await new Promise((resolve) => distrustful.once('error', resolve));
    await stage.gateway.close();
    await silent.closed();
    // Nobody is told of those who go without a word: there is no end of probes that do.
    expect(stage.refused).toEqual([]);
  });

  it.each([
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'INVALID_REQUEST'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'INVALID_REQUEST'],
    ['ECONNRESET', undefined],
  ])('tells of a client that ends with %s as it says why', (code, told) => {
    expect(tlsTrouble(Object.assign(new Error('of TLS'), { code }))?.code).toBe(told);
  });

  it('is refused when it is none', async () => {
    const bad = startStage({ tls: { cert: 'no certificate', key: identity.key } });
    await expect(bad).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });
});
