import { comparePlaces, compareRegions, type FoundRegion, type RegionPlace } from './rebuild-plan.ts';

/**
 * Gathers from regions in any order those that come next, in bounded memory: the lowest ones from a place on. Where there are more, all are given again from `next` on.
 */
export class NextRegions {
  readonly #from: RegionPlace | null;
  readonly #most: number;
  #regions: FoundRegion[] = [];
  /** Regions from it on are left for later; null: none are. */
  next: RegionPlace | null = null;

  /** `most`: about how many are kept; up to twice as many for a while. */
  constructor(from: RegionPlace | null, most: number) {
    this.#from = from;
    this.#most = most;
  }

  add(region: FoundRegion): void {
    if (this.#from !== null && comparePlaces(region, this.#from) < 0) return;
    if (this.next !== null && comparePlaces(region, this.next) >= 0) return;
    this.#regions.push(region);
    if (this.#regions.length >= 2 * this.#most) this.#cut();
  }

  /** All that were gathered, in order. */
  take(): readonly FoundRegion[] {
    if (this.#regions.length > this.#most) this.#cut();
    const regions = this.#regions.sort(compareRegions);
    this.#regions = [];
    return regions;
  }

  /** Versions of one chunk stay together. */
  #cut(): void {
    this.#regions.sort(compareRegions);
    const first = this.#regions[0]!;
    let end = this.#most;
    const isWithChunkBefore = () => comparePlaces(this.#regions[end]!, this.#regions[end - 1]!) === 0;
    while (end > 0 && end < this.#regions.length && isWithChunkBefore()) end -= 1;
    if (end === 0) end = this.#regions.findIndex((region) => comparePlaces(region, first) > 0);
    if (end < 0 || end >= this.#regions.length) return;
    const { topicId, partition, baseOffset } = this.#regions[end]!;
    this.next = { topicId, partition, baseOffset };
    this.#regions.length = end;
  }
}
