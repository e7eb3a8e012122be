import { AWAKE } from '../clock.ts';
import { describeJobs } from '../maintenance/describe-jobs.ts';
import type { MaintenanceDeps } from '../maintenance/maintenance-deps.ts';
import type { JobName } from '../maintenance/run-maintenance.ts';
import type { CliContext } from './cli-context.ts';
import { write } from './cli-io.ts';
import { progressText } from './maintenance-text.ts';

/** What is told, and by what. */
export interface ProgressRequest {
  readonly deps: MaintenanceDeps;
  readonly jobs: readonly JobName[];
}

/** Between two looks, each of which costs four reads. A job stores how far it is every ten seconds. */
const LOOK_MS = 5_000;
/** Where the width of a terminal is not known. */
const WIDTH = 80;

/** On a terminal one line says, while `run` works, which job is at it and how far it is. */
export async function withProgress<T>(
  { io, json }: Pick<CliContext, 'io' | 'json'>,
  request: ProgressRequest,
  run: () => Promise<T>,
): Promise<T> {
  const { stderr } = io;
  const isTerminal = !json && 'isTTY' in stderr && stderr.isTTY === true;
  if (!isTerminal) return run();
  const width = 'columns' in stderr && typeof stderr.columns === 'number' ? stderr.columns : WIDTH;
  const tell = (line: string) => write(stderr, `\r\x1b[K${line.slice(0, width - 1)}`).catch(() => {});
  const ended = new AbortController();
  const told = tellUntil(ended.signal, request, tell);
  try {
    return await run();
  } finally {
    ended.abort(AWAKE);
    await told;
    await tell('');
  }
}

async function tellUntil(
  ended: AbortSignal,
  { deps, jobs }: ProgressRequest,
  tell: (line: string) => Promise<void>,
): Promise<void> {
  for (;;) {
    await deps.clock.sleep(LOOK_MS, ended);
    if (ended.aborted) return;
    // What goes wrong with it is told by the job itself.
    const described = await describeJobs(deps).catch(() => []);
    const working = described.find(({ job, takenUntilMs }) => takenUntilMs !== null && jobs.includes(job));
    if (working !== undefined && !ended.aborted) await tell(progressText(working));
  }
}
