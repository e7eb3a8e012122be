/** The word that somebody meant: errors about an unknown name say the nearest known one. */

/** Edits that are still a slip of the finger: one for each three letters, and at least two. */
function allowedEdits(word: string): number {
  return Math.max(2, Math.floor(word.length / 3));
}

/** Words longer than this are compared by their beginning, because the comparison takes time by the square of it. */
const COMPARED_LENGTH = 256;

/**
 * How many letters are to be inserted, removed, replaced or swapped with their neighbour to make `to` out of `from` (optimal string
 * alignment); `limit + 1` for anything above `limit`.
 */
export function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let edits = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) edits = Math.min(edits, beforeLast[column - 2]! + 1);
      current.push(edits);
    }
    if (Math.min(...current) > limit) return limit + 1;
    beforeLast = last;
    last = current;
  }
  return Math.min(last[to.length]!, limit + 1);
}

/**
 * The name nearest to `wanted`, ignoring case, or undefined when none is near: at most one edit in three letters, at least two, and never
 * every letter of it. Among equals the first wins.
 */
export function nearestName(wanted: string, names: Iterable<string>): string | undefined {
  const word = wanted.slice(0, COMPARED_LENGTH).toLowerCase();
  let limit = Math.min(allowedEdits(word), word.length - 1);
  let nearest: string | undefined;
  for (const name of names) {
    if (limit < 0) break;
    const distance = editDistance(word, name.slice(0, COMPARED_LENGTH).toLowerCase(), limit);
    if (distance > limit) continue;
    nearest = name;
    limit = distance - 1;
  }
  return nearest;
}
