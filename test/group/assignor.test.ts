import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assignorNames, assignorOf } from '../../lib/group/assignor.ts';
import type { AssignorMember, TopicPartitionNumber } from '../../lib/group/assignor-input.ts';

interface JavaCase {
  readonly assignor: 'range' | 'roundrobin' | 'sticky';
  readonly counts: Readonly<Record<string, number>>;
  readonly members: readonly (Omit<AssignorMember, 'owned'> & { readonly owned: readonly string[] })[];
  readonly answer: Readonly<Record<string, readonly string[]>>;
}

/** Made by Kafka's own client: `tools/kafka/make-client-fixtures.ts`. */
const cases: readonly JavaCase[] = JSON.parse(
  readFileSync(new URL('../fixtures/kafka/client-assignments.json', import.meta.url), 'utf8'),
);

const parse = (text: string): TopicPartitionNumber => {
  const [topic = '', partition] = text.split(':');
  return { topic, partition: Number(partition) };
};
const format = ({ topic, partition }: TopicPartitionNumber) => `${topic}:${partition}`;

function ours({ assignor, counts, members }: JavaCase): Record<string, readonly string[]> {
  const input = members.map((member) => ({ ...member, owned: member.owned.map(parse) }));
  const shares = assignorOf(assignor)(input, new Map(Object.entries(counts)));
  return Object.fromEntries([...shares].map(([id, partitions]) => [id, partitions.map(format).sort()]));
}

const moved = ({ members }: JavaCase, shares: Readonly<Record<string, readonly string[]>>) =>
  members.reduce((sum, { id, owned }) => sum + owned.filter((one) => !shares[id]!.includes(one)).length, 0);
const unevenness = (shares: Readonly<Record<string, readonly string[]>>) =>
  Object.values(shares).reduce((sum, { length }) => sum + length * length, 0);
const of = (assignor: string) => cases.filter((one) => one.assignor === assignor);

describe('an assignor', () => {
  it('by range or in turn shares as the Java client does', () => {
    for (const one of [...of('range'), ...of('roundrobin')]) expect(ours(one), JSON.stringify(one)).toEqual(one.answer);
    expect(of('range').length + of('roundrobin').length).toBeGreaterThan(50);
  });

  it('that is sticky is at least as even as the Java client, and moves no more where both are as even', () => {
    for (const one of of('sticky')) {
      const shares = ours(one);
      expect(Object.values(shares).flat().sort()).toEqual(Object.values(one.answer).flat().sort());
      expect(unevenness(shares), JSON.stringify(one)).toBeLessThanOrEqual(unevenness(one.answer));
      if (unevenness(shares) === unevenness(one.answer)) {
        expect(moved(one, shares), JSON.stringify(one)).toBeLessThanOrEqual(moved(one, one.answer));
      }
    }
  });

  it('has a name of Kafka', () => {
    expect(assignorNames).toEqual(['range', 'roundrobin', 'sticky', 'cooperative-sticky']);
    const nearest = { code: 'INVALID_CONFIG', hint: expect.stringContaining('Did you mean roundrobin?') };
    expect(() => assignorOf('round-robin' as 'roundrobin')).toThrow(expect.objectContaining(nearest));
  });
});
