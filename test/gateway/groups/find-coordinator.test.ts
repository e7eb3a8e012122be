import { describe, expect, it } from 'vitest';
import { handleFindCoordinator } from '../../../lib/gateway/groups/find-coordinator.ts';
import { CoordinatorStage, errorName } from './coordinator-stage.ts';

describe('FindCoordinator', () => {
  it('tells where a group belongs, several at once', async () => {
    const stage = await CoordinatorStage.open();
    const here = stage.coordinator();
    const ask = (key: string, keyType = 0) =>
      handleFindCoordinator(here.coordinator, { key, keyType, coordinatorKeys: [] }, { apiVersion: 3 });
    expect(await ask('g')).toMatchObject({ host: 'here', port: 9_092, errorCode: 0 });
    here.gateways.isOwner = false;
    expect(await ask('g')).toMatchObject({ host: 'there', port: 9_093 });
    expect(errorName((await ask('')).errorCode)).toBe('INVALID_GROUP_ID');
    const several = { key: '', keyType: 0, coordinatorKeys: ['a', '\u0000'] };
    const { coordinators } = await handleFindCoordinator(here.coordinator, several, { apiVersion: 4 });
    expect(coordinators).toMatchObject([
      { key: 'a', host: 'there', errorCode: 0 },
      { key: '\u0000', errorCode: 24 },
    ]);
    here.gateways.isLive = false;
    expect(errorName((await ask('g')).errorCode)).toBe('COORDINATOR_NOT_AVAILABLE');
  });

  it.each([
    ['by an old version, with the only error after which librdkafka ends', 3, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
    ['by a new version, with an error whose message Java shows', 4, 'UNSUPPORTED_VERSION'],
  ])('refuses transactions %s', async (_, apiVersion, error) => {
    const here = (await CoordinatorStage.open()).coordinator();
    const request = { key: 't', keyType: 1, coordinatorKeys: ['t'] };
    const answer = await handleFindCoordinator(here.coordinator, request, { apiVersion });
    const { errorCode, errorMessage } = answer.coordinators?.[0] ?? answer;
    expect([errorName(errorCode), errorMessage]).toEqual([
      error,
      expect.stringMatching(/transactions are not supported/i),
    ]);
  });

  it('refuses share groups', async () => {
    const here = (await CoordinatorStage.open()).coordinator();
    const request = { key: '', keyType: 2, coordinatorKeys: ['g:t:0'] };
    const { coordinators } = await handleFindCoordinator(here.coordinator, request, { apiVersion: 6 });
    expect(errorName(coordinators![0]!.errorCode)).toBe('UNSUPPORTED_VERSION');
  });
});
