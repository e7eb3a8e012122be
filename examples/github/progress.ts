/** What is shown while the run goes on: one block that is drawn again on a terminal, plain lines elsewhere. */
import { createLogUpdate } from 'log-update';
import { grouped, megabytes } from './report.ts';

export interface Progress {
  readonly total: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly counted: number;
  readonly audited: number;
  /** `counts-1: 0 1 2`. */
  readonly members: readonly string[];
  /** Partitions that moved, in words, the latest last. */
  readonly changes: readonly string[];
  readonly acknowledgedBytes: number;
  readonly storedBytes: number;
  readonly puts: number;
  readonly elapsedMs: number;
}

export interface ProgressDisplay {
  show(progress: Progress): void;
  /** Leaves the last state on the screen. */
  done(): void;
}

const BAR = 30;
/** Movements of partitions that stay on the screen. */
const SHOWN_CHANGES = 5;

function bar(value: number, total: number): string {
  const filled = total === 0 ? BAR : Math.min(BAR, Math.round((value / total) * BAR));
  return '█'.repeat(filled) + '░'.repeat(BAR - filled);
}

function block(progress: Progress): string {
  const { total, sent, acknowledged, counted, audited, acknowledgedBytes, storedBytes, puts, elapsedMs } = progress;
  const { members, changes } = progress;
  const line = (name: string, value: number) =>
    `  ${name.padEnd(13)}${bar(value, total)} ${grouped(value).padStart(8)} of ${grouped(total)}`;
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const ratio =
    storedBytes > 0
      ? ` in ${grouped(puts)} segment${puts === 1 ? '' : 's'}, ${(acknowledgedBytes / storedBytes).toFixed(0)} : 1`
      : '';
  return [
    line('sent', sent),
    line('acknowledged', acknowledged),
    line('counted', counted),
    line('audited', audited),
    `  ${megabytes(acknowledgedBytes)} stored as ${megabytes(storedBytes)}${ratio} · ${grouped(Math.round(acknowledged / seconds))} records/s · ${seconds.toFixed(1)} s`,
    `  partitions   ${members.join('  │  ')}`,
    ...changes.slice(-SHOWN_CHANGES).map((change) => `    ${change}`),
  ].join('\n');
}

/** A terminal that does not know its size says 0, and nothing would fit into that. */
function terminalDisplay(stream: NodeJS.WriteStream): ProgressDisplay {
  stream.rows ||= 24;
  stream.columns ||= 80;
  const update = createLogUpdate(stream);
  return { show: (progress) => update(block(progress)), done: () => update.done() };
}

const PLAIN_EVERY_MS = 1_000;

function plainDisplay(stream: NodeJS.WritableStream): ProgressDisplay {
  let nextMs = 0;
  let said = 0;
  return {
    show({ total, sent, acknowledged, counted, audited, changes, elapsedMs }) {
      for (; said < changes.length; said++) stream.write(`${changes[said]}\n`);
      if (elapsedMs < nextMs) return;
      nextMs = elapsedMs + PLAIN_EVERY_MS;
      const seconds = (elapsedMs / 1000).toFixed(1);
      const parts = [`sent ${grouped(sent)}`, `acknowledged ${grouped(acknowledged)}`, `counted ${grouped(counted)}`];
      stream.write(`${seconds} s: ${parts.join(', ')}, audited ${grouped(audited)} of ${grouped(total)}\n`);
    },
    done() {},
  };
}

/** A display for this stream. */
export function progressDisplay(stream: NodeJS.WriteStream): ProgressDisplay {
  return stream.isTTY ? terminalDisplay(stream) : plainDisplay(stream);
}
