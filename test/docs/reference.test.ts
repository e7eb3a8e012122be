import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConsumerOptions } from '../../lib/client/consumer-options.ts';
import { checkProducerOptions } from '../../lib/client/producer-options.ts';
import { checkReaderOptions } from '../../lib/client/reader-options.ts';
import { type ErrorCode, MillraceError } from '../../lib/errors.ts';
import { topicConfigNames } from '../../lib/log/topic-config.ts';
import { ROOT, readDocument, tableBelow } from './markdown.ts';

const reference = readDocument('docs/producer-and-reader.md').text;
const namesIn = (cell: string) => [...cell.matchAll(/`([\w.]+)`/g)].map(([, name = '']) => name);

/** The names of an interface's fields, as its source has them. */
function fieldsOf(path: string, name: string): readonly string[] {
  const source = readFileSync(join(ROOT, path), 'utf8');
  const [, body = ''] =
    new RegExp(`export interface ${name}(?:<[^{]*>)? (?:extends [^{]*)?\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(source) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field);
}

describe('the glossary', () => {
  const words = tableBelow(readDocument('docs/glossary.md').text, '# Glossary').map(([word = '']) => word);

  it('is in alphabetical order, each word once', () => {
    expect(words).toEqual([...new Set(words)].sort((left, right) => left.localeCompare(right, 'en')));
  });

  it('has the words of the layers and of the stored items', () => {
    const folders = readdirSync(join(ROOT, 'lib'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const elsewhere = ['aws', 'cli', 'client', 'connect', 'log', 'memory', 'sqlite'];
    const layers = folders.map(({ name }) => name).filter((name) => !elsewhere.includes(name));
    const items = ['head', 'chunk', 'topic', 'global floor', 'entry', 'region', 'record batch', 'isolation domain'];
    expect([...layers, ...items].filter((word) => !words.includes(word))).toEqual([]);
  });
});

describe('the reference', () => {
  it('lists every error code, with whether it may be retried', () => {
    const source = readFileSync(join(ROOT, 'lib/errors.ts'), 'utf8');
    const codes = [...source.matchAll(/^ {2}([A-Z_]+): (true|false),/gm)].map(([, code = '']) => code);
    const listed = tableBelow(reference, '## Errors').map(([code, retriable]) => [code, retriable]);
    expect(listed.map(([code]) => code)).toEqual(codes);
    for (const [code, retriable] of listed) {
      expect(new MillraceError(code as ErrorCode, '').retriable, code).toBe(retriable === 'yes');
    }
  });

  it('lists every option of the producer and of the reader', () => {
    const listed = (heading: string) => tableBelow(reference, heading).flatMap(([names = '']) => namesIn(names));
    expect(listed('## Producer').sort()).toEqual(
      [...fieldsOf('lib/client/producer-options.ts', 'ProducerOptions')].sort(),
    );
    expect(listed('## Reader').sort()).toEqual([...fieldsOf('lib/client/reader-options.ts', 'ReaderOptions')].sort());
  });

  it('lists every option of the consumer that a reader has not, and those defaults that hold', () => {
    const rows = tableBelow(readDocument('docs/consumer-groups.md').text, '## Options');
    const fields = [
      ...fieldsOf('lib/client/consumer-options.ts', 'ConsumerOptions'),
      ...fieldsOf('lib/group/membership-options.ts', 'MembershipOptions'),
    ];
    // The interval of autoCommit stands in the row of autoCommit.
    const listed = [...rows.flatMap(([names = '']) => namesIn(names)), 'autoCommitIntervalMs'];
    expect(listed.sort()).toEqual(fields.sort());
    const { membership, maxPollIntervalMs, autoCommitIntervalMs } = checkConsumerOptions({ group: 'g' });
    const stated = new Map(rows.map(([name = '', value = '']) => [namesIn(name)[0], value]));
    expect(stated.get('sessionTimeoutMs')).toBe(membership.sessionTimeoutMs.toLocaleString('en'));
    expect(stated.get('heartbeatIntervalMs')).toBe(membership.heartbeatIntervalMs.toLocaleString('en'));
    expect(stated.get('metadataMaxAgeMs')).toBe(membership.metadataMaxAgeMs.toLocaleString('en'));
    expect(stated.get('maxPollIntervalMs')).toBe(maxPollIntervalMs.toLocaleString('en'));
    expect(stated.get('autoOffsetReset')).toBe(`\`'${String(membership.autoOffsetReset)}'\``);
    expect(rows.find(([name]) => name === '`autoCommit`')?.[2]).toContain(autoCommitIntervalMs.toLocaleString('en'));
  });

  it('states the defaults that hold', () => {
    const stated = (heading: string, name: string) =>
      tableBelow(reference, heading).find(([names = '']) => namesIn(names).includes(name))?.[1];
    const producer = checkProducerOptions();
    expect(stated('## Producer', 'acks')).toBe(`\`'${producer.acks}'\``);
    expect(stated('## Producer', 'batchBytes')).toBe(`${producer.batchBytes / 1024} KiB`);
    expect(stated('## Producer', 'lingerMs')).toBe(String(producer.lingerMs));
    expect(stated('## Producer', 'bufferMemoryBytes')).toBe(`${producer.bufferMemoryBytes / 1024 / 1024} MiB`);
    expect(stated('## Producer', 'maxBlockMs')).toBe(producer.maxBlockMs.toLocaleString('en-US'));
    const reader = checkReaderOptions();
    expect(stated('## Reader', 'stopAtEnd')).toBe(String(reader.stopAtEnd));
    expect(stated('## Reader', 'outOfRange')).toBe(`\`'${reader.outOfRange}'\``);
    expect(stated('## Reader', 'readAheadBytes')).toBe(`${reader.readAheadBytes / 1024 / 1024} MiB`);
    expect(stated('## Reader', 'idleMinMs')).toBe(`${reader.idleMinMs}, ${reader.idleMaxMs.toLocaleString('en-US')}`);
    expect(stated('## Reader', 'retryMs')).toBe(reader.retryMs.toLocaleString('en-US'));
  });

  it('names every setting of topics to those who come from Kafka', () => {
    const { text } = readDocument('docs/from-kafka.md');
    const named = tableBelow(text, '## Settings').flatMap((cells) => cells.flatMap(namesIn));
    expect(topicConfigNames.filter((name) => !named.includes(name))).toEqual([]);
  });
});
