import { describe, expect, it } from 'vitest';
import { HeldFrame } from '../../../lib/gateway/server/held-frame.ts';

function heldFrame() {
  const told: string[] = [];
  const held = new HeldFrame({
    bytes: new Uint8Array(1),
    release: () => told.push('released'),
    recycle: () => told.push('recycled'),
  });
  return { held, told };
}

describe('the memory of a request', () => {
  it('is used again once it is answered', () => {
    const { held, told } = heldFrame();
    held.letGo();
    expect(told).toEqual(['recycled']);
  });

  it('is not used again before all who look at it are done, whoever is the last', () => {
    const { held, told } = heldFrame();
    const [one, another] = [held.hold(), held.hold()];
    one();
    one();
    held.letGo();
    expect(told).toEqual([]);
    another();
    expect(told).toEqual(['recycled']);
  });

  it('is never used again where whoever was to answer has failed', () => {
    const { held, told } = heldFrame();
    const letGo = held.hold();
    held.abandon();
    expect(told).toEqual([]);
    letGo();
    expect(told).toEqual(['released']);
  });
});
