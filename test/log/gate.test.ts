import { expect, it } from 'vitest';
import { Gate } from '../../lib/log/gate.ts';

it('lets so many run at once, in the order in which they came', async () => {
  const gate = new Gate(2);
  const events: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string) =>
    gate.run(async () => {
      events.push(`${name} begins`);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  const running = ['a', 'b', 'c', 'd'].map(start);
  await Promise.resolve();
  expect(events).toEqual(['a begins', 'b begins']);
  ends.get('b')!();
  await expect(running[1]).resolves.toBe('b');
  await Promise.resolve();
  expect(events).toEqual(['a begins', 'b begins', 'c begins']);
  ends.get('a')!();
  ends.get('c')!();
  await Promise.all([running[0], running[2]]);
  await new Promise(setImmediate);
  expect(events.at(-1)).toBe('d begins');
  ends.get('d')!();
  await running[3];
});

it('passes on a failure and gives the place on', async () => {
  const gate = new Gate(1);
  const failing = gate.run(() => Promise.reject(new RangeError('no')));
  const next = gate.run(async () => 'yes');
  await expect(failing).rejects.toThrow('no');
  await expect(next).resolves.toBe('yes');
  await expect(gate.run(async () => 'again')).resolves.toBe('again');
});
