import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { parseJobState } from './run-job.ts';

/** What each job that rewrites chunks stores of it. */
interface CountedRewrites {
  readonly rewrites: number;
}

/** How often chunks have begun to be rewritten: another number when collection may find what it has not found before, although nothing was written. Two reads. */
export async function rewritesSoFar(deps: MaintenanceDeps): Promise<number> {
  let sum = 0;
  for (const job of ['compaction', 'key-compaction']) {
    const { answer: stored } = await repeatRequest(deps, () => deps.store.jobs.read(job));
    sum += (stored && parseJobState<CountedRewrites>(job, stored))?.own.rewrites ?? 0;
  }
  return sum;
}
