/** What members of a group told, held against what a group promises. */

/** One line of one member. */
export interface GroupEvent {
  readonly atMs: number;
  readonly member: string;
  readonly kind: 'given' | 'committed' | 'assigned' | 'revoked' | 'lost' | 'killed' | 'stopped' | 'woken' | 'left';
  readonly partitions: readonly number[];
  /** Of `given` and `committed`. */
  readonly offset: number;
}

/** The line of a member. Throws for anything else. */
export function parseEvent(member: string, line: string): GroupEvent {
  const match = /^([\d.]+) (given|committed|assigned|revoked|lost) ([\d,]+)(?: (\d+))?$/.exec(line);
  if (match === null) throw new TypeError(`${member} says ${line}`);
  const [, atMs, kind, partitions = '', offset = '-1'] = match;
  return {
    atMs: Number(atMs),
    member,
    kind: kind as GroupEvent['kind'],
    partitions: partitions.split(',').map(Number),
    offset: Number(offset),
  };
}

interface Partition {
  /** The member that has it, as far as it has told. */
  owner: string | null;
  /** What each member was given last since it was assigned; undefined: nothing yet. */
  readonly last: Map<string, number | undefined>;
  readonly given: Set<number>;
  /** What was committed when each member was assigned it: it begins there, however much later it is given something. */
  readonly committedBefore: Map<string, number>;
  committed: number;
  /** Below which records may have been deleted. */
  readonly trim: number;
}

/** What is wrong, and how much of what there was. */
export interface GroupVerdict {
  readonly problems: readonly string[];
  readonly given: number;
  readonly repeated: number;
  readonly moves: number;
}

/**
 * Checks a whole history, sorted by time here. `ends`: high watermark of each partition, null for one of a topic that was deleted, of which nobody has to be given everything. `trims`: below which offset records of a
 * partition may have been deleted; nobody has to be given those. A member that was stopped may believe to hold what it has lost until `graceMs` after it was woken, so till then only what
 * it commits is held against it.
 */
export function checkGroupHistory(
  events: readonly GroupEvent[],
  ends: ReadonlyMap<number, number | null>,
  { graceMs = 0, trims = new Map() }: { readonly graceMs?: number; readonly trims?: ReadonlyMap<number, number> } = {},
): GroupVerdict {
  const problems: string[] = [];
  const partitions = new Map<number, Partition>(
    [...ends.keys()].map((number) => [
      number,
      {
        owner: null,
        last: new Map(),
        given: new Set(),
        committedBefore: new Map(),
        committed: 0,
        trim: trims.get(number) ?? 0,
      },
    ]),
  );
  /** By member: until when it may be wrong about what it holds. */
  const astray = new Map<string, number>();
  const isAstray = (member: string, atMs: number) => (astray.get(member) ?? 0) >= atMs;
  let [given, repeated, moves] = [0, 0, 0];
  const say = (event: GroupEvent, what: string) =>
    problems.push(
      `${event.atMs.toFixed(0)} ${event.member} ${event.kind} ${event.partitions} ${event.offset}: ${what}`,
    );

  const assigned = (event: GroupEvent, partition: Partition) => {
    const { owner } = partition;
    partition.last.set(event.member, undefined);
    partition.committedBefore.set(event.member, partition.committed);
    moves += 1;
    const isHeld = owner !== null && owner !== event.member && !isAstray(owner, event.atMs);
    if (isHeld && isAstray(event.member, event.atMs)) return;
    if (isHeld) say(event, `${owner} holds it`);
    partition.owner = event.member;
  };
  const wasGiven = (event: GroupEvent, partition: Partition) => {
    given += 1;
    const before = partition.last.get(event.member);
    const isFirst = before === undefined;
    const isNext = isFirst || event.offset === before + 1 || (event.offset > before && event.offset <= partition.trim);
    if (!isNext) say(event, `behind ${before}`);
    const committed = partition.committedBefore.get(event.member) ?? 0;
    // One that was stopped while it claimed tells of it when it wakes, and begins where the group was when it claimed.
    const isLate = isAstray(event.member, event.atMs);
    if (isFirst && event.offset < committed && !isLate) say(event, `${committed} was committed`);
    if (event.offset > partition.trim && !partition.given.has(event.offset - 1))
      say(event, 'what came before was given to nobody');
    if (!isAstray(event.member, event.atMs) && partition.owner !== event.member)
      say(event, `it is ${partition.owner}'s`);
    if (partition.given.has(event.offset)) repeated += 1;
    partition.given.add(event.offset);
    partition.last.set(event.member, event.offset);
  };
  const wasCommitted = (event: GroupEvent, partition: Partition) => {
    if (event.offset > partition.trim && !partition.given.has(event.offset - 1)) say(event, 'that was given to nobody');
    // One that was stopped may have been answered before, and tells it when it wakes. Had it counted now, whoever is next would be given what was committed.
    const isLateWord = isAstray(event.member, event.atMs) && event.offset < partition.committed;
    if (isLateWord) return;
    if (event.offset < partition.committed) say(event, `back from ${partition.committed}`);
    partition.committed = event.offset;
  };
  for (const event of events.toSorted((left, right) => left.atMs - right.atMs)) {
    if (event.kind === 'killed' || event.kind === 'stopped') astray.set(event.member, Number.POSITIVE_INFINITY);
    if (event.kind === 'woken') astray.set(event.member, event.atMs + graceMs);
    if (event.kind === 'left') for (const one of partitions.values()) if (one.owner === event.member) one.owner = null;
    for (const number of event.partitions) {
      const partition = partitions.get(number)!;
      if (event.kind === 'assigned') assigned(event, partition);
      else if (event.kind === 'given') wasGiven(event, partition);
      else if (event.kind === 'committed') wasCommitted(event, partition);
      else if (partition.owner === event.member) partition.owner = null;
    }
  }
  for (const [number, end] of ends) {
    if (end === null) continue;
    const { given: offsets, committed, trim } = partitions.get(number)!;
    const count = [...offsets].filter((offset) => offset >= trim).length;
    const due = Math.max(0, end - trim);
    if (count !== due) problems.push(`partition ${number}: ${count} of ${due} records were given out`);
    if (committed > end) problems.push(`partition ${number}: committed to ${committed} of ${end}`);
  }
  return { problems, given, repeated, moves };
}
