/** Rebuilds a log with what stands beside it: consumer groups, subscriptions of functions, delayed records. */
import { repeatRequest } from '../../log/repeat-request.ts';
import type { Topic } from '../../log/topic.ts';
import { type RebuildRequest, rebuild } from '../../maintenance/rebuild/rebuild.ts';
import type { RebuildReport } from '../../maintenance/rebuild/rebuild-report.ts';
import { type RestoredDelayed, restoreDelayed } from './restore-delayed.ts';
import type { OldGroups, RestoreDeps, RestoredCount } from './restore-deps.ts';
import { type RestoredGroups, restoreGroups } from './restore-groups.ts';
import { restoreSubscriptions } from './restore-subscriptions.ts';

/** How it is done. */
export interface RebuildLogRequest extends Omit<RebuildRequest, 'beforeOpening'> {
  /** A backup of groups, subscriptions and delayed records, which is only read. Default: none, and those that are there stay. */
  readonly groupsFrom?: OldGroups;
}

/** What stands beside the log. */
export interface RestoredBeside {
  /** Null: no backup of them was given. */
  readonly groups: Omit<RestoredGroups, 'subscriptions'> | null;
  readonly subscriptions: RestoredCount | null;
  /** Also of those that were never lost: they are announced again. */
  readonly delayed: RestoredDelayed;
}

/** What could be restored, and what could not. */
export interface RebuildLogReport extends RebuildReport {
  readonly beside: RestoredBeside;
}

/**
 * As `rebuild`. Groups, subscriptions and delayed records of a backup are made again before the topics are opened, so that nobody finds a topic without them; what is there under the same name stays as it is. May be killed at any point, and run
 * again.
 */
export async function rebuildLog(deps: RestoreDeps, request: RebuildLogRequest = {}): Promise<RebuildLogReport> {
  const { groupsFrom: from = null, ...log } = request;
  // A backup that is not there is told before anything is written.
  if (from !== null) await repeatRequest(deps, () => from.groups.list(null, 1));
  let beside: RestoredBeside | null = null;
  const report = await rebuild(deps, {
    ...log,
    async beforeOpening({ topics, ...told }) {
      const names = new Map(topics.map(({ topicId, name }: Topic) => [topicId, name]));
      const restore = { ...told, names };
      const found = from === null ? null : await restoreGroups(deps, from, restore);
      const known = found?.subscriptions ?? [];
      const subscriptions = from === null ? null : await restoreSubscriptions(deps, from, { ...restore, known });
      const delayed = await restoreDelayed(deps, from, { ...restore, topics });
      const groups = found && { restored: found.restored, there: found.there, offsets: found.offsets };
      beside = { groups, subscriptions, delayed };
    },
  });
  return { ...report, beside: beside! };
}
