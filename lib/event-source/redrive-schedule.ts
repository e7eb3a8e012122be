/**
 * When dead letters go back by themselves: the schedule expressions of EventBridge, in UTC. Source: "Setting a schedule pattern" in the EventBridge user guide.
 *
 * `rate(5 minutes)`: so long after the first of them came. `cron(minutes hours day-of-month month day-of-week year)`: one of the two days is `?`, and days of the week are 1 (Sunday) to 7.
 */
import { Cron } from 'croner';
import { MillraceError } from '../errors.ts';

/** See the top of this file. */
export interface RedriveSchedule {
  /** The first time behind `afterMs`, milliseconds since 1970; null: it never comes again. */
  nextMs(afterMs: number): number | null;
}

const RATE = /^rate\(\s*(\d{1,6})\s+(minute|hour|day)s?\s*\)$/;
const CRON = /^cron\(\s*(.*?)\s*\)$/;
const UNITS_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
const MAX_RATE_MS = 366 * 86_400_000;
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** A field of a cron expression. */
interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Names for its numbers, from `from` on. */
  readonly names?: readonly string[];
  /** A value of a form of its own, as croner writes it; null: it is none. */
  readonly special?: (text: string) => string | null;
  /** How croner writes a number; default: as it is. */
  readonly shift?: number;
}

/** `3W` is the weekday nearest to the third, `L` the last day of the month. */
const dayOfMonth = (text: string) => (/^(L|LW|([1-9]|[12]\d|3[01])W)$/.test(text) ? text : null);

/** `6#2` is the second Friday of the month, `6L` the last one, `L` Saturday. */
function dayOfWeek(text: string): string | null {
  const match = /^(?:([1-7])(?:#([1-5])|(L))|L)$/.exec(text);
  if (match === null) return null;
  const [, day, nth, last] = match;
  return day === undefined ? '6' : `${Number(day) - 1}#${last ?? nth}`;
}

const FIELDS: readonly Field[] = [
  { name: 'minutes', from: 0, to: 59 },
  { name: 'hours', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31, special: dayOfMonth },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  { name: 'day of week', from: 1, to: 7, names: DAYS, special: dayOfWeek, shift: -1 },
  { name: 'year', from: 1970, to: 2199 },
];
const [DAY_OF_MONTH, DAY_OF_WEEK] = [2, 4];

/** Reads a schedule. Throws INVALID_CONFIG, which says what it may be. */
export function parseSchedule(text: unknown): RedriveSchedule {
  if (typeof text === 'string') {
    const rate = RATE.exec(text);
    if (rate !== null) return everySoOften(text, Number(rate[1]) * UNITS_MS[rate[2] as keyof typeof UNITS_MS]);
    const cron = CRON.exec(text);
    if (cron !== null) return byCalendar(text, cron[1]!);
  }
  throw badSchedule(text, 'Give rate(5 minutes), or cron(0 9 ? * MON-FRI *).');
}

function everySoOften(text: string, everyMs: number): RedriveSchedule {
  if (everyMs > 0 && everyMs <= MAX_RATE_MS) return { nextMs: (afterMs) => Math.ceil(afterMs) + everyMs };
  throw badSchedule(text, 'Give one minute to 366 days.');
}

function byCalendar(text: string, expression: string): RedriveSchedule {
  const fields = expression.split(/\s+/);
  if (fields.length !== FIELDS.length) {
    throw badSchedule(text, `Give six fields: ${FIELDS.map(({ name }) => name).join(', ')}.`);
  }
  const isEither = (fields[DAY_OF_MONTH] === '?') !== (fields[DAY_OF_WEEK] === '?');
  if (!isEither) throw badSchedule(text, 'Give ? as the day of the month or as the day of the week, and not as both.');
  const translated = FIELDS.map((field, index) => translateField(text, field, fields[index]!));
  const cron = compileCron(text, `0 ${translated.join(' ')}`);
  return { nextMs: (afterMs) => cron.nextRun(new Date(Math.floor(afterMs)))?.getTime() ?? null };
}

function compileCron(text: string, pattern: string): Cron {
  try {
    return new Cron(pattern, { timezone: 'UTC', paused: true, domAndDow: true, mode: '7-part' });
  } catch (cause) {
    throw badSchedule(text, 'See "Setting a schedule pattern" in the EventBridge user guide.', cause);
  }
}

function translateField(text: string, field: Field, value: string): string {
  const isDay = field.special !== undefined;
  if (value === '*' || (value === '?' && isDay)) return '*';
  return value
    .split(',')
    .map((part) => translatePart(text, field, part))
    .join(',');
}

/** `5`, `MON`, `1-5`, and with a step: `0/15`, or an asterisk for its beginning. */
function translatePart(text: string, field: Field, part: string): string {
  const special = field.special?.(part);
  if (special != null) return special;
  const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part);
  const [, first = '', last, step] = match ?? [];
  const from = first === '*' ? field.from : numberOf(field, first);
  const isOpen = first === '*' || step !== undefined;
  const to = last !== undefined ? numberOf(field, last) : isOpen ? field.to : from;
  const isRange = from !== null && to !== null && from <= to && !(first === '*' && last !== undefined);
  if (!isRange || Number(step ?? 1) < 1) {
    const names = field.names === undefined ? '' : `, or ${field.names[0]} to ${field.names.at(-1)}`;
    throw badSchedule(
      text,
      `${part} is no ${field.name}: give ${field.from} to ${field.to}${names}, ranges upwards, steps.`,
    );
  }
  const shift = field.shift ?? 0;
  if (from === to && step === undefined) return `${from + shift}`;
  return `${from + shift}-${to + shift}${step === undefined ? '' : `/${step}`}`;
}

function numberOf({ from, to, names = [] }: Field, text: string): number | null {
  const named = names.indexOf(text.toUpperCase());
  const value = named >= 0 ? named + from : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : null;
}

function badSchedule(text: unknown, hint: string, cause?: unknown): MillraceError {
  return new MillraceError('INVALID_CONFIG', `${String(text).slice(0, 100)} is no schedule`, {
    value: text,
    hint,
    cause,
  });
}
