/**
 * Finds few of many things that are enough for something to happen, by leaving out ever smaller parts of them (Zeller's ddmin): what is left cannot be made smaller by leaving out any one, unless the attempts
 * have run out.
 */
export async function shrink(
  all: readonly number[],
  happensWith: (kept: readonly number[]) => Promise<boolean>,
  attempts: number,
): Promise<readonly number[]> {
  let kept = all;
  let parts = 2;
  let left = attempts;
  const tried = async (candidate: readonly number[]) => {
    left -= 1;
    return happensWith(candidate);
  };
  if (kept.length > 0 && (await tried([]))) return [];
  while (kept.length > 1 && left > 0) {
    const smaller = await smallerOf(kept, parts, tried, () => left > 0);
    if (smaller !== null) {
      kept = smaller;
      parts = Math.max(2, parts - 1);
    } else if (parts >= kept.length) break;
    else parts = Math.min(kept.length, parts * 2);
  }
  return kept;
}

/** Without the first of so many parts that can be left out; null when none can. */
async function smallerOf(
  kept: readonly number[],
  parts: number,
  happensWith: (kept: readonly number[]) => Promise<boolean>,
  mayGoOn: () => boolean,
): Promise<readonly number[] | null> {
  const size = Math.ceil(kept.length / parts);
  for (let start = 0; start < kept.length && mayGoOn(); start += size) {
    const candidate = [...kept.slice(0, start), ...kept.slice(start + size)];
    if (await happensWith(candidate)) return candidate;
  }
  return null;
}
