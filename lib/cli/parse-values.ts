/** Values of options: each is checked before anything is done. */
import { UsageError } from './cli-errors.ts';

/** Where `consume` begins, before the log is asked. */
export type OffsetArgument =
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'offset' | 'after-start' | 'before-end'; readonly count: bigint }
  | { readonly kind: 'time'; readonly timestampMs: bigint };

const OFFSET_HINT =
  'Use start, end, an offset (42), records before the end (-10) or behind the start (+10), or a time (@2026-11-24T10:00:00Z, @1795478400000).';

/** What the tools of Kafka, Kinesis and Lambda call the ends of a log, in lower case with `_`. */
const KNOWN_AS: Readonly<Record<string, 'start' | 'end'>> = {
  start: 'start',
  earliest: 'start',
  beginning: 'start',
  trim_horizon: 'start',
  end: 'end',
  latest: 'end',
};

/** `start` or `earliest` or `TRIM_HORIZON`, `end` or `latest`, `N`, `-N` before the end, `+N` behind the start, `@time` in ISO 8601 or in milliseconds since 1970. */
export function parseOffset(text: string): OffsetArgument {
  const kind = KNOWN_AS[text.toLowerCase().replaceAll('-', '_')];
  if (kind !== undefined) return { kind };
  if (text.startsWith('@')) return { kind: 'time', timestampMs: parseTime(text.slice(1), OFFSET_HINT) };
  const match = /^([+-]?)(\d{1,18})$/.exec(text);
  if (!match) throw new UsageError(`${text} is no offset`, OFFSET_HINT, text);
  const kinds = { '': 'offset', '+': 'after-start', '-': 'before-end' } as const;
  return { kind: kinds[match[1] as '' | '+' | '-'], count: BigInt(match[2]!) };
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/i;

/** ISO 8601, or milliseconds since 1970. A time without a zone is UTC, so that a command means the same on every machine. */
function parseTime(text: string, hint: string): bigint {
  if (/^\d{1,15}$/.test(text)) return BigInt(text);
  const match = ISO_TIME.exec(text);
  const hasTime = text.length > 10;
  const timeMs = match === null ? Number.NaN : Date.parse(hasTime && match[1] === undefined ? `${text}Z` : text);
  if (Number.isNaN(timeMs)) throw new UsageError(`${text} is no time`, hint, text);
  return BigInt(timeMs);
}

/** A time, as an option: ISO 8601, or milliseconds since 1970. */
export function parseDate(name: string): (text: string) => Date {
  return (text) => new Date(Number(parseTime(text, `For example: ${name} 2026-11-24T10:00:00Z`)));
}

/** A whole number from `min`, to `max` where there is one. */
export function parseCount(name: string, min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
    const range = Number.isFinite(max) ? `from ${min} to ${max}` : `from ${min}`;
    throw new UsageError(
      `${name} is ${text}, which is no whole number ${range}`,
      `For example: ${name} ${min + 1}`,
      text,
    );
  };
}

/** A TCP port, or 0 for any that is free. */
export function parsePort(name: string): (text: string) => number {
  return parseCount(name, 0, 65_535);
}

/** Settings by their names. Throws UsageError for one that is given twice: which was meant is not known. */
export function settingsOf(pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const names = new Set<string>();
  for (const [name] of pairs) {
    if (names.has(name)) throw new UsageError(`--config ${name} is given twice`, 'Give each setting once.', name);
    names.add(name);
  }
  return Object.fromEntries(pairs);
}

/** `name=value`, collected over repeated options. */
export function collectPairs(
  name: string,
): (text: string, before?: readonly (readonly [string, string])[]) => (readonly [string, string])[] {
  return (text, before) => {
    const mark = text.indexOf('=');
    if (mark <= 0) throw new UsageError(`${name} ${text} is not name=value`, `For example: ${name} name=value`, text);
    return [...(before ?? []), [text.slice(0, mark), text.slice(mark + 1)]];
  };
}

/** Texts, collected over repeated options. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
