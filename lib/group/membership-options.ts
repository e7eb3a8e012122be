import { MillraceError } from '../errors.ts';
import { type AssignorName, assignorNames, assignorOf } from './assignor.ts';
import { parseGroupName, parseInstanceId } from './group-name.ts';
import { type AutoOffsetReset, checkAutoOffsetReset } from './group-start.ts';

/** How a member takes part in its group. Names follow Kafka's. */
export interface MembershipOptions {
  /** 1 to 255 characters. */
  readonly group: string;
  /** What people call the program; no default means `millrace`. At most 255 characters. */
  readonly clientId?: string;
  /** Lasting name of a static member: when it stops and starts again within its session, it gets its partitions back, and nobody else moves. Default: none, a dynamic member. */
  readonly groupInstanceId?: string;
  /** How partitions are shared, by preference; all members need one in common. Default `['range', 'cooperative-sticky']`, as Kafka's. */
  readonly assignors?: readonly AssignorName[];
  /** Without a sign of life for this long a member is taken for dead, and takes itself for dead. 100 to 1,800,000; at least twice `heartbeatIntervalMs`. Default 45,000. */
  readonly sessionTimeoutMs?: number;
  /** Each beat writes one unit and reads the group, half a unit and up: see the docs on cost. 10 and up. Default 5,000. */
  readonly heartbeatIntervalMs?: number;
  /** How often topics are read again for new partitions, and listed again for a pattern. Default 30,000. */
  readonly metadataMaxAgeMs?: number;
  /** Where the group begins in a partition of which it has committed nothing. Default 'earliest': nothing is missed. (Kafka's is 'latest'.) */
  readonly autoOffsetReset?: AutoOffsetReset;
}

/** Options with their defaults. */
export interface CheckedMembershipOptions extends Required<Omit<MembershipOptions, 'groupInstanceId'>> {
  readonly groupInstanceId: string | null;
}

/** Names of all options, for those who check them together with others. */
export const MEMBERSHIP_OPTION_NAMES = [
  'group',
  'clientId',
  'groupInstanceId',
  'assignors',
  'sessionTimeoutMs',
  'heartbeatIntervalMs',
  'metadataMaxAgeMs',
  'autoOffsetReset',
] as const satisfies readonly (keyof MembershipOptions)[];

const SESSION_MS = { least: 100, most: 1_800_000 };
const LEAST_HEARTBEAT_MS = 10;
const MAX_MS = 2 ** 31 - 1;

/** Checks options that have been checked for unknown names. Throws INVALID_GROUP_ID, INVALID_REQUEST, INVALID_CONFIG, INVALID_SESSION_TIMEOUT. */
export function checkMembershipOptions(options: MembershipOptions): CheckedMembershipOptions {
  const {
    group,
    clientId = 'millrace',
    groupInstanceId,
    assignors = ['range', 'cooperative-sticky'],
    sessionTimeoutMs = 45_000,
    heartbeatIntervalMs = 5_000,
    metadataMaxAgeMs = 30_000,
    autoOffsetReset = 'earliest',
  } = options;
  checkTimes(sessionTimeoutMs, heartbeatIntervalMs);
  checkInteger('metadataMaxAgeMs', metadataMaxAgeMs, 1);
  return {
    group: parseGroupName(group),
    clientId: checkClientId(clientId),
    groupInstanceId: groupInstanceId === undefined ? null : parseInstanceId(groupInstanceId),
    assignors: checkAssignors(assignors),
    sessionTimeoutMs,
    heartbeatIntervalMs,
    metadataMaxAgeMs,
    autoOffsetReset: checkAutoOffsetReset(autoOffsetReset),
  };
}

function checkTimes(sessionTimeoutMs: number, heartbeatIntervalMs: number): void {
  const { least, most } = SESSION_MS;
  if (!Number.isInteger(sessionTimeoutMs) || sessionTimeoutMs < least || sessionTimeoutMs > most) {
    throw new MillraceError('INVALID_SESSION_TIMEOUT', `sessionTimeoutMs cannot be ${String(sessionTimeoutMs)}`, {
      value: sessionTimeoutMs,
      hint: `Give an integer from ${least} to ${most}.`,
    });
  }
  checkInteger('heartbeatIntervalMs', heartbeatIntervalMs, LEAST_HEARTBEAT_MS);
  if (heartbeatIntervalMs * 2 <= sessionTimeoutMs) return;
  throw new MillraceError(
    'INVALID_SESSION_TIMEOUT',
    `a session of ${sessionTimeoutMs} ms is too short for a heartbeat every ${heartbeatIntervalMs} ms`,
    {
      value: sessionTimeoutMs,
      hint: 'One lost beat must not end a session: sessionTimeoutMs is at least twice heartbeatIntervalMs, better nine times.',
    },
  );
}

function checkInteger(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value <= MAX_MS) return;
  throw new MillraceError('INVALID_CONFIG', `the option ${name} of a consumer cannot be ${String(value)}`, {
    value,
    hint: `Give an integer from ${least} to ${MAX_MS}.`,
  });
}

function checkClientId(clientId: string): string {
  if (typeof clientId === 'string' && clientId.length <= 255) return clientId;
  throw new MillraceError('INVALID_CONFIG', 'clientId is no text of at most 255 characters', {
    value: clientId,
    hint: 'Give the name of the program, such as billing.',
  });
}

function checkAssignors(assignors: readonly AssignorName[]): readonly AssignorName[] {
  if (!Array.isArray(assignors) || assignors.length === 0) {
    throw new MillraceError('INVALID_CONFIG', 'assignors are no list', {
      value: assignors,
      hint: `Give one or more of ${assignorNames.join(', ')}, by preference.`,
    });
  }
  for (const name of assignors) assignorOf(name);
  return [...new Set(assignors)];
}
