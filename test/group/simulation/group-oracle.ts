/**
 * What must hold of a group, checked at every effect on the store and at every record that is given out. The oracle believes nothing that members say of themselves but what they were given
 * and what they have finished.
 */
import type { Group } from '../../../lib/group/group.ts';
import type { GroupOffset } from '../../../lib/group/group-offset.ts';
import type { VirtualTime } from '../../log/simulation/virtual-time.ts';
import { type RecorderOptions, RunRecorder } from '../../simulate/run-recorder.ts';

import type { GroupWatch } from './group-network.ts';

/** A member as the oracle sees it: who it is and what it believes to hold. */
export interface Witness {
  readonly name: string;
  readonly isAlive: boolean;
  readonly memberId: string | null;
  /** Partitions that it has been assigned, and has neither let go of nor lost. */
  readonly holds: ReadonlySet<number>;
}

interface PartitionState {
  generation: number;
  sequence: number;
  committed: bigint | null;
  /** Everything below was finished by somebody, or jumped over by an administrator. */
  finishedTo: bigint;
  readonly finished: Set<bigint>;
}

/** See the top of this file. */
export class GroupOracle extends RunRecorder implements GroupWatch {
  readonly witnesses: Witness[] = [];
  readonly #time: VirtualTime;
  readonly #partitions = new Map<number, PartitionState>();
  readonly #beats = new Map<string, readonly number[]>();
  #members = new Map<string, { readonly sessionMs: number; readonly instanceId: string | null }>();
  #version = -1;
  #generation = 0;

  constructor(time: VirtualTime, options: RecorderOptions) {
    super(time, options);
    this.#time = time;
  }

  partition(number: number): PartitionState {
    let state = this.#partitions.get(number);
    if (state === undefined) {
      state = { generation: -1, sequence: 0, committed: null, finishedTo: 0n, finished: new Set() };
      this.#partitions.set(number, state);
    }
    return state;
  }

  /** Offset up to which the group has committed. */
  committed(number: number): bigint {
    return this.partition(number).committed ?? 0n;
  }

  onBeat(memberId: string): void {
    const beats = this.#beats.get(memberId) ?? [this.#time.nowMs];
    this.#beats.set(memberId, [...beats, this.#time.nowMs]);
  }

  /** How long a member had been silent at some moment of late: who decides may have looked a little before its last beats. */
  #silentMs(memberId: string): number {
    const { nowMs } = this.#time;
    const beats = [...(this.#beats.get(memberId) ?? [0]), nowMs];
    const silences = beats.slice(1).map((atMs, i) => ({ atMs, silentMs: atMs - (beats[i] ?? atMs) }));
    return Math.max(...silences.filter(({ atMs }) => nowMs - atMs < SLACK_MS).map(({ silentMs }) => silentMs));
  }

  /** A group was written. `by`: names of processes, for the story; `isLate`: it was decided long ago. */
  onGroup(group: Group, by: Witness, isLate: boolean): void {
    this.count('group changes');
    this.expect(
      group.generation >= this.#generation,
      'Monotonic',
      () => `generation ${group.generation} behind ${this.#generation}`,
    );
    this.expect(group.version > this.#version, 'Monotonic', () => `version ${group.version} behind ${this.#version}`);
    const present = new Set(group.members.map(({ id }) => id));
    const instances = new Set(group.members.flatMap(({ instanceId }) => instanceId ?? []));
    for (const [id, { sessionMs, instanceId }] of this.#members) {
      const isReplaced = instanceId !== null && instances.has(instanceId);
      if (present.has(id) || isReplaced || isLate || id.startsWith(`${by.name}-`)) continue;
      const silentMs = this.#silentMs(id);
      this.count('evictions');
      // What was seen may have been under way for a while.
      this.expect(
        silentMs >= sessionMs - SLACK_MS,
        'No early eviction',
        () => `${id} taken out after ${silentMs} ms by ${by.name}`,
      );
    }
    this.#checkAssignment(group);
    this.#version = group.version;
    this.#generation = group.generation;
    this.#members = new Map(group.members.map(({ id, sessionMs, instanceId }) => [id, { sessionMs, instanceId }]));
  }

  #checkAssignment(group: Group): void {
    const owners = new Map<number, string>();
    for (const [id, partitions] of group.assignment) {
      for (const { partition } of partitions) {
        this.expect(
          !owners.has(partition),
          'One owner',
          () => `partition ${partition} is assigned to ${id} and ${owners.get(partition)}`,
        );
        owners.set(partition, id);
      }
    }
  }

  /** A claim took effect. */
  onClaim(number: number, after: GroupOffset): void {
    const state = this.partition(number);
    this.count('claims');
    this.expect(
      after.generation > state.generation,
      'Monotonic',
      () => `claim of ${number} under ${after.generation}, not above ${state.generation}`,
    );
    // A member that is in the group, lives and holds the partition must have let go of it first.
    for (const other of this.witnesses) {
      const isHolder = other.isAlive && other.memberId !== after.owner && other.holds.has(number);
      const isIn = other.memberId !== null && this.#members.has(other.memberId);
      this.expect(
        !(isHolder && isIn),
        'One owner',
        () => `${after.owner} claims ${number}, which ${other.name} still holds`,
      );
    }
    Object.assign(state, { generation: after.generation, sequence: 0 });
    const isSought = after.committed !== state.committed;
    if (!isSought) return;
    this.expect(
      after.owner === 'administrator',
      'Fenced progress',
      () => `the claim of ${after.owner} moved ${number} to ${after.committed}`,
    );
    this.count('seeks');
    state.committed = after.committed;
    if (after.committed! > state.finishedTo) state.finishedTo = after.committed!;
  }

  /** An offset commit took effect. */
  onCommit(
    number: number,
    args: { readonly generation: number; readonly sequence: number; readonly offset: bigint | null },
  ): void {
    const state = this.partition(number);
    this.count('commits');
    const { generation, sequence, offset } = args;
    this.expect(
      generation === state.generation,
      'Fenced progress',
      () => `commit of ${number} under ${generation}, it is claimed under ${state.generation}`,
    );
    this.expect(
      sequence > state.sequence,
      'Fenced progress',
      () => `commit ${sequence} of ${number} over ${state.sequence}`,
    );
    this.expect(
      offset !== null && offset <= state.finishedTo,
      'Nothing skipped',
      () => `${number} committed to ${offset}, finished only to ${state.finishedTo}`,
    );
    Object.assign(state, { sequence, committed: offset });
  }

  /** A record was given out as the first after a claim, or behind the one before. */
  onDelivered(by: Witness, number: number, offset: bigint, expected: bigint): void {
    this.count('delivered');
    this.expect(
      offset === expected,
      'Order',
      () => `${by.name} was given ${number}/${offset} where ${expected} was due`,
    );
    this.expect(
      by.holds.has(number),
      'Owned',
      () => `${by.name} was given ${number}/${offset}, which it does not hold`,
    );
    if (this.partition(number).finished.has(offset)) this.count('repeated');
  }

  /** A record is done with. */
  onFinished(number: number, offset: bigint): void {
    const state = this.partition(number);
    state.finished.add(offset);
    while (state.finished.has(state.finishedTo)) state.finishedTo += 1n;
  }
}

/** The longest that a look and a decision may take, each way. */
const SLACK_MS = 6_000;
