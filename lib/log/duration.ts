import { MillraceError } from '../errors.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,15})(ms|s|m|h|d)$/;

/** Milliseconds of a duration: a number of them, or a text such as `250ms`, `30s`, `10m`, `2h`, `7d`. Throws INVALID_CONFIG. */
export function parseDuration(duration: number | string): number {
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return Math.floor(duration);
  const match = typeof duration === 'string' ? DURATION.exec(duration) : null;
  if (match !== null) return Number(match[1]) * UNITS_MS[match[2]!]!;
  throw new MillraceError('INVALID_CONFIG', `${String(duration)} is no duration`, {
    value: duration,
    hint: 'Give milliseconds as a number, or a text such as 250ms, 30s, 10m, 2h or 7d.',
  });
}

/** A duration as people write it: the largest unit that leaves nothing over. */
export function formatDuration(durationMs: number): string {
  const [unit, unitMs] = Object.entries(UNITS_MS).findLast(([, ms]) => durationMs >= ms && durationMs % ms === 0) ?? [
    'ms',
    1,
  ];
  return `${durationMs / unitMs}${unit}`;
}
