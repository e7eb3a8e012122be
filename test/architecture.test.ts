/**
 * The law of the code. Each rule runs over the whole project and, beside it, over a small example that breaks it, so that a rule
 * that no longer catches anything is noticed.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findClockAndChance, findDisabledTests, findOutsideWorld, findPlainErrors } from './architecture/call-rules.ts';
import {
  findCycles,
  findLayerViolations,
  findNodeModuleViolations,
  findOrphans,
  findSdkImports,
  findUnknownLayers,
  findUnresolvedImports,
} from './architecture/import-rules.ts';
import {
  findBadNames,
  findForbiddenText,
  findLongFiles,
  findLongFunctions,
  findMissingDocstrings,
} from './architecture/shape-rules.ts';
import { parseSource, readSources, type SourceFile } from './architecture/source-file.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const layered = readSources(root, ['lib', 'bin', 'lambdas']);
const library = layered.filter((file) => file.path.startsWith('lib/'));
const tests = readSources(root, ['test']);
const programs = readSources(root, ['tools', 'examples', 'bench']);
const all = [...layered, ...programs, ...tests];

const example = (files: Record<string, string>): SourceFile[] =>
  Object.entries(files).map(([path, text]) => parseSource(path, text));

describe('layers', () => {
  it('gives every file a layer', () => {
    expect(findUnknownLayers(example({ 'lib/attic/old.ts': '' }))).toHaveLength(1);
    expect(findUnknownLayers(layered)).toEqual([]);
  });

  it('lets no file import upwards', () => {
    expect(findLayerViolations(example({ 'lib/log/head.ts': "import type { A } from '../client/a.ts';" }))).toEqual([
      'lib/log/head.ts:1 imports lib/client/a.ts',
    ]);
    expect(findLayerViolations(example({ 'lib/log/a.ts': "type A = import('../cli/a.ts').A;" }))).toHaveLength(1);
    expect(
      findLayerViolations(example({ 'lib/log/a.ts': "export const a = () => import('../../test/a.ts');" })),
    ).toHaveLength(1);
    expect(findLayerViolations(example({ 'lib/log/a.ts': "import '../record/a.ts'; import './b.ts';" }))).toEqual([]);
    expect(findLayerViolations(layered)).toEqual([]);
  });

  it('lets no layer import its sibling', () => {
    const sibling = (from: string, to: string) =>
      findLayerViolations(example({ [`lib/${from}/a.ts`]: `export { a } from '../${to}/a.ts';` }));
    expect(sibling('aws', 'memory')).toHaveLength(1);
    expect(sibling('sqlite', 'memory')).toHaveLength(1);
    expect(sibling('group', 'maintenance')).toHaveLength(1);
    expect(sibling('client', 'event-source')).toHaveLength(1);
    expect(sibling('console', 'lambda-host')).toHaveLength(1);
    expect(sibling('dev', 'cli')).toHaveLength(1);
    expect(sibling('constructs', 'client')).toHaveLength(1);
  });

  it('has no cycle, those of types included', () => {
    const cycle = example({
      'lib/log/a.ts': "import { b } from './b.ts';",
      'lib/log/b.ts': "import type { C } from './c.ts';",
      'lib/log/c.ts': "import type { A } from './a.ts';",
    });
    expect(findCycles(cycle)).toEqual(['lib/log/a.ts → lib/log/b.ts → lib/log/c.ts → lib/log/a.ts']);
    expect(findCycles(layered)).toEqual([]);
  });

  it('imports only files that exist', () => {
    expect(findUnresolvedImports(example({ 'lib/log/a.ts': "import './gone.ts';" }))).toHaveLength(1);
    expect(findUnresolvedImports(layered)).toEqual([]);
  });

  it('can be entered everywhere from a door', () => {
    const house = {
      'lib/index.ts': "export * from './log/a.ts';",
      'lib/log/a.ts': "import './b.ts';",
      'lib/log/b.ts': '',
    };
    expect(findOrphans(example(house))).toEqual([]);
    expect(findOrphans(example({ ...house, 'lib/log/c.ts': '' }))).toEqual(['no door leads to lib/log/c.ts']);
    expect(findOrphans(layered)).toEqual([]);
  });
});

describe('the outside world', () => {
  it('keeps the AWS SDK in its adapter', () => {
    const sdk = "import type { S3Client } from '@aws-sdk/client-s3';";
    expect(findSdkImports(example({ 'lib/connect/aws.ts': sdk, 'test/client/a.test.ts': sdk }))).toHaveLength(2);
    expect(findSdkImports(example({ 'lib/aws/a.ts': sdk, 'test/aws/a.test.ts': sdk }))).toEqual([]);
    expect(findSdkImports(all)).toEqual([]);
  });

  it('gives each layer only the node modules it needs', () => {
    const importing = (path: string, module: string) =>
      findNodeModuleViolations(example({ [path]: `import * as module from '${module}';` }));
    expect(importing('lib/log/a.ts', 'node:fs')).toHaveLength(1);
    expect(importing('lib/record/batch.ts', 'node:zlib')).toHaveLength(1);
    expect(importing('lib/record/gzip.ts', 'node:zlib')).toEqual([]);
    expect(importing('lib/client/a.ts', 'node:crypto')).toHaveLength(1);
    expect(importing('lib/sqlite/a.ts', 'node:sqlite')).toEqual([]);
    expect(findNodeModuleViolations(layered)).toEqual([]);
  });

  it('has one reader of the clock and one source of chance', () => {
    const caught = (text: string) => findClockAndChance(example({ 'lib/sqlite/a.ts': text })).length;
    expect(caught('export const a = Date.now();')).toBe(1);
    expect(caught('const now = Date.now;')).toBe(1);
    expect(caught('const { now } = Date;')).toBe(1);
    expect(caught('const a = new Date();')).toBe(1);
    expect(caught('const a = performance.now();')).toBe(1);
    expect(caught('const a = Math.random();')).toBe(1);
    expect(caught('const { random } = Math;')).toBe(1);
    expect(caught("import { randomUUID } from 'node:crypto';")).toBe(1);
    expect(caught('const a = crypto.getRandomValues(new Uint8Array(4));')).toBe(1);
    expect(
      caught('const a = new Date(5); const b = Math.max(1, 2); const c: Date = a; const d = Date.UTC(2026, 1);'),
    ).toBe(0);
    expect(findClockAndChance(library)).toEqual([]);
  });

  it('lets deciding layers touch no timer, process, console or other global', () => {
    const caught = (text: string) => findOutsideWorld(example({ 'lib/client/a.ts': text })).length;
    expect(caught('setTimeout(() => {}, 5);')).toBe(1);
    expect(caught('const wait = setInterval;')).toBe(1);
    expect(caught('setImmediate(() => {});')).toBe(1);
    expect(caught('const a = process.env;')).toBe(1);
    expect(caught('console.log(1);')).toBe(1);
    expect(caught('const a = globalThis.crypto;')).toBe(1);
    expect(caught('interface A { process(): void } const a = (b: A) => b.process(); const c = { console: 1 };')).toBe(
      0,
    );
    expect(caught('export function fetch() {} fetch();')).toBe(0);
    expect(caught("import { fetch } from './fetch.ts'; fetch();")).toBe(0);
    expect(caught("import process from 'node:process'; process.exit();")).toBeGreaterThan(0);
    expect(caught("fetch('https://example.com');")).toBe(1);
    expect(findOutsideWorld(library)).toEqual([]);
  });

  it('throws no error without a code', () => {
    const caught = (text: string) => findPlainErrors(example({ 'lib/log/a.ts': text })).length;
    expect(caught("throw new Error('bad');")).toBe(1);
    expect(caught("Promise.reject(new TypeError('bad'));")).toBe(1);
    expect(caught("throw Error('bad');")).toBe(1);
    expect(caught("throw new MillraceError('CLOSED', 'bad');")).toBe(0);
    expect(findPlainErrors(library)).toEqual([]);
  });
});

describe('shape', () => {
  it('keeps files short', () => {
    expect(findLongFiles(example({ 'lib/a.ts': 'let a;\n'.repeat(401) }))).toHaveLength(1);
    expect(findLongFiles(example({ 'lib/a.ts': 'let a;\n'.repeat(400) }))).toEqual([]);
    expect(findLongFiles(all)).toEqual([]);
  });

  it('keeps functions short', () => {
    const functions = all.filter((file) => !/^(test|bench)\//.test(file.path));
    const caught = (before: string, after: string, lines: number) =>
      findLongFunctions(example({ 'lib/a.ts': `${before}${'a();\n'.repeat(lines)}${after}` })).length;
    expect(caught('function f() {\n', '}', 69)).toBe(1);
    expect(caught('const f = () => {\n', '};', 69)).toBe(1);
    expect(caught('class A {\nmethod() {\n', '}\n}', 69)).toBe(1);
    expect(caught('function f() {\n', '}', 68)).toBe(0);
    expect(findLongFunctions(functions)).toEqual([]);
  });

  it('names files by what they hold', () => {
    const bad = [
      'lib/utils.ts',
      'lib/log/test-helpers.ts',
      'lib/common/a.ts',
      'lib/types.ts',
      'lib/lease-manager.ts',
      'lib/a-service.ts',
    ];
    for (const path of [...bad, 'lib/log/index.ts', 'lib/log/topicName.ts', 'lib/log/topic_name.ts']) {
      expect(findBadNames(example({ [path]: '' })), path).toHaveLength(1);
    }
    const good = ['lib/index.ts', 'lib/aws/index.ts', 'lib/record/crc32c.ts', 'test/log/head.property.test.ts'];
    for (const path of good) expect(findBadNames(example({ [path]: '' })), path).toEqual([]);
    expect(findBadNames(all)).toEqual([]);
  });

  it('documents every export', () => {
    const caught = (text: string) => findMissingDocstrings(example({ 'lib/a.ts': text })).length;
    expect(caught('export const a = 1;')).toBe(1);
    expect(caught('/* not a docstring */\nexport const a = 1;')).toBe(1);
    expect(caught('/** Of the module. */\n\nexport const a = 1;')).toBe(1);
    expect(caught('/** Of b. */\nconst b = 1;\nexport interface A {}')).toBe(1);
    expect(caught('const a = 1;\nexport { a };')).toBe(1);
    expect(caught("/** A. */\nexport type A = 1;\nexport { b } from './b.ts';")).toBe(0);
    expect(
      caught(
        '/** F. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;\nexport function f(a: unknown) { return a; }',
      ),
    ).toBe(0);
    expect(findMissingDocstrings(library)).toEqual([]);
  });

  it('leaves no test out', () => {
    const caught = (text: string) => findDisabledTests(example({ 'test/a.test.ts': text })).length;
    expect(caught("it.skip('a', () => {});")).toBe(1);
    expect(caught("describe.only('a', () => {});")).toBe(1);
    expect(caught("it.concurrent.todo('a');")).toBe(1);
    expect(caught("xit('a', () => {});")).toBe(1);
    expect(caught("it('a', (context) => context.skip());")).toBe(1);
    expect(caught('const cursor = { skip: () => 1 }; cursor.skip();')).toBe(0);
    expect(findDisabledTests(tests)).toEqual([]);
  });

  it('says nothing about work left undone', () => {
    const words = [
      `// ${'TO'}DO: later`,
      `// ${'FIX'}ME`,
      `const a = 1 as ${'any'};`,
      `// @ts-${'ignore'}`,
      `// @ts-${'nocheck'}`,
    ];
    for (const text of words) expect(findForbiddenText(example({ 'lib/a.ts': text })), text).toHaveLength(1);
    expect(findForbiddenText(example({ 'lib/a.ts': '// as many todos as anyone' }))).toEqual([]);
    expect(findForbiddenText(all)).toEqual([]);
  });
});
