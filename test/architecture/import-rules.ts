/** Rules on who imports whom. Each returns the violations it finds as sentences; an empty list is a pass. Imports of types count. */
import { posix } from 'node:path';
import { CONSTRUCTS_CHECK_BY, CONSTRUCTS_MAY_IMPORT, DOORS, layerOf, NODE_MODULES, rankOf } from './layers.ts';
import { placeOf, type SourceFile, type SyntaxNode, walk } from './source-file.ts';

interface Import {
  /** The path of an imported file of this project, or the specifier as it stands. */
  readonly target: string;
  readonly place: string;
}

const IMPORTING = [
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
];

/** Everything a file imports: statements, re-exports, `import()` and types written as `import('…')`. */
function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  walk(file.program, (node) => {
    if (!IMPORTING.includes(node.type)) return;
    const specifier = (node.source as SyntaxNode | null)?.value;
    if (typeof specifier === 'string')
      found.push({ target: resolve(file.path, specifier), place: placeOf(file, node) });
  });
  return found;
}

function resolve(importer: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(importer), specifier) : specifier;
}

/** A layer that the table does not name has no place in the order. */
export function findUnknownLayers(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => rankOf(layerOf(file.path) ?? '') === undefined)
    .map((file) => `${file.path} belongs to no known layer`);
}

/** Imports that point upwards, sideways to a sibling layer, or out of the layered code. */
export function findLayerViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = layerOf(file.path);
    const local = importsOf(file).filter(
      ({ target }) => target.includes('/') && /^(\.\.|lib|bin|lambdas|test|tools|bench|examples)\//.test(target),
    );
    return local
      .filter(({ target }) => !mayImport(from, target))
      .map(({ place, target }) => `${place} imports ${target}`);
  });
}

function mayImport(from: string | undefined, target: string): boolean {
  const to = layerOf(target);
  if (from === undefined || to === undefined) return false;
  if (from === 'constructs') return CONSTRUCTS_MAY_IMPORT.includes(to) || CONSTRUCTS_CHECK_BY.includes(target);
  return from === to || (rankOf(to) ?? Infinity) < (rankOf(from) ?? -1);
}

/** Relative imports of files that do not exist, or that leave out the ending `.ts`. */
export function findUnresolvedImports(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map((file) => file.path));
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => /^(lib|bin|lambdas)\//.test(target) && !known.has(target))
      .map(({ place, target }) => `${place} imports ${target}, which does not exist`),
  );
}

/** Circles of imports, each as its path, found once. */
export function findCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map((file) => [file.path, [...new Set(importsOf(file).map(({ target }) => target))]]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const follow = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) follow(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) follow(path, []);
  return cycles;
}

/** Imports of the AWS SDK anywhere but in the adapter and its tests. */
export function findSdkImports(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => !/^((lib|test)\/aws|test\/deploy)\//.test(file.path))
    .flatMap(importsOf)
    .filter(({ target }) => /^@(aws-sdk|smithy|aws-crypto)\//.test(target))
    .map(({ place, target }) => `${place} imports ${target}; only lib/aws may`);
}

/** Imports of `node:` modules that the layer has no business with, and of bare built-in names. */
export function findNodeModuleViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ target }) => target.startsWith('node:') && !mayUseModule(file.path, target))
      .map(({ place, target }) => `${place} imports ${target}`),
  );
}

function mayUseModule(path: string, module: string): boolean {
  return NODE_MODULES.some(({ files, modules }) => files.test(path) && (modules === '*' || modules.includes(module)));
}

/** Files that no door leads to. */
export function findOrphans(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set(files.map((file) => file.path).filter((path) => DOORS.some((door) => door.test(path))));
  for (const path of reached) {
    const file = byPath.get(path);
    if (file !== undefined) for (const { target } of importsOf(file)) reached.add(target);
  }
  return files.filter((file) => !reached.has(file.path)).map((file) => `no door leads to ${file.path}`);
}
