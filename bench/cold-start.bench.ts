/**
 * How long a process takes to load each deployed function: with the parts of the AWS SDK that it uses in its bundle, and with the packages of the SDK beside it, as the run time of Lambda has them. Sides are measured in turns.
 * `node bench/cold-start.bench.ts [--json]`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildLambdas, type CodeSize, type LambdaBundle } from '../tools/build-lambdas.ts';
import { FUNCTION_ENVIRONMENT } from '../tools/function-environment.ts';
import { formatTable } from './format-table.ts';

/** What one process measured. */
interface Load {
  readonly wallMs: number;
  readonly processorMs: number;
}

/** One function. */
export interface ColdStartRow {
  readonly name: string;
  readonly bytes: number;
  readonly ownBytes: number;
  /** What is loaded by a cold start. */
  readonly start: CodeSize;
  /** Medians. */
  readonly bundled: Load;
  readonly outside: Load;
}

const TURNS = 15;
const SIDES = ['bundled', 'outside'] as const;
const LOADER = `
const [usage, begun] = [process.cpuUsage(), performance.now()];
await import(process.argv[1]);
const [wallMs, { user, system }] = [performance.now() - begun, process.cpuUsage(usage)];
process.stdout.write(JSON.stringify({ wallMs, processorMs: (user + system) / 1_000 }));
process.exit();
`;

function load(folder: string, name: string): Load {
  const args = ['--input-type=module', '--eval', LOADER, join(folder, name, 'index.mjs')];
  return JSON.parse(execFileSync(process.execPath, args, { env: FUNCTION_ENVIRONMENT, encoding: 'utf8' })) as Load;
}

function medianOf(loads: readonly Load[]): Load {
  const middle = (of: (one: Load) => number) => loads.map(of).toSorted((a, b) => a - b)[loads.length >> 1]!;
  return { wallMs: middle(({ wallMs }) => wallMs), processorMs: middle(({ processorMs }) => processorMs) };
}

function measure(folder: string, { name, bytes, ownBytes, start }: LambdaBundle): ColdStartRow {
  const loads = { bundled: [] as Load[], outside: [] as Load[] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const side of SIDES) loads[side].push(load(join(folder, side), name));
  }
  return { name, bytes, ownBytes, start, bundled: medianOf(loads.bundled), outside: medianOf(loads.outside) };
}

async function run(): Promise<readonly ColdStartRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cold-start-'));
  try {
    symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
    const bundles = await buildLambdas(join(folder, 'bundled'));
    await buildLambdas(join(folder, 'outside'), { sdk: 'outside' });
    return bundles.map((bundle) => measure(folder, bundle));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const rows = await run();
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(rows));
} else {
  const kilobytes = (bytes: number) => (bytes / 1_000).toFixed(0);
  const times = ({ wallMs, processorMs }: Load) => [wallMs.toFixed(0), processorMs.toFixed(0)];
  const cells = rows.map(({ name, bytes, ownBytes, start, bundled, outside }) => [
    name,
    kilobytes(bytes),
    kilobytes(ownBytes),
    kilobytes(start.bytes),
    kilobytes(start.ownBytes),
    ...times(bundled),
    ...times(outside),
    (outside.processorMs / bundled.processorMs).toFixed(1),
  ]);
  const head = [
    'function',
    'kB',
    'own',
    'at start',
    'own',
    'bundled ms',
    'processor',
    'SDK outside ms',
    'processor',
    'ratio',
  ];
  console.log(formatTable(head, cells));
}
