import { describe, it } from 'vitest';
import { awsPlaces, filePlaces } from './chaos-places.ts';
import { judgeGroup } from './group-scenario.ts';
import { judgeLog } from './log-scenario.ts';

/** Ten minutes in all. */
const CHAOS_MS = 150_000;

describe('processes that are killed and stopped, for long', () => {
  it('on files: producers and readers', async () => void (await judgeLog(await filePlaces(), CHAOS_MS)));
  it('on files: groups', async () => judgeGroup(await filePlaces(), CHAOS_MS));
  it('behind a faulty network: producers and readers', async () =>
    void (await judgeLog(await awsPlaces(0.12), CHAOS_MS)));
  it('behind a faulty network: groups', async () => judgeGroup(await awsPlaces(0.05), CHAOS_MS));
});
