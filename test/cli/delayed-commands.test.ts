import { describe, expect, it } from 'vitest';
import { cliStage } from './cli-stage.ts';

describe('produce --delay', () => {
  it('prints the ids of records that wait, and the topic is empty until then', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'reminders']);
    const ids = (await ok(['produce', 'reminders', '-k', ':', '--delay', '1h', '-H', 'a=b'], { stdin: 'x:1\ny:2\n' }))
      .trim()
      .split('\n');
    expect(ids).toEqual([expect.stringMatching(/^A[\w-]{62}$/), expect.stringMatching(/^A[\w-]{62}$/)]);
    expect(await ok(['consume', 'reminders', '-e'])).toBe('');
    const deliverAt = new Date(Date.now() + 3_600_000).toISOString();
    expect(await json(['produce', 'reminders', '--deliver-at', deliverAt], { stdin: 'z\n' })).toEqual({
      topic: 'reminders',
      records: 1,
      partitions: [],
      delayed: [{ id: expect.any(String), partition: 0, due: deliverAt }],
    });
    const shown = await ok(['delayed', 'show', ids[0]!]);
    expect(shown).toMatch(/topic {6}reminders-0\n.*due.*\n.*before\nkey {8}x\nheaders\n {2}a: b\nvalue\n1\n$/s);
  });

  it('refuses what makes no sense before anything is read', async () => {
    const { ok, failure } = await cliStage();
    await ok(['topic', 'create', 'reminders']);
    const refused = (...args: string[]) => failure(['produce', 'reminders', ...args], { stdin: 'x\n' });
    expect(await refused('--delay', '10ms')).toMatchObject({ status: 2, message: expect.stringContaining('a second') });
    expect(await refused('--delay', 'soon')).toMatchObject({ status: 2, message: 'soon is no delay' });
    expect(await refused('--deliver-at', 'soon')).toMatchObject({ status: 2, message: 'soon is no time' });
    expect(await refused('--deliver-at', '2020-01-01')).toMatchObject({
      status: 2,
      message: expect.stringContaining('ago'),
    });
    expect(await refused('--delay', '1h', '--deliver-at', '2020-01-01')).toMatchObject({ status: 2 });
    expect(await refused('--delay', '1h', '--acks', '0')).toMatchObject({ status: 2 });
  });
});

describe('delayed', () => {
  it('lists what waits, and takes it back', async () => {
    const { ok, json } = await cliStage();
    await ok(['topic', 'create', 'reminders']);
    expect(await ok(['delayed', 'list'])).toBe('');
    const [id] = (await ok(['produce', 'reminders', '--delay', '1h'], { stdin: 'x\n' })).trim().split('\n');
    await ok(['produce', 'reminders', '--delay', '2h'], { stdin: 'y\n' });
    const [head, first, second] = (await ok(['delayed', 'list'])).split('\n');
    expect(head).toMatch(/^due +partition +bytes +id$/);
    expect(first).toMatch(new RegExp(`^\\d{4}-.*Z +reminders-0 +\\d+ +${id}$`));
    expect(second).toContain('reminders-0');
    expect(await json(['delayed', 'list', 'reminders', '-n', '1'])).toMatchObject([
      { id, topic: 'reminders', partition: 0 },
    ]);
    expect(await ok(['delayed', 'cancel', id!])).toBe(`${id}: cancelled; it will never enter its topic\n`);
    expect(await json(['delayed', 'cancel', id!])).toEqual([{ id, outcome: 'cancelled' }]);
    expect(await json(['delayed', 'show', id!])).toEqual({ id, outcome: 'cancelled' });
    expect(await json(['delayed', 'list'])).toHaveLength(1);
  });

  it('says what is no id, and what is no topic', async () => {
    const { failure } = await cliStage();
    expect(await failure(['delayed', 'cancel', 'Abc'])).toMatchObject({ status: 2, code: 'INVALID_REQUEST' });
    expect(await failure(['delayed', 'list', 'nowhere'])).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });
});
