/**
 * The layers of the code, lowest first. A file imports from its own layer and from lower ranks; layers of one rank never import each other.
 * The table also names the layers that are still to come, so that their first file already stands under the law.
 */
const RANKS: readonly (readonly string[])[] = [
  ['errors', 'limits', 'prices', 'clock', 'nearest-name', 'buffer-pool'],
  ['record'],
  ['segment'],
  ['log'],
  ['group', 'maintenance'],
  ['delay'],
  ['client', 'event-source', 'gateway', 'http'],
  ['aws', 'memory', 'sqlite'],
  ['connect', 'local'],
  ['index', 'middleware', 'lambda-host', 'console', 'constructs'],
  ['dev', 'deployed'],
  ['cli'],
  ['lambdas', 'bin'],
];

/** Layers that decide: no clock, no chance, no environment, no I/O but through ports. */
const DOMAIN_LAYERS: readonly string[] = [
  'errors',
  'limits',
  'prices',
  'nearest-name',
  'buffer-pool',
  'record',
  'segment',
  'log',
  'group',
  'maintenance',
  'delay',
  'client',
  'event-source',
  'gateway',
  'http',
];

/** Files that others enter by: package doors, the command line, programs, deployed functions. */
export const DOORS: readonly RegExp[] = [
  /^lib\/index\.ts$/,
  /^lib\/(aws|middleware|constructs)\/index\.ts$/,
  /^lib\/local\.ts$/,
  /^lib\/cli\/main\.ts$/,
  // The table of all APIs, for documents and tools.
  /^lib\/gateway\/protocol\/apis\.ts$/,
  // Functions are begun by it, as processes of their own.
  /^lib\/lambda-host\/bootstrap\.ts$/,
  /^bin\/[^/]+\.ts$/,
  /^lambdas\/[^/]+\.ts$/,
];

/** What a stack may share with the run time: names and limits, */
export const CONSTRUCTS_MAY_IMPORT: readonly string[] = ['constructs', 'errors', 'limits', 'prices'];

/** and what judges settings, patterns and schedules that people write: it is refused at synthesis as the log would refuse it. */
export const CONSTRUCTS_CHECK_BY: readonly string[] = [
  'lib/log/check-topic-config.ts',
  'lib/event-source/filter/filter.ts',
  'lib/event-source/redrive-schedule.ts',
];

/**
 * The `node:` modules that a layer may import, by the path of the importing file; a file under several entries may import what any of them lists.
 * Layers not named here may import none, `'*'` means all.
 */
export const NODE_MODULES: readonly { readonly files: RegExp; readonly modules: readonly string[] | '*' }[] = [
  { files: /^lib\/clock\.ts$/, modules: ['node:crypto', 'node:perf_hooks', 'node:timers', 'node:timers/promises'] },
  { files: /^lib\/record\/(gzip|zstd)\.ts$/, modules: ['node:zlib'] },
  // SQS tells the MD5 of each body.
  { files: /^lib\/event-source\/push\/sqs-event\.ts$/, modules: ['node:crypto'] },
  // Keys are told apart by their SHA-256.
  { files: /^lib\/maintenance\/clean\/hash-key\.ts$/, modules: ['node:crypto'] },
  { files: /^lib\/gateway\//, modules: ['node:net', 'node:tls', 'node:crypto'] },
  // Names of schedules.
  { files: /^lib\/deployed\//, modules: ['node:crypto'] },
  { files: /^lib\/http\//, modules: ['node:http', 'node:crypto'] },
  {
    files: /^lib\/sqlite\//,
    modules: [
      'node:sqlite',
      'node:fs',
      'node:fs/promises',
      'node:path',
      'node:crypto',
      'node:url',
      'node:worker_threads',
    ],
  },
  { files: /^lib\/aws\//, modules: ['node:http', 'node:https', 'node:stream', 'node:crypto'] },
  { files: /^lib\/connect(\/|\.ts$)/, modules: ['node:path', 'node:fs', 'node:fs/promises', 'node:url', 'node:os'] },
  { files: /^lib\/local\.ts$/, modules: ['node:path', 'node:fs', 'node:fs/promises', 'node:os'] },
  { files: /^(bin|lambdas|lib\/(cli|dev|console|lambda-host|constructs))\//, modules: '*' },
];

/** The layer of a file: the folder or file right under `lib`, or the top folder of programs. Undefined outside the layered code. */
export function layerOf(path: string): string | undefined {
  const [top, next] = path.split('/');
  if (top === 'bin' || top === 'lambdas') return top;
  return top === 'lib' && next !== undefined ? next.replace(/\.ts$/, '') : undefined;
}

/** The height of a layer; undefined for one that the table does not know. */
export function rankOf(layer: string): number | undefined {
  const rank = RANKS.findIndex((layers) => layers.includes(layer));
  return rank < 0 ? undefined : rank;
}

/** Whether a file belongs to the layers that decide and never act. */
export function isDomain(path: string): boolean {
  return DOMAIN_LAYERS.includes(layerOf(path) ?? '');
}
