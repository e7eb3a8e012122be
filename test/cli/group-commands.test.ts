import { beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { parseConnectionString } from '../../lib/connect/connection-string.ts';
import { openStore } from '../../lib/connect/open-store.ts';
import { connect } from '../../lib/index.ts';
import { noMeter } from '../../lib/log/meter.ts';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;

beforeEach(async () => {
  stage = await cliStage();
  await stage.ok(['topic', 'create', 'a', '-P', '2']);
  await stage.ok(['produce', 'a', '-p', '0'], { stdin: '0\n1\n2\n3\n4\n' });
  await stage.ok(['produce', 'a', '-p', '1'], { stdin: '0\n1\n2\n' });
});

const read = (group: string, ...args: readonly string[]) => stage.ok(['consume', 'a', '-g', group, '-e', ...args]);

/** Offsets that a group has committed, `[partition, committed]`. */
async function committed(group: string): Promise<unknown[]> {
  const { partitions } = (await stage.json(['group', 'describe', group])) as {
    partitions: { topic: string; partition: number; committed: number }[];
  };
  return partitions.map((one) => [`${one.topic}-${one.partition}`, one.committed]);
}

describe('group list', () => {
  it('prints a name a line, and nothing when there is none', async () => {
    expect(await stage.ok(['group', 'list'])).toBe('');
    expect(await stage.json(['group', 'list'])).toEqual([]);
    await read('b');
    await read('B');
    expect(await stage.ok(['group', 'list'])).toBe('B\nb\n');
  });
});

describe('group describe', () => {
  it('shows how far a group is that nobody is in', async () => {
    await read('g', '-n', '8');
    await stage.ok(['produce', 'a', '-p', '1'], { stdin: '3\n4\n' });
    const text = await stage.ok(['group', 'describe', 'g']);
    expect(text).toMatch(/^group +g \(empty\)$/m);
    expect(text).toMatch(/^lag +2 records$/m);
    expect(text).toMatch(/^a +0 +5 +5 +0 +0\.0 s +-$/m);
    expect(text).toMatch(/^a +1 +3 +5 +2 +\d+\.\d s +-$/m);
  });

  it('shows members, when they beat last, and what is theirs', async () => {
    const millrace = await connect(stage.store);
    const member = { group: 'g', heartbeatIntervalMs: 100, sessionTimeoutMs: 1_000, autoCommit: true };
    const consumer = millrace.consumer({ ...member, clientId: 'web', groupInstanceId: 'web-1', idleMaxMs: 50 });
    await consumer.subscribe(['a']);
    let seen = 0;
    for await (const _ of consumer) {
      seen += 1;
      if (seen === 8) break;
    }
    const text = await vi.waitFor(async () => {
      const shown = await stage.ok(['group', 'describe', 'g']);
      expect(shown).toMatch(/^group +g \(stable\)$/m);
      return shown;
    });
    const described = await stage.json(['group', 'describe', 'g']);
    await millrace.close();
    expect(text).toMatch(/^web-[0-9a-f-]{36} +web-1 +\d\.\d s ago +1\.0 s +a: 0 1$/m);
    expect(text).toMatch(/^a +1 .* web-[0-9a-f]{8}$/m);
    expect(described).toMatchObject({
      name: 'g',
      state: 'stable',
      members: [{ clientId: 'web', instanceId: 'web-1' }],
    });
  });

  it('says of Kafka clients that a gateway hears them', async () => {
    await read('g');
    const store = await openStore(parseConnectionString(stage.store), { clock: systemClock, meter: noMeter });
    const group = (await store.groups.get('g'))!;
    const member = {
      id: 'kafkajs-1',
      instanceId: null,
      clientId: 'kafkajs',
      topics: ['a'],
      pattern: null,
      assignors: [],
    };
    const coordination = { gateway: 'here', tenure: 'first', state: null };
    const members = [{ ...member, sessionMs: 30_000 }];
    await store.groups.update({ ...group, kind: 'classic', assignor: 'range', members, coordination });
    await store.close();
    const text = await stage.ok(['group', 'describe', 'g']);
    expect(text).toMatch(/^kind +Kafka clients, which a gateway hears$/m);
    expect(text).toMatch(/^kafkajs-1 +- +- +30 s +-$/m);
    expect(await stage.failure(['group', 'seek', 'g', 'start'])).toMatchObject({ code: 'NON_EMPTY_GROUP' });
  });

  it('refuses a group that is not there, and a name that is none', async () => {
    await read('billing');
    const refused = await stage.failure(['group', 'describe', 'biling']);
    expect(refused).toMatchObject({ status: 1, code: 'GROUP_ID_NOT_FOUND', hint: expect.stringContaining('billing') });
    expect(await stage.failure(['group', 'describe', 'a\u0001b'])).toMatchObject({
      code: 'INVALID_GROUP_ID',
      status: 2,
    });
  });
});

describe('group seek', () => {
  beforeEach(async () => {
    await read('g');
  });

  it.each([
    ['start', [0, 0]],
    ['end', [5, 3]],
    ['2', [2, 2]],
    ['@0', [0, 0]],
    ['1h', [0, 0]],
    ['@2999-01-01', [5, 3]],
  ])('moves it to %s', async (position, [first, second]) => {
    const text = await stage.ok(['group', 'seek', 'g', position]);
    expect(text).toMatch(new RegExp(`^a +0 +5 +${first} +${first! - 5}$`, 'm'));
    expect(text).toContain('Moved 2 partitions of group g.');
    expect(await committed('g')).toEqual([
      ['a-0', first],
      ['a-1', second],
    ]);
    expect((await read('g')).split('\n').filter(Boolean)).toHaveLength(8 - first! - second!);
  });

  it('moves some partitions, or a topic that it has not read', async () => {
    await stage.ok(['topic', 'create', 'b']);
    await stage.ok(['produce', 'b'], { stdin: 'x\ny\n' });
    await stage.ok(['group', 'seek', 'g', '4', '-t', 'a:0']);
    await stage.ok(['group', 'seek', 'g', '1', '--topic', 'b']);
    expect(await committed('g')).toEqual([
      ['a-0', 4],
      ['a-1', 3],
      ['b-0', 1],
    ]);
  });

  it('moves it to where another group is', async () => {
    await stage.ok(['group', 'seek', 'g', '1']);
    await read('h');
    expect(await stage.json(['group', 'seek', 'h', 'group:g'])).toEqual({
      group: 'h',
      dryRun: false,
      partitions: [
        { topic: 'a', partition: 0, before: 5, after: 1 },
        { topic: 'a', partition: 1, before: 3, after: 1 },
      ],
    });
    expect(await committed('h')).toEqual(await committed('g'));
  });

  it('changes nothing with --dry-run', async () => {
    const text = await stage.ok(['group', 'seek', 'g', 'start', '--dry-run']);
    expect(text).toContain('Nothing was changed: this would move 2 partitions of group g.');
    expect(await stage.json(['group', 'seek', 'g', 'start', '--dry-run'])).toMatchObject({ dryRun: true });
    expect(await committed('g')).toEqual([
      ['a-0', 5],
      ['a-1', 3],
    ]);
  });

  it.each([
    [['g', 'x'], 'INVALID_REQUEST', 2],
    [['g', '6'], 'OFFSET_OUT_OF_RANGE', 1],
    [['g', 'start', '-t', 'nope'], 'UNKNOWN_TOPIC_OR_PARTITION', 1],
    [['g', 'start', '-t', 'a:2'], 'UNKNOWN_TOPIC_OR_PARTITION', 1],
    [['nope', 'start'], 'GROUP_ID_NOT_FOUND', 1],
    [['g', 'group:nope'], 'GROUP_ID_NOT_FOUND', 1],
    [['a\u0001b', 'start'], 'INVALID_GROUP_ID', 2],
  ])('%j is refused with %s', async (args, code, status) => {
    const refused = await stage.failure(['group', 'seek', ...args]);
    expect(refused).toMatchObject({ code, status, hint: expect.stringMatching(/.+/) });
    expect(await committed('g')).toEqual([
      ['a-0', 5],
      ['a-1', 3],
    ]);
  });

  it('is refused while the group has members, who may be waited for when they were killed', async () => {
    const millrace = await connect(stage.store);
    const static1 = { groupInstanceId: 'one', sessionTimeoutMs: 1_000, heartbeatIntervalMs: 100 };
    const consumer = millrace.consumer({ group: 'g', ...static1 });
    await consumer.subscribe(['a']);
    expect(await stage.failure(['group', 'seek', 'g', 'start'])).toMatchObject({ status: 1, code: 'NON_EMPTY_GROUP' });
    expect(await stage.failure(['group', 'seek', 'g', 'start', '--wait'])).toMatchObject({ code: 'NON_EMPTY_GROUP' });
    // A static member stays when it closes: to the group it looks like one that was killed.
    await millrace.close();
    const { status, complaint } = await stage.run(['group', 'seek', 'g', 'start', '--wait']);
    expect({ status, complaint }).toEqual({ status: 0, complaint: 'Waiting for 1 member to be silent for 1 s …\n' });
    expect(await committed('g')).toEqual([
      ['a-0', 0],
      ['a-1', 0],
    ]);
  });
});

describe('group delete', () => {
  it('deletes what it had committed', async () => {
    await read('g');
    expect(await stage.ok(['group', 'delete', 'g'])).toBe('Deleted group g.\n');
    expect(await stage.ok(['group', 'list'])).toBe('');
    expect((await read('g')).split('\n').filter(Boolean)).toHaveLength(8);
    expect(await stage.json(['group', 'delete', 'g'])).toEqual({ deleted: 'g' });
    expect(await stage.failure(['group', 'delete', 'g'])).toMatchObject({ status: 1, code: 'GROUP_ID_NOT_FOUND' });
  });
});
