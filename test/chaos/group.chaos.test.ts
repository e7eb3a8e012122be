import { it } from 'vitest';
import { awsPlaces, filePlaces } from './chaos-places.ts';
import { judgeGroup } from './group-scenario.ts';

const CHAOS_MS = 75_000;
const LIMIT = { timeout: 300_000 };

it(
  'on files: gives every record to the members of a group, in order and again until it is committed',
  LIMIT,
  async () => {
    await judgeGroup(await filePlaces(), CHAOS_MS);
  },
);

it('on S3 and DynamoDB behind a network that drops, delays, repeats and cuts: the same', LIMIT, async () => {
  await judgeGroup(await awsPlaces(0.05), CHAOS_MS);
});
