import { beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../lib/index.ts';
import { type CliStage, cliStage } from './cli-stage.ts';

let stage: CliStage;
beforeEach(async () => {
  stage = await cliStage();
  await stage.ok(['topic', 'create', 'orders', '-P', '2']);
});

const create = (...args: readonly string[]) =>
  stage.ok(['subscription', 'create', 'billing', 'orders', 'bill', ...args]);
const described = () => stage.json(['subscription', 'describe', 'billing']);

describe('subscription', () => {
  it('is created with options by Lambda’s names, listed and described', async () => {
    expect(await stage.ok(['subscription', 'list'])).toBe('');
    const flags = ['--batch-size', '7', '--ordering', 'key', '--parallelization-factor', '3', '--no-bisect'];
    const times = ['--max-batching-window', '5s', '--max-record-age', '1h', '--retry-delays', '10s,1m'];
    const filter = ['--filter', '{"value":{"paid":[true]}}', '--filter', '{"key":["ada"]}'];
    const limits = ['--maximum-concurrency', '5', '--records-per-second', '0.5'];
    const rest = ['--report-batch-item-failures', '--on-failure', 'topic:dead', '--retry-attempts', '-1', '--disabled'];
    expect(await create(...flags, ...times, ...filter, ...limits, ...rest)).toBe(
      'Subscription billing calls bill for topic orders.\n',
    );
    expect(await stage.ok(['subscription', 'list'])).toMatch(/^billing +orders +bill +paused$/m);
    expect(await described()).toMatchObject({
      target: 'bill',
      options: {
        batchSize: 7,
        ordering: 'key',
        parallelizationFactor: 3,
        bisectBatchOnError: false,
        maxBatchingWindowMs: 5_000,
        maxRecordAgeMs: 3_600_000,
        retryDelaysMs: [10_000, 60_000],
        filters: [{ value: { paid: [true] } }, { key: ['ada'] }],
        reportBatchItemFailures: true,
        onFailure: 'topic:dead',
        retryAttempts: -1,
        maximumConcurrency: 5,
        recordsPerSecond: 0.5,
        enabled: false,
      },
    });
    const text = await stage.ok(['subscription', 'describe', 'billing']);
    expect(text).toMatch(/^subscription +billing \(paused\)$/m);
    expect(text).toMatch(/^retries +billing.retry-1, billing.retry-2$/m);
    expect(text).toMatch(/^retryDelays +10s,1m$/m);
    expect(text).toMatch(/^ +0 +0 +0 +0 +0\.0 s +idle +-$/m);
  });

  it('says how far it is behind, and where most', async () => {
    await create();
    expect(await stage.ok(['subscription', 'list', '--lag'])).toMatch(/^billing +orders +bill +on +0 +0\.0 s +-$/m);
    await stage.ok(['produce', 'orders', '-p', '1'], { stdin: 'a\nb\n' });
    const row = /^billing +orders +bill +on +2 +\d+\.\d s +1$/m;
    expect(await stage.ok(['subscription', 'list', '--lag'])).toMatch(row);
    expect(await stage.ok(['subscription', 'describe', 'billing'])).toMatch(
      /^lag +2 records, the oldest of them for \d+\.\d s in partition 1$/m,
    );
    expect(await stage.json(['subscription', 'list', '--lag'])).toMatchObject([{ lag: { records: 2, furthest: 1 } }]);
    expect(await stage.ok(['subscription', 'list'])).not.toContain('lag');
  });

  it('begins where it is told', async () => {
    await stage.ok(['produce', 'orders', '-p', '1'], { stdin: 'a\nb\n' });
    await create('--starting-position', 'end');
    expect(await described()).toMatchObject({ partitions: [{ committed: 0 }, { committed: 2 }] });
  });

  it('is changed, paused and resumed', async () => {
    await create();
    await stage.ok([
      'subscription',
      'update',
      'billing',
      '--function',
      'other',
      '--on-failure',
      'none',
      '--filter',
      'none',
    ]);
    expect(await described()).toMatchObject({ target: 'other', options: { onFailure: null, filters: [] } });
    expect(await stage.ok(['subscription', 'pause', 'billing'])).toBe('Subscription billing is paused.\n');
    expect(await described()).toMatchObject({ options: { enabled: false } });
    expect(await stage.ok(['subscription', 'resume', 'billing'])).toBe('Subscription billing is on again.\n');
    expect(await described()).toMatchObject({ options: { enabled: true } });
    expect(await stage.failure(['subscription', 'update', 'billing'])).toMatchObject({ status: 2 });
  });

  it('is sought', async () => {
    await stage.ok(['produce', 'orders', '-p', '1'], { stdin: 'a\nb\n' });
    await create();
    const dry = await stage.ok(['subscription', 'seek', 'billing', 'end', '--dry-run']);
    expect(dry).toMatch(/^Subscription billing would go on here:$/m);
    expect(await described()).toMatchObject({ partitions: [{ committed: 0 }, { committed: 0 }] });
    await stage.ok(['subscription', 'seek', 'billing', '1', '-p', '1']);
    expect(await described()).toMatchObject({ partitions: [{ committed: 0 }, { committed: 1 }] });
    const bad = await stage.failure(['subscription', 'seek', 'billing', 'nowhere']);
    expect(bad).toMatchObject({ status: 2 });
  });

  it('is deleted', async () => {
    await create();
    expect(await stage.ok(['subscription', 'delete', 'billing'])).toBe('Deleted subscription billing.\n');
    const gone = await stage.failure(['subscription', 'describe', 'billing']);
    expect(gone).toMatchObject({ code: 'SUBSCRIPTION_NOT_FOUND' });
  });

  it('has windows with a state', async () => {
    await create('--tumbling-window', '5m');
    expect(await described()).toMatchObject({ options: { tumblingWindowMs: 300_000 } });
    expect(await stage.ok(['subscription', 'describe', 'billing'])).toMatch(/^tumblingWindow +5m$/m);
    await stage.ok(['subscription', 'update', 'billing', '--tumbling-window', '0s']);
    expect(await stage.ok(['subscription', 'describe', 'billing'])).toMatch(/^tumblingWindow +none$/m);
  });

  it('has its dead letters go back on a schedule', async () => {
    await create('--redrive', 'rate(1 hour)', '--redrive-rate', '0.5', '--redrive-max-attempts', '1');
    const redrive = { schedule: 'rate(1 hour)', rate: 0.5, maxAttempts: 1 };
    expect(await described()).toMatchObject({ options: { redrive } });
    const text = await stage.ok(['subscription', 'describe', 'billing']);
    expect(text).toMatch(/^redrive +rate\(1 hour\), 0\.5 a second, 1 time at most$/m);
    await stage.ok(['subscription', 'update', 'billing', '--redrive', 'none']);
    expect(await described()).toMatchObject({ options: { redrive: null } });
    const failure = await stage.failure(['subscription', 'update', 'billing', '--redrive-rate', '5']);
    expect(failure).toMatchObject({ status: 2, message: expect.stringContaining('--redrive-rate needs a schedule') });
  });

  it.each([
    [['--filter', 'x']],
    [['--redrive', 'hourly']],
    [['--redrive', 'cron(0 * * * *)']],
    [['--redrive', 'rate(1 hour)', '--redrive-rate', 'fast']],
    [['--redrive', 'none', '--redrive-max-attempts', '2']],
    [['--redrive', 'rate(1 hour)', '--on-failure', 'none']],
    [['--filter', '{"a":"x"}']],
    [['--max-batching-window', '5']],
    [['--retry-delays', '1x']],
    [['--batch-size', '0']],
    [['--ordering', 'none', '--on-failure', 'topic:orders']],
    [['--starting-position', '-5']],
  ])('is refused: %j', async (args) => {
    const failure = await stage.failure(['subscription', 'create', 'billing', 'orders', 'bill', ...args]);
    expect(failure).toMatchObject({ status: 2 });
  });
});

describe('dlq', () => {
  const letter = async (value: string, error: string) => {
    const millrace = await connect(stage.store);
    await millrace.producer().send({
      topic: 'billing.dlq',
      key: 'ada',
      value,
      headers: {
        trace: 't-1',
        'millrace-origin-topic': 'orders',
        'millrace-origin-partition': '1',
        'millrace-origin-offset': '42',
        'millrace-group': 'billing',
        'millrace-attempts': '4',
        'millrace-reason': 'RetryAttemptsExhausted',
        'millrace-error': error,
        'millrace-stack': 'TypeError: no\n    at handler (bill.ts:3:9)',
        'millrace-failed-at': '1764000000000',
        'millrace-redrives': '0',
      },
    });
    await millrace.close();
  };
  beforeEach(async () => {
    await create('--disabled');
    await letter('{"n":1}', 'TypeError: no');
    await letter('{"n":2}', 'RangeError: far');
  });

  it('lists and shows dead letters', async () => {
    const text = await stage.ok(['dlq', 'list', 'billing']);
    expect(text).toMatch(/^0-0 +orders-1@42 +ada +4 +0 +TypeError: no$/m);
    const one = await stage.json(['dlq', 'list', 'billing', '--filter', '{"value":{"n":[2]}}']);
    expect(one).toMatchObject([{ id: '0-1', value: '{"n":2}', key: 'ada', headers: [{ key: 'trace', value: 't-1' }] }]);
    expect(await stage.ok(['dlq', 'show', 'billing', '0-0'])).toBe(
      [
        'id         0-0',
        'origin     orders-1@42',
        'given up   2025-11-24T16:00:00.000Z by billing',
        'reason     RetryAttemptsExhausted, 4 attempts, sent back 0 times',
        'error      TypeError: no',
        '  TypeError: no',
        '      at handler (bill.ts:3:9)',
        'key        ada',
        'headers',
        '  trace: t-1',
        'value',
        '{"n":1}',
        '',
      ].join('\n'),
    );
    expect(await stage.failure(['dlq', 'show', 'billing', '0-9'])).toMatchObject({ status: 2 });
  });

  it('sends them back', async () => {
    expect(await stage.ok(['dlq', 'redrive', 'billing', '--dry-run'])).toBe('2 dead letters would be sent back.\n');
    expect(await stage.ok(['dlq', 'redrive', 'billing', '-n', '1'])).toBe('1 dead letter was sent back.\n');
    expect(await stage.json(['dlq', 'list', 'billing'])).toMatchObject([{ id: '0-1' }]);
    const sent = await stage.ok(['consume', 'billing.redrive', '-e', '-f', '%k %s\n']);
    expect(sent).toBe('ada {"n":1}\n');
  });

  it('discards them', async () => {
    const args = ['dlq', 'discard', 'billing', '--filter', '{"headers":{"millrace-error":[{"prefix":"Range"}]}}'];
    expect(await stage.ok(args)).toBe('1 dead letter was discarded.\n');
    expect(await stage.json(['dlq', 'list', 'billing'])).toMatchObject([{ id: '0-0' }]);
  });
});
