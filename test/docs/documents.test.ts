import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS, call } from './command-help.ts';
import {
  anchors,
  codeBlocks,
  codeOf,
  ROOT,
  readDocument,
  readDocuments,
  relativeLinks,
  withoutCode,
} from './markdown.ts';

const documents = readDocuments();

interface Manifest {
  readonly bin: Record<string, string>;
  readonly scripts: Record<string, string>;
}
const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Lines that begin with so many equal characters are one line, merged badly. */
const SAID_TWICE = 60;

describe('links', () => {
  it('are found where they stand', () => {
    expect(relativeLinks('[a](b.md) [c](d/e.md#f) [g](https://h.example)\n```\n[i](j)\n```\n')).toEqual([
      'b.md',
      'd/e.md',
    ]);
  });

  it.each(documents)('of $path lead to files of the project', ({ path, text }) => {
    const missing = relativeLinks(text).filter(
      (target) => target !== '' && !existsSync(join(ROOT, dirname(path), target)),
    );
    expect(missing).toEqual([]);
  });

  it.each(documents)('of $path into a document lead to a heading of it', ({ path, text }) => {
    const links = [...withoutCode(text).matchAll(/\]\(([^)\s:]*)#([^)\s]+)\)/g)];
    const lost = links.filter(([, target = '', anchor = '']) => {
      const file = target === '' ? path : join(dirname(path), target);
      return !anchors(readDocument(file).text).includes(anchor);
    });
    expect(lost.map(([link]) => link)).toEqual([]);
  });
});

describe('paths of sources', () => {
  it.each(documents)('that $path names exist', ({ text }) => {
    const spans = [...withoutCode(text).matchAll(/`((?:lib|test|tools|bin|bench|examples)\/[\w./-]+)`/g)];
    expect(spans.map(([, span = '']) => span).filter((span) => !existsSync(join(ROOT, span)))).toEqual([]);
  });
});

describe('documents', () => {
  it.each(documents)('$path says nothing twice in neighbouring lines', ({ text }) => {
    const begins = withoutCode(text)
      .split('\n')
      .filter((line) => line.length > SAID_TWICE)
      .map((line) => line.slice(0, SAID_TWICE));
    expect(begins.filter((begin, index) => begin === begins[index - 1])).toEqual([]);
  });

  it('list a change, and a part with its state, once', () => {
    const rows = (path: string, mark: string) =>
      readDocument(path)
        .text.split('\n')
        .filter((line) => line.startsWith(mark))
        .map((line) => line.slice(0, 36));
    const changes = rows('CHANGELOG.md', '- ');
    const parts = readDocument('README.md').text.split('## What it is')[1]!.split('\n## ')[0]!;
    const names = [...parts.matchAll(/^\| ([^|]+) \|/gm)].map(([, name]) => name);
    expect(changes.length * names.length).toBeGreaterThan(100);
    expect([...new Set(changes)]).toEqual(changes);
    expect([...new Set(names)]).toEqual(names);
  });

  it.each(documents)('$path has one title, which is its first line', ({ text }) => {
    expect(text.startsWith('# ')).toBe(true);
    expect(withoutCode(text).match(/^# /gm)).toHaveLength(1);
  });

  it('are all linked from the README or from the list of decisions', () => {
    const linked = new Set([
      ...relativeLinks(readDocument('README.md').text),
      ...relativeLinks(readDocument('docs/decisions/README.md').text).map((target) => `docs/decisions/${target}`),
    ]);
    const lost = documents.filter(({ path }) => path.startsWith('docs/') && !linked.has(path));
    expect(lost.map(({ path }) => path)).toEqual([]);
  });

  it('number decisions without gaps and say their number in the title', () => {
    const decisions = documents.filter(({ path }) => /decisions\/\d/.test(path));
    const numbers = decisions.map(({ path }) => Number(/\d{4}/.exec(path)![0]));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    for (const [index, { text }] of decisions.entries()) expect(text).toMatch(new RegExp(`^# ${index + 1}\\. `));
  });

  it('of decisions tell context, decision, what was rejected', () => {
    for (const { path, text } of documents.filter((document) => /decisions\/\d/.test(document.path))) {
      for (const heading of ['Context', 'Decision', 'Rejected']) expect(text, path).toContain(`\n## ${heading}\n`);
    }
  });
});

describe('README', () => {
  const readmes = ['README.md', 'README.zh-CN.md'].map(readDocument);

  it.each(readmes)('$path opens with npm start and npm test', ({ text }) => {
    const [first] = codeBlocks(text, 'sh');
    const commands = first!.text
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s*#.*$/, ''));
    expect(commands).toEqual(['npm start', 'npm test']);
    expect(text.indexOf('```sh')).toBeLessThan(text.indexOf('```text'));
  });

  it.each(readmes)('$path has an example of ten lines', ({ text }) => {
    const [example] = codeBlocks(text, 'ts');
    expect(example!.text.split('\n').filter((line) => line !== '')).toHaveLength(10);
  });

  it('is the same in both languages: headings, code, rows of tables', () => {
    const shape = (text: string) => ({
      headings: text.match(/^#+ /gm),
      rows: text.match(/^\|/gm)?.length,
      console: codeBlocks(text, 'console'),
      links: relativeLinks(text).filter((target) => !target.startsWith('README')),
    });
    expect(shape(readmes[1]!.text)).toEqual(shape(readmes[0]!.text));
  });

  it.each(documents)('and others ($path) name npm scripts that exist', ({ text }) => {
    const scripts = [...codeOf(text).matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map(([, script = '']) => script);
    const npmItself = ['install', 'ci'];
    const unknown = scripts.filter((script) => !npmItself.includes(script) && manifest.scripts[script] === undefined);
    expect(unknown).toEqual([]);
  });

  it.each(documents)('and others ($path) name commands that exist', ({ text }) => {
    const called = [
      ...codeOf(text).matchAll(
        /(?:^|npx )millrace ((?:--[\w-]+ [\w:]+ )?(?:(?:topic|delayed|group|subscription|dlq|maintenance|perf|inspect) )?[a-z][\w-]*)/gm,
      ),
    ];
    const commands = called.map(([, command = '']) => command.replace(/^--[\w-]+ [\w:]+ /, ''));
    expect(commands.filter((command) => !COMMANDS.includes(command))).toEqual([]);
  });

  it('names a command that the package has, and the list of commands is what it knows', async () => {
    expect(existsSync(join(ROOT, manifest.bin.millrace!))).toBe(true);
    for (const command of COMMANDS) expect((await call([...command.split(' '), '--help'])).code, command).toBe(0);
    expect((await call(['topic', 'rename', '--help'])).printed).not.toContain('millrace topic rename');
    const families = ['topic', 'group', 'subscription', 'dlq', 'perf', 'inspect'];
    const helps = await Promise.all(families.map((family) => call([family, '--help'])));
    const listings = helps
      .map(({ printed }) => printed)
      .join('')
      .match(/^Commands:\n(?: .*\n)*/gm)!
      .join('');
    const known = [...listings.matchAll(/^ {2}([a-z][\w-]*) /gm)].map(([, name = '']) => name);
    const listed = COMMANDS.map((command) => command.split(' ')[1]).filter((name) => name !== undefined);
    expect(known.filter((name) => name !== 'help' && !listed.includes(name))).toEqual([]);
  });
});
