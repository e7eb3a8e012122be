import type { ObjectSummary } from '../log/object-store.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { readSegmentIndex, type SegmentIndex } from '../segment/decode-segment.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** The index of an object that was listed, as it was written. A GET, two where it has more than 64 KiB. Throws CORRUPT_OBJECT, also for one that is gone meanwhile, UNSUPPORTED_FORMAT, and what the store throws after ten attempts. */
export function readObjectIndex(
  deps: Pick<MaintenanceDeps, 'store' | 'clock' | 'random'>,
  { key, sizeBytes: size }: ObjectSummary,
): Promise<SegmentIndex> {
  const read = async (position: number, length: number) => {
    const { answer } = await repeatRequest(deps, () => deps.store.objects.get(key, position, length));
    return answer ?? new Uint8Array(0);
  };
  return readSegmentIndex({ size, read });
}
