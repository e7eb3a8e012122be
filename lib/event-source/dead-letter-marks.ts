/**
 * How far a subscription is done with its dead letters: marks in the progress of a lease of its own on each partition of the dead-letter topic, so that one at a time works on them and whoever ends half-way has lost none.
 */
import { MillraceError } from '../errors.ts';
import type { Fetcher } from '../log/fetcher.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { Topic } from '../log/topic.ts';
import { type DeadLetter, isLetterOf, letterOf } from './dead-letter.ts';
import { type DeadLetterProgress, formatDeadLetterProgress, parseDeadLetterProgress } from './dead-letter-progress.ts';
import type { EventSourceDeps } from './event-source-deps.ts';
import type { Lease } from './lease.ts';
import { type LeaseSession, takeLease } from './lease-session.ts';
import { addRange, advance, includesOffset } from './offset-ranges.ts';
import { PartitionReader } from './partition-reader.ts';
import type { ReceivedEvent } from './received-event.ts';
import { deadLetterGroup } from './retry-topics.ts';

type Deps = Pick<EventSourceDeps, 'store' | 'clock' | 'random'>;

/** A partition of the topic to which the dead letters of a subscription go. */
export interface DeadLetterPlace {
  /** The subscription. */
  readonly name: string;
  readonly topic: Pick<Topic, 'name' | 'topicId' | 'domain'>;
  readonly partition: number;
  /** Its log start offset, or one before it. */
  readonly start: bigint;
}

/** What is done with: everything below `committed`, and `done`. */
export interface DoneLetters extends Pick<DeadLetterProgress, 'done'> {
  readonly committed: bigint;
}

/** What came of a take. */
export type MarksOutcome =
  | { readonly outcome: 'taken'; readonly marks: DeadLetterMarks }
  | { readonly outcome: 'busy'; readonly untilMs: number }
  | { readonly outcome: 'gone' };

const LEASE_MS = 15_000;
/** Marks that are written at once: so many letters may be sent twice when whoever sends them ends without a word. */
const BATCH = 100;
/** Ranges that are remembered: an item of about 150 KB. */
const MAX_RANGES = 4_000;

const keyOf = ({ topic, partition }: DeadLetterPlace) => ({ topicId: topic.topicId, partition });

function doneOf(lease: Lease | null, start: bigint): DoneLetters {
  const committed = lease?.committed ?? start;
  const { done } = parseDeadLetterProgress(lease?.progress ?? '');
  return { committed: committed > start ? committed : start, done };
}

async function readLease(deps: Deps, place: DeadLetterPlace): Promise<Lease | null> {
  const at = { group: deadLetterGroup(place.name), partition: keyOf(place) };
  const { answer } = await repeatRequest(deps, () => deps.store.leases.readMany([at]));
  return answer[0]!;
}

/** What is done with, as it is now; one read. */
export async function readDone(deps: Deps, place: DeadLetterPlace): Promise<DoneLetters> {
  return doneOf(await readLease(deps, place), place.start);
}

/** The dead letters of a subscription that are not done with, in the order of their partition. `pass` is told of records that are none of its. Throws what reading throws. */
export async function* pendingLetters(
  fetcher: Pick<Fetcher, 'fetch'>,
  { name, topic, partition }: DeadLetterPlace,
  done: DoneLetters,
  pass: (record: ReceivedEvent) => void = () => {},
): AsyncGenerator<DeadLetter> {
  const of = { topic: topic.name, topicId: topic.topicId, domain: topic.domain };
  const reader = new PartitionReader(fetcher, of, partition, done.committed);
  let from = done.committed;
  while (reader.canReadOn) {
    const read = await reader.readOn();
    if (read.outcome === 'failed') throw read.error;
    if (read.outcome === 'gone') return;
    if (read.outcome === 'trimmed') {
      from = read.start;
      reader.window(from);
      continue;
    }
    for (const record of reader.window(from).records) {
      if (includesOffset(done.done, record.offset)) continue;
      const letter = letterOf(record);
      if (isLetterOf(letter, name)) yield letter;
      else pass(record);
    }
    from = reader.end;
    // Forgets them, so that it can take in more.
    reader.window(from);
  }
}

