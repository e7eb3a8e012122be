/** Where `group seek` moves a group to. */
import type { GroupPosition } from '../group/seek-group.ts';
import { UsageError } from './cli-errors.ts';
import { parseOffset } from './parse-values.ts';

/** A position, before it is known what time it is. */
export type PositionArgument =
  | { readonly kind: 'position'; readonly position: GroupPosition }
  | { readonly kind: 'ago'; readonly durationMs: number };

const HINT =
  'Use start, end, an offset (42), a time (@2026-11-24T10:00:00Z, @1795478400000), how long ago (90s, 30m, 2h, 1d12h, PT2H), or where another group is (group:NAME).';

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
/** `1d12h`, and the ISO 8601 form that Kafka's tool takes: `P1DT12H`. */
const DURATION = /^(?:(\d{1,6})d)?(?:(\d{1,7})h)?(?:(\d{1,9})m)?(?:(\d{1,11})s)?$/;

/** Reads a position as it is typed. Throws UsageError. */
export function parseGroupPosition(text: string): PositionArgument {
  if (text.startsWith('group:') && text.length > 6) return at({ group: text.slice(6) });
  const durationMs = parseDuration(text);
  if (durationMs !== null) return { kind: 'ago', durationMs };
  const offset = parsePlainOffset(text);
  switch (offset.kind) {
    case 'start':
    case 'end':
      return at(offset.kind);
    case 'offset':
      return at(offset.count);
    case 'time':
      return at({ timestampMs: offset.timestampMs });
    default:
      throw new UsageError(`${text} is no position of a group`, HINT, text);
  }
}

/** The position, seen from now. */
export function resolvePosition(argument: PositionArgument, nowMs: number): GroupPosition {
  if (argument.kind === 'position') return argument.position;
  return { timestampMs: BigInt(Math.floor(nowMs) - argument.durationMs) };
}

function at(position: GroupPosition): PositionArgument {
  return { kind: 'position', position };
}

function parsePlainOffset(text: string): ReturnType<typeof parseOffset> {
  try {
    return parseOffset(text);
  } catch {
    throw new UsageError(`${text} is no position`, HINT, text);
  }
}

function parseDuration(text: string): number | null {
  const isIso = /^P(?=.)/i.test(text);
  const plain = isIso ? text.slice(1).replace(/T/i, '').toLowerCase() : text;
  const match = plain === '' ? null : DURATION.exec(plain);
  if (match === null) return null;
  const [, d = 0, h = 0, m = 0, s = 0] = match;
  return Number(d) * UNIT_MS.d + Number(h) * UNIT_MS.h + Number(m) * UNIT_MS.m + Number(s) * UNIT_MS.s;
}

/** `orders`, `orders:3`, `orders:0,2`. Throws UsageError. */
export function parseSeekTopic(
  text: string,
  before: readonly { readonly topic: string; readonly partitions?: readonly number[] }[] = [],
): { readonly topic: string; readonly partitions?: readonly number[] }[] {
  const match = /^([^:]+)(?::(\d{1,9}(?:,\d{1,9})*))?$/.exec(text);
  if (match === null) {
    throw new UsageError(`--topic ${text} is no topic`, 'For example: --topic orders, --topic orders:0,2', text);
  }
  const [, topic, numbers] = match;
  return [...before, { topic: topic!, ...(numbers !== undefined && { partitions: numbers.split(',').map(Number) }) }];
}
