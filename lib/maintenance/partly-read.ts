/** Of some partitions whose names are read at once: which are read, and where the others go on. Pure. */
import type { ReadPartition } from './read-names.ts';
import type { WalkedHead } from './walk-topics.ts';

/** How far the names of one partition are. */
export interface PartlyRead {
  readonly partition: number;
  /** The chunk at which it goes on, decimal: JSON knows no bigint. Null: all were read, or cannot be. */
  readonly goesOn: string | null;
}

/** Those of which something is to be read, and from which chunk on. */
export function stillToRead(
  heads: readonly WalkedHead[],
  partly: readonly PartlyRead[],
): readonly (WalkedHead & { readonly fromBase: bigint })[] {
  const known = new Map(partly.map(({ partition, goesOn }) => [partition, goesOn]));
  return heads.flatMap((one) => {
    const goesOn = known.get(one.partition.partition);
    return goesOn === null ? [] : [{ ...one, fromBase: BigInt(goesOn ?? 0) }];
  });
}

/** As it is behind a reading. */
export function afterReading(partly: readonly PartlyRead[], read: readonly ReadPartition[]): readonly PartlyRead[] {
  const now = read.map(({ partition: { partition }, goesOn }) => ({ partition, goesOn: goesOn?.toString() ?? null }));
  const others = partly.filter(({ partition }) => now.every((one) => one.partition !== partition));
  return [...others, ...now];
}
