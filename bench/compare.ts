/** Two sides that alternate turns, so that a noisy machine disturbs both alike. */

const TURNS = 15;
const TURN_MS = 40;

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]!;
}

/** Calls a second of one turn. */
function turn(run: () => void, calls: number): number {
  const start = performance.now();
  for (let call = 0; call < calls; call++) run();
  return (calls * 1000) / (performance.now() - start);
}

function callsPerTurn(run: () => void): number {
  let calls = 1;
  for (;;) {
    const speed = turn(run, calls);
    if (calls / speed > TURN_MS / 2000) return Math.max(1, Math.round((speed * TURN_MS) / 1000));
    calls *= 2;
  }
}

/** Calls a second of each side: the medians of its turns. */
export function compare(ours: () => void, theirs: () => void): { ours: number; theirs: number } {
  const sides = [ours, theirs];
  const calls = sides.map(callsPerTurn);
  const speeds: [number[], number[]] = [[], []];
  for (let round = 0; round < TURNS; round++) {
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) speeds[side]!.push(turn(sides[side]!, calls[side]!));
  }
  return { ours: median(speeds[0]), theirs: median(speeds[1]) };
}
