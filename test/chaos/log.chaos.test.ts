import { expect, it } from 'vitest';
import { awsPlaces, filePlaces } from './chaos-places.ts';
import { judgeLog } from './log-scenario.ts';

const CHAOS_MS = 75_000;
const LIMIT = { timeout: 300_000 };

it('on files: keeps every promise to producers and readers that are killed and stopped', LIMIT, async () => {
  await judgeLog(await filePlaces(), CHAOS_MS);
});

it('on S3 and DynamoDB behind a network that drops, delays, repeats and cuts: the same', LIMIT, async () => {
  const verdict = await judgeLog(await awsPlaces(0.12), CHAOS_MS);
  expect(verdict.refused + verdict.uncertain).toBeGreaterThan(10);
});
