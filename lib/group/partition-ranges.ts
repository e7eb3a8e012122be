/** Numbers of partitions as text: `0-3,7`. A thousand neighbours take seven characters. */

/** The text of rising, different numbers. */
export function formatRanges(partitions: readonly number[]): string {
  const parts: string[] = [];
  for (let index = 0; index < partitions.length; ) {
    const first = partitions[index]!;
    let last = first;
    for (index += 1; partitions[index] === last + 1; index++) last += 1;
    parts.push(first === last ? `${first}` : `${first}-${last}`);
  }
  return parts.join(',');
}

/** The numbers of a text that `formatRanges` made; null for any other text, and for more than `maxCount` numbers. */
export function parseRanges(text: string, maxCount: number): number[] | null {
  const partitions: number[] = [];
  if (text === '') return partitions;
  for (const part of text.split(',')) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part);
    if (!match) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    const isRising = first > (partitions.at(-1) ?? -1) && last >= first;
    if (!isRising || partitions.length + last - first + 1 > maxCount) return null;
    for (let partition = first; partition <= last; partition++) partitions.push(partition);
  }
  return partitions;
}
