import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';
import { parseJobState } from './run-job.ts';

/** What each job that rewrites chunks stores of it. */
interface CountedRewrites {
  readonly rewrites: number;
}

/** Another number when collection may find what it has not found before, although nothing was written; null while chunks may be rewritten at any moment, by a job that is under way. Two reads. */
export async function rewritesSoFar(deps: MaintenanceDeps): Promise<number | null> {
  let sum = 0;
  for (const name of ['compaction', 'key-compaction']) {
    const { answer: stored } = await repeatRequest(deps, () => deps.store.jobs.read(name));
    const job = stored && parseJobState<CountedRewrites>(name, stored);
    if (job?.isUnderWay) return null;
    sum += job?.own.rewrites ?? 0;
  }
  return sum;
}
