/**
 * Asks Kafka's Java client where keys go and how its assignors share partitions, and writes the answers to `test/fixtures/kafka/`. Run it again after a change of the cases or of Kafka's version:
 *
 * node tools/kafka/make-client-fixtures.ts
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runJava } from './kafka-jars.ts';

const FIXTURES = fileURLToPath(new URL('../../test/fixtures/kafka/', import.meta.url));
const KEYS = 1000;
const CASES = 80;

/** Uniform fractions from a seed, so that the cases are the same every time: mulberry32. */
function fractions(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const fraction = fractions(20261125);
const below = (limit: number) => Math.floor(fraction() * limit);

/** The empty key, every length up to 64, bytes of all kinds, and texts of several alphabets. */
function keyNumbered(number: number): Buffer {
  if (number % 10 === 9) return Buffer.from(['schlüssel', '键', 'clé', '🔑', 'ключ'][below(5)]! + below(1e6));
  const length = number < 65 ? number : below(65);
  return Buffer.from(Array.from({ length }, () => below(256)));
}

interface Member {
  readonly id: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
  readonly owned: readonly string[];
}

interface AssignmentCase {
  readonly assignor: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly members: readonly Member[];
}

function caseNumbered(number: number): AssignmentCase {
  const assignor = ['range', 'roundrobin', 'sticky'][number % 3]!;
  const names = ['a', 'b', 'c', 'd'].slice(0, 1 + below(4));
  const counts = Object.fromEntries(names.map((name) => [name, 1 + below(9)]));
  const isEqual = fraction() < 0.4;
  const free = names.flatMap((name) => Array.from({ length: counts[name]! }, (_, partition) => `${name}:${partition}`));
  const members = Array.from({ length: 1 + below(6) }, (_, index): Member => {
    const wanted = isEqual ? names : [...names, 'missing'].filter(() => fraction() < 0.6);
    const topics = wanted.length > 0 ? wanted : [names[0]!];
    // What it owns: some of what nobody else owns, of what it wants.
    const owned = assignor === 'sticky' ? free.filter((one) => topics.includes(one[0]!) && fraction() < 0.3) : [];
    for (const one of owned) free.splice(free.indexOf(one), 1);
    return {
      id: `m${below(1000)}-${index}`,
      instanceId: fraction() < 0.3 ? `i${below(50)}-${index}` : null,
      topics,
      owned,
    };
  });
  // Java's clients only tell their assignors of topics that somebody wants, and its sticky one relies on it.
  const wanted = Object.entries(counts).filter(([name]) => members.some(({ topics }) => topics.includes(name)));
  return { assignor, counts: Object.fromEntries(wanted), members };
}

function linesOf({ assignor, counts, members }: AssignmentCase): string[] {
  return [
    ...Object.entries(counts).map(([name, count]) => `topic ${name} ${count}`),
    ...members.map(
      ({ id, instanceId, topics, owned }) =>
        `member ${id} ${instanceId ?? '-'} ${topics.join()} ${owned.join() || '-'}`,
    ),
    `assign ${assignor}`,
  ];
}

const keys = Array.from({ length: KEYS }, (_, number) => keyNumbered(number));
const cases = Array.from({ length: CASES }, (_, number) => caseNumbered(number));
const input = [...keys.map((key) => `key ${key.toString('hex')}`), ...cases.flatMap(linesOf)].join('\n');
const answers = (await runJava('ClientAnswers', [], `${input}\n`)).trimEnd().split('\n');

const keyAnswers = keys.map((key, index) => {
  const [hash, ...partitions] = answers[index]!.split(' ').map(Number);
  return { key: key.toString('hex'), hash, partitions };
});
const assignments = cases.map((one, index) => ({
  ...one,
  answer: Object.fromEntries(
    answers[KEYS + index]!.split(' ').map((part) => {
      const [id = '', list = ''] = part.split('=');
      return [id, list === '' ? [] : list.split(',')];
    }),
  ),
}));

const lines = (rows: readonly unknown[]) => `[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(',\n')}\n]\n`;
writeFileSync(`${FIXTURES}client-keys.json`, lines(keyAnswers));
writeFileSync(`${FIXTURES}client-assignments.json`, lines(assignments));
console.log(`${keyAnswers.length} keys, ${assignments.length} assignments`);
