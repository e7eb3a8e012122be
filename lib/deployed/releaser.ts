/** The releaser as a function: sleeps until it is time, for partitions that wait and for delayed records, so that nobody else has to. It is small, and a minute of its sleep costs about $0.0002. */
import { asMillraceError } from '../errors.ts';
import type { EventSourcePorts } from '../event-source/event-source-store.ts';
import { freshUuid } from '../log/fresh-uuid.ts';
import { inParallel } from '../log/in-parallel.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type DueReleaseDeps, type DueReleaseOptions, releaseDue } from './due-release.ts';
import { parseReleaserEvent, type WakeUp } from './releaser-event.ts';

/** What it needs. */
export interface ReleaserDeps extends DueReleaseDeps {
  readonly store: DueReleaseDeps['store'] & Pick<EventSourcePorts, 'bells'>;
}

const PARALLEL = 16;

/** Does what an event asks. Throws what the store throws after ten attempts, after all that could be done was: then the event is to be given again. */
export async function releaseOnEvent(deps: ReleaserDeps, event: unknown, options: DueReleaseOptions): Promise<void> {
  const { wakeUps, release } = parseReleaserEvent(event);
  const done = await Promise.allSettled([ringInTime(deps, wakeUps), ...(release ? [releaseDue(deps, options)] : [])]);
  const failed = done.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw asMillraceError(failed.reason);
}

/** Rings for each partition when its time has come, by this clock. */
async function ringInTime(deps: ReleaserDeps, wakeUps: readonly WakeUp[]): Promise<void> {
  const { clock, store } = deps;
  const inOrder = [...Map.groupBy(wakeUps, ({ atMs }) => atMs)].sort(([left], [right]) => left - right);
  for (const [atMs, together] of inOrder) {
    await clock.sleep(Math.max(0, atMs - clock.nowMs()));
    await inParallel(together, PARALLEL, async ({ group, partition }) => {
      await repeatRequest(deps, () => store.bells.ring({ group, partition }, freshUuid(deps.random), atMs));
    });
  }
}
