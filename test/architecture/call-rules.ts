/** Rules on what code may call: time, chance, environment and plain errors come in from outside. */
import { isDomain } from './layers.ts';
import { placeOf, type SourceFile, type SyntaxNode, walk } from './source-file.ts';

/** The one file that may read the machine's clock and draw random numbers. */
const CLOCK = 'lib/clock.ts';

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'];
/** Globals that a deciding layer never names. */
const OUTSIDE_WORLD = [...TIMERS, 'process', 'console', 'performance', 'crypto', 'globalThis', 'fetch', 'require'];
/** Exports of `node:crypto` that draw random numbers. */
const RANDOM_EXPORTS = [
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'getRandomValues',
  'webcrypto',
];
const PLAIN_ERRORS = ['Error', 'TypeError', 'RangeError', 'SyntaxError', 'AggregateError'];

type Visit = (node: SyntaxNode, ancestors: readonly SyntaxNode[]) => string | undefined;

function collect(files: readonly SourceFile[], visit: Visit): string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    walk(file.program, (node, ancestors) => {
      const what = visit(node, ancestors);
      if (what !== undefined) found.push(`${placeOf(file, node)} ${what}`);
    });
    return found;
  });
}

const nameOf = (node: unknown): unknown => (node as SyntaxNode | undefined)?.name;
const field = (node: SyntaxNode, name: string): SyntaxNode | undefined => node[name] as SyntaxNode | undefined;

/** Whether this identifier stands for a value in scope: neither the name of a member or key, nor part of a type. */
function isReference(node: SyntaxNode, parent: SyntaxNode): boolean {
  if (node.type !== 'Identifier' || parent.type.startsWith('TS')) return false;
  const isMemberName = parent.type === 'MemberExpression' && parent.property === node && parent.computed !== true;
  const isKey = /^(Property|PropertyDefinition|MethodDefinition)$/.test(parent.type) && parent.key === node;
  return !isMemberName && !(isKey && parent.computed !== true && parent.shorthand !== true);
}

function usesClockOrChance(node: SyntaxNode, parent: SyntaxNode): string | undefined {
  if (parent.type === 'ImportSpecifier' && parent.imported === node && RANDOM_EXPORTS.includes(String(nameOf(node)))) {
    return `imports ${nameOf(node)}; use the injected Random`;
  }
  if (parent.type === 'MemberExpression' && parent.property === node && RANDOM_EXPORTS.includes(String(nameOf(node)))) {
    return `draws ${nameOf(node)}; use the injected Random`;
  }
  if (!isReference(node, parent)) return undefined;
  if (nameOf(node) === 'Date' && !isPureDate(node, parent)) return 'reads the wall clock; use the injected Clock';
  if (nameOf(node) === 'performance') return 'reads the clock; use the injected Clock';
  if (nameOf(node) === 'Math' && !isPureMath(parent)) return 'draws a random number; use the injected Random';
  return undefined;
}

/** `new Date(ms)`, `Date.UTC` and `Date.parse` only compute. */
function isPureDate(node: SyntaxNode, parent: SyntaxNode): boolean {
  if (parent.type === 'NewExpression') return (parent.arguments as unknown[]).length > 0;
  if (parent.type === 'BinaryExpression') return parent.right === node && parent.operator === 'instanceof';
  return parent.type === 'MemberExpression' && ['UTC', 'parse'].includes(String(nameOf(parent.property)));
}

/** Any member but `random`; a bare `Math` could be taken apart. */
function isPureMath(parent: SyntaxNode): boolean {
  return parent.type === 'MemberExpression' && parent.computed !== true && nameOf(parent.property) !== 'random';
}

/** Reads of the wall clock and draws of random numbers, anywhere but in the one file that owns them. */
export function findClockAndChance(files: readonly SourceFile[]): string[] {
  const inScope = files.filter((file) => file.path !== CLOCK);
  return collect(inScope, (node, ancestors) => {
    const parent = ancestors.at(-1);
    return parent === undefined ? undefined : usesClockOrChance(node, parent);
  });
}

/** Timers, environment, output and other globals in the layers that decide. */
export function findOutsideWorld(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => isDomain(file.path))
    .flatMap((file) => {
      const own = functionsOf(file);
      return collect([file], (node, ancestors) => {
        const parent = ancestors.at(-1);
        const name = String(nameOf(node));
        if (parent === undefined || !OUTSIDE_WORLD.includes(name) || own.has(name)) return undefined;
        return isReference(node, parent) ? `uses ${name}` : undefined;
      });
    });
}

/** Names of the functions that a file declares or imports: its own `fetch` is not the global one. */
function functionsOf(file: SourceFile): Set<string> {
  const statements = (file.program.body as SyntaxNode[]).map((node) => field(node, 'declaration') ?? node);
  const imported = statements.flatMap((node) =>
    node.type === 'ImportDeclaration' && /^\./.test(String(field(node, 'source')?.value))
      ? (node.specifiers as SyntaxNode[])
      : [],
  );
  const names = imported.map((specifier) => nameOf(specifier.local));
  const declared = statements.filter((node) => node.type === 'FunctionDeclaration').map((node) => nameOf(node.id));
  return new Set([...names, ...declared].map(String));
}

/** Errors without a code. */
export function findPlainErrors(files: readonly SourceFile[]): string[] {
  return collect(files, (node) => {
    if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return undefined;
    const callee = nameOf(field(node, 'callee'));
    return PLAIN_ERRORS.includes(String(callee)) ? `makes a plain ${callee}; use MillraceError` : undefined;
  });
}

/** Tests that are left out, or that keep all others from running. */
export function findDisabledTests(files: readonly SourceFile[]): string[] {
  const disabled = ['skip', 'only', 'todo', 'fails'];
  const aliases = ['xit', 'xtest', 'xdescribe', 'fit', 'fdescribe'];
  return collect(files, (node, ancestors) => {
    if (node.type === 'Identifier' && aliases.includes(String(nameOf(node)))) return `uses ${nameOf(node)}`;
    if (node.type !== 'MemberExpression' || !disabled.includes(String(nameOf(node.property)))) return undefined;
    const root = innermostObject(node);
    const isOfTest =
      ['it', 'test', 'describe', 'suite'].includes(String(nameOf(root))) || isTestContext(root, ancestors);
    return isOfTest ? `uses .${nameOf(node.property)}` : undefined;
  });
}

function innermostObject(node: SyntaxNode): SyntaxNode {
  const object = field(node, 'object') ?? field(node, 'callee');
  return object === undefined ? node : innermostObject(object);
}

/** `context.skip()` inside a test, where `context` is what the test was given. */
function isTestContext(root: SyntaxNode, ancestors: readonly SyntaxNode[]): boolean {
  return ancestors.some((node) => {
    const params = (node.params as SyntaxNode[] | undefined) ?? [];
    return (
      Array.isArray(params) &&
      params.length === 1 &&
      ['context', 'ctx', 'task'].includes(String(nameOf(root))) &&
      nameOf(params[0]) === nameOf(root)
    );
  });
}
