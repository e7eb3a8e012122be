import { describe, expect, it } from 'vitest';
import { BatchTurns } from '../../lib/gateway/batch-turns.ts';

const MIB = 1024 * 1024;

/** Turns that end when the test says so. */
function stagedTurns() {
  const over: (() => void)[] = [];
  const turns = new BatchTurns({ sleep: () => new Promise((resolve) => over.push(resolve)) });
  const endTurn = async () => {
    over.shift()!();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { turns, endTurn };
}

describe('BatchTurns', () => {
  it('begin at once while there is room, and keep the order afterwards', async () => {
    const { turns, endTurn } = stagedTurns();
    const begun: number[] = [];
    const all = [0, 1, 2, 3, 4].map((number) =>
      turns.run((spend) => {
        begun.push(number);
        spend(3 * MIB);
        return number;
      }),
    );
    expect(begun).toEqual([0, 1]);
    await endTurn();
    expect(begun).toEqual([0, 1, 2, 3]);
    // There would be room for what comes now, but it is not its turn.
    await endTurn();
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets nobody pass who waits', async () => {
    const { turns, endTurn } = stagedTurns();
    const begun: string[] = [];
    const run = (name: string, bytes: number) =>
      turns.run((spend) => {
        begun.push(name);
        spend(bytes);
      });
    void run('large', 8 * MIB);
    void run('second', 1);
    const third = run('third', 1);
    expect(begun).toEqual(['large']);
    await endTurn();
    await third;
    expect(begun).toEqual(['large', 'second', 'third']);
  });

  it('go on behind work that fails', async () => {
    const { turns, endTurn } = stagedTurns();
    const failing = turns.run((spend) => {
      spend(8 * MIB);
      throw new Error('no');
    });
    const behind = turns.run(() => 'done');
    await expect(failing).rejects.toThrow('no');
    await endTurn();
    expect(await behind).toBe('done');
  });
});
