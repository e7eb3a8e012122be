import { describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../lib/clock.ts';
import { jobMetricLines } from '../../lib/deployed/job-metric-lines.ts';
import { maintain } from '../../lib/deployed/maintain.ts';
import { MillraceError } from '../../lib/errors.ts';
import { deployedLog } from './deployed-log.ts';

describe('maintenance as a function', () => {
  it('runs what is due, and tells how long ago each job succeeded', async () => {
    const { store, clock } = deployedLog();
    const deps = { store, clock, random };
    expect(await jobMetricLines(deps)).toEqual([]);
    const runs = await maintain(deps, 900_000);
    expect(runs.map(({ job, result }) => [job, result.outcome])).toEqual([
      ['retention', 'done'],
      ['compaction', 'done'],
      ['key-compaction', 'done'],
      ['collection', 'done'],
    ]);
    await clock.advance(90_000);
    const lines = (await jobMetricLines(deps)).map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { Job: 'retention', SecondsSinceSuccess: 90 },
      { Job: 'compaction', SecondsSinceSuccess: 90 },
      { Job: 'key-compaction', SecondsSinceSuccess: 90 },
      { Job: 'collection', SecondsSinceSuccess: 90 },
    ]);
    const [directive] = lines[0]._aws.CloudWatchMetrics;
    expect(directive).toEqual({
      Namespace: 'Millrace',
      Dimensions: [['Job']],
      Metrics: [{ Name: 'SecondsSinceSuccess', Unit: 'Seconds' }],
    });
  });

  it('fails when a job has failed, after the others had their turn', async () => {
    const { store, clock } = deployedLog();
    const asked: string[] = [];
    const read = async (name: string) => {
      asked.push(name);
      throw new MillraceError('ACCESS_DENIED', 'no');
    };
    const deps = { store: { ...store, jobs: { ...store.jobs, read } }, clock, random };
    await expect(maintain(deps, 900_000)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(asked).toEqual(['retention', 'compaction', 'key-compaction', 'collection']);
  });
});
