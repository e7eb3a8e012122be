import { describe, expect, it } from 'vitest';
import { RareLook } from '../../lib/gateway/rare-look.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

function open() {
  const clock = new VirtualClock({ jumps: false });
  const looks: PromiseWithResolvers<void>[] = [];
  const look = () => {
    looks.push(Promise.withResolvers<void>());
    return looks.at(-1)!.promise;
  };
  return { clock, looks, rare: new RareLook({ clock, everyMs: 1_000, look }) };
}

describe('a rare look', () => {
  it('is shared by who asks meanwhile, had by who asks soon after, and made again later', async () => {
    const { clock, looks, rare } = open();
    let ended = 0;
    const asked = [rare.had(), rare.had()].map((one) => one.then(() => ended++));
    await clock.advance(500);
    expect([looks.length, ended]).toEqual([1, 0]);
    looks[0]!.resolve();
    await Promise.all(asked);
    await rare.had();
    await clock.advance(499);
    await rare.had();
    expect(looks).toHaveLength(1);
    await clock.advance(1);
    void rare.had();
    expect(looks).toHaveLength(2);
  });

  it('that failed fails for all who asked, and is made again for the next', async () => {
    const { looks, rare } = open();
    const asked = [rare.had(), rare.had()];
    looks[0]!.reject(new Error('away'));
    for (const one of asked) await expect(one).rejects.toThrow('away');
    const again = rare.had();
    expect(looks).toHaveLength(2);
    looks[1]!.resolve();
    await again;
  });
});
