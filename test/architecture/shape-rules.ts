/** Rules on the shape of files: sizes, names, docstrings, words that promise work left undone. */
import { placeOf, type SourceFile, type SyntaxNode, walk } from './source-file.ts';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;
const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** Names that say nothing about what is inside. */
const EMPTY_NAMES = /^(utils?|helpers?|common|types|misc|shared)$/;
const EMPTY_WORDS = /(^|-)(utils?|helpers?|managers?|services?)(-|$)/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const INDEX_DOORS = /^lib\/((aws|middleware|constructs)\/)?index\.ts$/;

/** Spelled in halves, so that this file passes its own rule. */
const FORBIDDEN_TEXT = [
  new RegExp(`\\b${'TO'}${'DO'}\\b`),
  new RegExp(`\\b${'FIX'}${'ME'}\\b`),
  new RegExp(`\\bas ${'any'}\\b`),
  new RegExp(`@ts-${'ignore'}`),
  new RegExp(`@ts-${'nocheck'}`),
];

/** Files longer than anybody reads in one go. */
export function findLongFiles(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.replace(/\n$/, '').split('\n').length;
    return lines > MAX_FILE_LINES ? [`${path} has ${lines} lines, more than ${MAX_FILE_LINES}`] : [];
  });
}

/** Functions, methods and arrows of too many lines; blank ones do not count. */
export function findLongFunctions(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    walk(file.program, (node) => {
      if (!FUNCTIONS.includes(node.type)) return;
      const lines = file.text
        .slice(node.start, node.end)
        .split('\n')
        .filter((line) => line.trim() !== '').length;
      if (lines > MAX_FUNCTION_LINES)
        found.push(`${placeOf(file, node)} has a function of ${lines} lines, more than ${MAX_FUNCTION_LINES}`);
    });
    return found;
  });
}

/** File and folder names that are not kebab-case, that say nothing, or that are barrels. */
export function findBadNames(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path }) => {
    const parts = path
      .replace(/\.ts$/, '')
      .split('/')
      .flatMap((part) => part.split('.'));
    const bad = parts.find((part) => !KEBAB_CASE.test(part) || EMPTY_NAMES.test(part) || EMPTY_WORDS.test(part));
    if (bad !== undefined) return [`${path}: the name ${bad}`];
    return parts.at(-1) === 'index' && !INDEX_DOORS.test(path) ? [`${path}: only package doors are called index`] : [];
  });
}

/** Exported declarations without a docstring directly above. */
export function findMissingDocstrings(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const exported = exportedDeclarations(file.program);
    const overloads = new Set<string>();
    return exported.flatMap(({ name, node }) => {
      // The first of several signatures speaks for all of them.
      const isOverload = overloads.has(name);
      overloads.add(name);
      return isOverload || hasDocstring(file.text, node.start)
        ? []
        : [`${placeOf(file, node)} exports ${name} without a docstring`];
    });
  });
}

interface Exported {
  readonly name: string;
  readonly node: SyntaxNode;
}

/** Declarations exported where they stand, by default, or by name at another place of the file. Re-exports are documented at home. */
function exportedDeclarations(program: SyntaxNode): Exported[] {
  const statements = program.body as SyntaxNode[];
  const byName = new Map(
    statements.flatMap((statement) => namesOf(statement).map((name) => [name, statement] as const)),
  );
  return statements.flatMap((statement): Exported[] => {
    if (statement.type === 'ExportDefaultDeclaration') return [{ name: 'default', node: statement }];
    if (statement.type !== 'ExportNamedDeclaration' || statement.source !== null) return [];
    const declaration = statement.declaration as SyntaxNode | null;
    if (declaration !== null) return [{ name: namesOf(declaration).join(', '), node: statement }];
    return (statement.specifiers as SyntaxNode[]).flatMap((specifier) => {
      const name = String((specifier.local as SyntaxNode).name);
      const node = byName.get(name);
      return node === undefined ? [] : [{ name, node }];
    });
  });
}

function namesOf(declaration: SyntaxNode): string[] {
  if (declaration.type === 'ImportDeclaration') return [];
  const declared = (declaration.declarations as SyntaxNode[] | undefined) ?? [declaration];
  return declared.flatMap((one) => {
    const name = (one.id as SyntaxNode | null | undefined)?.name;
    return typeof name === 'string' ? [name] : [];
  });
}

function hasDocstring(text: string, start: number): boolean {
  const above = text
    .slice(0, start)
    .replace(/\n[ \t]*$/, '')
    .trimEnd();
  const isDirectlyAbove = /\*\/[ \t]*\n?[ \t]*$/.test(text.slice(0, start));
  return isDirectlyAbove && above.endsWith('*/') && above.slice(above.lastIndexOf('/*')).startsWith('/**');
}

/** Notes about work left undone and ways around the type checker. */
export function findForbiddenText(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const pattern = FORBIDDEN_TEXT.find((candidate) => candidate.test(line));
      return pattern === undefined ? [] : [`${path}:${index + 1} says ${pattern.exec(line)?.[0]}`];
    }),
  );
}
