/** Actions of people who do not rest before they were answered. */
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import type { VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { EventSourceOracle } from './event-source-oracle.ts';

const PATIENCE_MS = 60_000;
const ATTEMPTS = 20;

/** In a new process each time, which may die; false when none of them was answered. */
export function attemptInProcesses(
  {
    time,
    oracle,
    spawn,
  }: { readonly time: VirtualTime; readonly oracle: EventSourceOracle; readonly spawn: () => MemberProcess },
  action: (process: MemberProcess) => Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = (left: number) => {
      if (left === 0) return resolve(false);
      const process = spawn();
      // It may have died: then nobody hears of it.
      const cancel = time.schedule(PATIENCE_MS, () => attempt(left - 1));
      action(process).then(
        () => {
          cancel();
          resolve(true);
        },
        (error: unknown) => {
          oracle.note(`${process.name} failed`, String(error));
          cancel();
          attempt(left - 1);
        },
      );
    };
    attempt(ATTEMPTS);
  });
}
