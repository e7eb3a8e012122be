import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { checkTopicConfig } from '../../lib/log/check-topic-config.ts';
import { describeTopicConfig } from '../../lib/log/describe-topic-config.ts';
import { parseTopicConfig, topicConfigNames } from '../../lib/log/topic-config.ts';

const refusal = (overrides: Record<string, string>): MillraceError => {
  try {
    checkTopicConfig(overrides);
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  throw new MillraceError('INVALID_REQUEST', 'it was accepted');
};

describe('parseTopicConfig', () => {
  it("has Kafka's defaults", () => {
    expect(parseTopicConfig({})).toEqual({
      retentionMs: 604_800_000n,
      retentionBytes: -1n,
      cleanupPolicy: ['delete'],
      compressionType: 'producer',
      maxMessageBytes: 1_048_588,
      messageTimestampType: 'CreateTime',
      messageTimestampBeforeMaxMs: 9_223_372_036_854_775_807n,
      messageTimestampAfterMaxMs: 3_600_000n,
      minCompactionLagMs: 0n,
      maxCompactionLagMs: 9_223_372_036_854_775_807n,
      minCleanableDirtyRatio: 0.5,
      deleteRetentionMs: 86_400_000n,
      inlineMaxBytes: 1024,
    });
  });

  it('reads every setting', () => {
    const overrides = {
      'retention.ms': '-1',
      'retention.bytes': '9223372036854775807',
      'cleanup.policy': 'compact, delete',
      'compression.type': 'uncompressed',
      'max.message.bytes': '2097152',
      'message.timestamp.type': 'LogAppendTime',
      'message.timestamp.before.max.ms': '0',
      'message.timestamp.after.max.ms': '60000',
      'min.compaction.lag.ms': '5',
      'max.compaction.lag.ms': '6',
      'min.cleanable.dirty.ratio': '0.25',
      'delete.retention.ms': '7',
      'millrace.inline.max.bytes': '0',
    };
    expect(Object.keys(overrides).sort()).toEqual([...topicConfigNames].sort());
    expect(parseTopicConfig(overrides)).toEqual({
      retentionMs: -1n,
      retentionBytes: 9_223_372_036_854_775_807n,
      cleanupPolicy: ['delete', 'compact'],
      compressionType: 'none',
      maxMessageBytes: 2_097_152,
      messageTimestampType: 'LogAppendTime',
      messageTimestampBeforeMaxMs: 0n,
      messageTimestampAfterMaxMs: 60_000n,
      minCompactionLagMs: 5n,
      maxCompactionLagMs: 6n,
      minCleanableDirtyRatio: 0.25,
      deleteRetentionMs: 7n,
      inlineMaxBytes: 0,
    });
  });

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd', 'producer'] as const)('takes the codec %s', (codec) => {
    expect(parseTopicConfig({ 'compression.type': codec }).compressionType).toBe(codec);
  });

  it('names the nearest setting for an unknown one', () => {
    expect(refusal({ 'retention.m': '1' })).toMatchObject({
      code: 'INVALID_CONFIG',
      value: 'retention.m',
      hint: 'Did you mean retention.ms?',
    });
    expect(refusal({ 'log.retention.ms': '1' }).hint).toBe('Did you mean retention.ms?');
    expect(refusal({ max_message_bytes: '1' }).hint).toBe('Did you mean max.message.bytes?');
    expect(refusal({ 'inline.max.bytes': '1' }).hint).toContain('millrace.inline.max.bytes');
  });

  it('lists all settings when none is near', () => {
    const { hint } = refusal({ colour: 'red' });
    for (const name of topicConfigNames) expect(hint).toContain(name);
  });

  it.each([
    ['segment.bytes', 'flush'],
    ['flush.ms', 'page cache'],
    ['min.insync.replicas', 'replicas'],
    ['unclean.leader.election.enable', 'replicas'],
    ['remote.storage.enable', 'tier'],
    ['compression.zstd.level', 'producer'],
    ['message.timestamp.difference.max.ms', 'message.timestamp.before.max.ms'],
  ])("explains why Kafka's %s does not exist here", (name, reason) => {
    const error = refusal({ [name]: '1' });
    expect(error.code).toBe('INVALID_CONFIG');
    expect(error.message).toContain("Kafka's");
    expect(error.hint).toContain(reason);
    expect(error.hint).not.toContain('Did you mean');
  });

  it.each([
    ['retention.ms', '-2', '-1 to 9223372036854775807, in milliseconds'],
    ['retention.ms', '7d', '604800000 for 7 days'],
    ['retention.ms', '', 'milliseconds'],
    ['retention.ms', '1e3', 'milliseconds'],
    ['retention.bytes', '9223372036854775808', 'in bytes'],
    ['retention.bytes', '1'.repeat(100_000), 'in bytes'],
    ['cleanup.policy', '', 'delete, compact'],
    ['cleanup.policy', 'delete,delete', 'delete, compact'],
    ['cleanup.policy', 'delete,archive', 'delete, compact'],
    ['compression.type', 'brotli', 'gzip'],
    ['compression.type', 'toString', 'gzip'],
    ['max.message.bytes', '-1', 'in bytes'],
    ['max.message.bytes', String(limits.batchBytes + 1), String(limits.batchBytes)],
    ['message.timestamp.type', 'createtime', 'CreateTime'],
    ['message.timestamp.before.max.ms', '-1', 'from 0'],
    ['message.timestamp.after.max.ms', ' 5', 'from 0'],
    ['min.compaction.lag.ms', '-1', 'from 0'],
    ['max.compaction.lag.ms', '0', 'from 1'],
    ['min.cleanable.dirty.ratio', '1.1', 'from 0 to 1'],
    ['min.cleanable.dirty.ratio', '-0.1', 'from 0 to 1'],
    ['min.cleanable.dirty.ratio', 'NaN', 'from 0 to 1'],
    ['delete.retention.ms', 'one day', 'milliseconds'],
    ['millrace.inline.max.bytes', String(limits.inlineBytesMax + 1), String(limits.inlineBytesMax)],
  ])('refuses %s = %j', (name, value, expected) => {
    const error = refusal({ [name]: value });
    expect(error).toMatchObject({ code: 'INVALID_CONFIG', value: { name, value } });
    expect(error.message).toContain(name);
    expect(error.message.length).toBeLessThan(200);
    expect(error.hint).toContain(expected);
  });

  it('says of a stored setting that it does not know where it may come from', () => {
    expect(() => parseTopicConfig({ 'retention.tiers': '2' })).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        hint: 'A newer Millrace may have written it: update this one.',
      }),
    );
  });

  it('refuses values that contradict each other', () => {
    expect(refusal({ 'min.compaction.lag.ms': '10', 'max.compaction.lag.ms': '9' }).message).toContain(
      'above max.compaction.lag.ms',
    );
  });

  it.each([null, undefined, 'retention.ms=5', ['retention.ms'], 5])(
    'refuses %j, which is no configuration',
    (value) => {
      expect(() => checkTopicConfig(value as unknown as Record<string, string>)).toThrow(
        expect.objectContaining({ code: 'INVALID_CONFIG' }),
      );
    },
  );

  it.each([5, null, undefined, {}])('refuses the value %j, which is no text', (value) => {
    expect(refusal({ 'retention.ms': value as unknown as string }).code).toBe('INVALID_CONFIG');
  });

  it('is not fooled by names that every object has', () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      expect(refusal(JSON.parse(`{"${name}":"1"}`)).code).toBe('INVALID_CONFIG');
    }
  });

  it('either reads a value or refuses it with INVALID_CONFIG, whatever it is', () => {
    const value = fc.oneof(fc.string(), fc.bigInt().map(String), fc.double().map(String));
    fc.assert(
      fc.property(fc.constantFrom(...topicConfigNames), value, (name, text) => {
        try {
          checkTopicConfig({ [name]: text });
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('describeTopicConfig', () => {
  it('shows every setting with its value and whether that is the default', () => {
    const rows = describeTopicConfig({ 'retention.ms': '-1' });
    expect(rows.map(({ name }) => name)).toEqual(topicConfigNames);
    expect(rows.find(({ name }) => name === 'retention.ms')).toMatchObject({ value: '-1', isDefault: false });
    expect(rows.find(({ name }) => name === 'max.message.bytes')).toMatchObject({ value: '1048588', isDefault: true });
  });

  it('describes defaults that can be set', () => {
    const defaults = Object.fromEntries(describeTopicConfig({}).map(({ name, value }) => [name, value]));
    expect(parseTopicConfig(defaults)).toEqual(parseTopicConfig({}));
  });
});
