import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { murmur2 } from '../../lib/client/murmur2.ts';
import { partitionForKey } from '../../lib/client/partitioner.ts';

interface KeyAnswer {
  readonly key: string;
  readonly hash: number;
  readonly partitions: readonly number[];
}

/** Made by Kafka's own client: `tools/kafka/make-client-fixtures.ts`. */
const answers: readonly KeyAnswer[] = JSON.parse(
  readFileSync(new URL('../fixtures/kafka/client-keys.json', import.meta.url), 'utf8'),
);
const COUNTS = [1, 3, 16, 1000];

describe('a thousand keys', () => {
  it('go where the Java client sends them', () => {
    expect(answers).toHaveLength(1000);
    const ours = answers.map(({ key }) => {
      const bytes = Buffer.from(key, 'hex');
      return { key, hash: murmur2(bytes), partitions: COUNTS.map((count) => partitionForKey(bytes, count)) };
    });
    expect(ours).toEqual(answers);
  });

  it('are of all lengths up to 64 bytes, and of all remainders by four', () => {
    const lengths = new Set(answers.map(({ key }) => key.length / 2));
    for (let length = 0; length <= 64; length++) expect(lengths.has(length)).toBe(true);
  });
});