/** Takes the lease, lets `action` mark letters as done with, and writes the marks and releases whatever comes of it. Throws TOPIC_BUSY when somebody else is at them, and what `action` throws. */
export async function withMarks(
  deps: Deps,
  place: DeadLetterPlace,
  action: (marks: DeadLetterMarks) => Promise<void>,
): Promise<void> {
  const seen = (await readLease(deps, place))?.generation ?? 0;
  const take = await takeMarks(deps, place, seen);
  if (take.outcome !== 'taken') throw busy(`somebody else is at the dead letters of ${place.name}`, place.topic.name);
  const { marks } = take;
  try {
    await action(marks);
  } catch (error) {
    // What was done before it failed is not to be done again. What went wrong first is told.
    await marks.release().catch(() => {});
    throw error;
  }
  await marks.release();
}

/** Takes the lease if it is free; `seen` is the epoch that was seen last, 0 for none. */
export async function takeMarks(deps: Deps, place: DeadLetterPlace, seen: number): Promise<MarksOutcome> {
  const { name, topic } = place;
  const request = { group: deadLetterGroup(name), topic: topic.name, partition: keyOf(place), seen, leaseMs: LEASE_MS };
  const take = await takeLease(deps, request);
  return take.outcome === 'taken' ? { outcome: 'taken', marks: new DeadLetterMarks(deps, place, take.session) } : take;
}

function busy(problem: string, topic: string): MillraceError {
  return new MillraceError('TOPIC_BUSY', problem, { value: topic, hint: 'Try again in a minute.' });
}

/** Marks of who has the lease. Written for every hundred letters, and before a third of the lease has passed. */
export class DeadLetterMarks {
  /** What was stored with the lease; what is stored by the next write. */
  progress: DeadLetterProgress;
  /** When they go back by themselves; 0: nothing is booked. Stored with every write. */
  notBeforeMs: number;
  readonly #deps: Deps;
  readonly #place: DeadLetterPlace;
  readonly #session: LeaseSession;
  #committed: bigint;
  #unwritten = 0;
  #writtenMs: number;
  #isLost = false;

  constructor(deps: Deps, place: DeadLetterPlace, session: LeaseSession) {
    const { taken } = session;
    this.#deps = deps;
    this.#place = place;
    this.#session = session;
    this.#committed = doneOf(taken, place.start).committed;
    this.progress = parseDeadLetterProgress(taken.progress);
    this.notBeforeMs = taken.notBeforeMs;
    this.#writtenMs = deps.clock.monotonicMs();
  }

  get epoch(): number {
    return this.#session.epoch;
  }

  /** Somebody else has taken the lease: nothing is written any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** What is done with. */
  get done(): DoneLetters {
    return { committed: this.#committed, done: this.progress.done };
  }

  /** A letter is done with. Throws TOPIC_BUSY when somebody else has taken the lease. */
  async mark(record: ReceivedEvent): Promise<void> {
    this.pass(record);
    this.#unwritten += 1;
    await this.keep();
  }

  /** A record that is nobody's letter: written with the next mark. */
  pass({ offset, gapFrom }: ReceivedEvent): void {
    const from = gapFrom < offset ? gapFrom : offset;
    this.progress = { ...this.progress, done: addRange(this.progress.done, { from, to: offset + 1n }) };
  }

  /** Writes what is due. To be called for every letter that is looked at, so that the lease outlasts a long search. Throws as `mark`, and INVALID_REQUEST when too much would have to be remembered. */
  async keep(): Promise<void> {
    const isDue = this.#deps.clock.monotonicMs() - this.#writtenMs > LEASE_MS / 3;
    if (this.#unwritten < BATCH && !isDue) return;
    await this.#write(Math.floor(this.#deps.clock.nowMs()) + LEASE_MS);
    const { done } = this.progress;
    if (done.length < MAX_RANGES) return;
    const { topic, partition } = this.#place;
    throw new MillraceError('INVALID_REQUEST', 'too many dead letters stay between those that are done with', {
      value: this.#place.name,
      hint: `Begin with the oldest: send back or discard those before offset ${done[0]!.from} of ${topic.name}-${partition}.`,
    });
  }

  /** Writes what is not written, and lets go. Throws as `mark`. */
  async release(): Promise<void> {
    if (!this.#isLost) await this.#write(0);
  }

  async #write(expiresAtMs: number): Promise<void> {
    const { committed, done } = advance(this.#committed, this.progress.done);
    this.#committed = committed;
    this.progress = { ...this.progress, done };
    const progress = formatDeadLetterProgress(this.progress);
    const { notBeforeMs } = this;
    const isOurs = await this.#session.update({ committed, attempts: 0, progress, expiresAtMs, notBeforeMs });
    this.#unwritten = 0;
    this.#writtenMs = this.#deps.clock.monotonicMs();
    if (isOurs) return;
    this.#isLost = true;
    throw busy('somebody else has begun with the dead letters meanwhile', this.#place.topic.name);
  }
}
