/** Passes of collection over a stage, and objects that nobody has committed. */
import type { CollectionReport } from '../../lib/maintenance/collection-state.ts';
import { describeJobs } from '../../lib/maintenance/describe-jobs.ts';
import { encodeSegment } from '../../lib/segment/encode-segment.ts';
import { firstIdAt, type SegmentId } from '../../lib/segment/segment-id.ts';
import { segmentKey } from '../../lib/segment/segment-key.ts';
import { batchOf } from '../log/log-stage.ts';
import { DAY_MS, HOUR_MS, type MaintenanceStage } from './maintenance-stage.ts';

/** One pass, though it is not due. */
export const COLLECT = { jobs: ['collection'] as const, evenIfNotDue: true };

/** How the job stands. */
export const collectionOf = async (stage: MaintenanceStage) => {
  const collection = (await describeJobs(stage.deps)).find(({ job }) => job === 'collection');
  return collection as typeof collection & { readonly report: CollectionReport };
};
const keyOf = (id: SegmentId, domain = 'shared') => segmentKey({ prefix: '', domain, level: 0, id });

/** Puts an object that nobody has committed, as a writer that crashed leaves it. */
export async function orphan(
  stage: MaintenanceStage,
  partition: { topicId: string; partition: number },
  domain = 'shared',
) {
  const id = `${firstIdAt(stage.clock.nowMs()).slice(0, 20)}${String(orphans++).padStart(6, '0')}`;
  const { bytes } = encodeSegment({
    level: 0,
    writerId: id,
    regions: [{ ...partition, batches: [batchOf(['lost'])] }],
  });
  await stage.base.objects.put(keyOf(id, domain), bytes);
  return keyOf(id, domain);
}
let orphans = 0;

/** Objects of records, not those of maintenance itself. */
export const segments = async (stage: MaintenanceStage) =>
  (await stage.objects()).filter((key) => !key.startsWith('_maintenance/'));

/** Passes an hour apart, for so many days: what is condemned is carried out. */
export async function collectFor(stage: MaintenanceStage, days: number, everyMs = 6 * HOUR_MS) {
  for (let passedMs = 0; passedMs < days * DAY_MS; passedMs += everyMs) {
    await stage.run(COLLECT);
    stage.clock.pass(everyMs);
  }
  await stage.run(COLLECT);
}
