/** What must be true of groups that gateways coordinate, whatever happens to gateways, clients and requests. */
import type { Group } from '../../../../lib/group/group.ts';
import type { GroupOffset } from '../../../../lib/group/group-offset.ts';
import type { GroupWatch } from '../../../group/simulation/group-network.ts';
import { RunRecorder } from '../../../simulate/run-recorder.ts';

interface PartitionState {
  generation: number;
  sequence: number;
  committed: bigint;
  /** Everything below was finished by somebody. */
  finishedTo: bigint;
  readonly finished: Set<bigint>;
  /** Who was told last where to begin in it, and when it asked. */
  holder: string;
  askedAt: number;
}

/** Who begins to read. */
export interface BegunBy {
  readonly memberId: string;
  /** Different each time it begins. */
  readonly holder: string;
  readonly askedAt: number;
}

/** See the top of this file. */
export class GatewayGroupsOracle extends RunRecorder implements GroupWatch {
  readonly #partitions = new Map<number, PartitionState>();
  #generation = 0;
  #version = -1;
  #assignment: Group['assignment'] = new Map();
  #asked = 0;
  #coordination: Group['coordination'] = null;

  /** The tenure in which a gateway coordinates the group; null when it is another's. */
  tenureOf(gatewayId: string): string | null {
    return this.#coordination?.gateway === gatewayId ? this.#coordination.tenure : null;
  }

  partition(number: number): PartitionState {
    let state = this.#partitions.get(number);
    if (state === undefined) {
      state = {
        generation: -1,
        sequence: 0,
        committed: 0n,
        finishedTo: 0n,
        finished: new Set(),
        holder: '',
        askedAt: -1,
      };
      this.#partitions.set(number, state);
    }
    return state;
  }

  onBeat(): void {
    this.count('beats of gateways');
  }

  onGroup(group: Group): void {
    this.count('group changes');
    const { generation, version } = group;
    this.expect(generation > this.#generation, 'Monotonic', () => `generation ${generation} after ${this.#generation}`);
    this.expect(version > this.#version, 'Monotonic', () => `version ${version} after ${this.#version}`);
    this.#generation = generation;
    this.#version = version;
    this.#assignment = group.assignment;
    this.#coordination = group.coordination;
    const owners = new Set<number>();
    for (const { partition } of [...group.assignment.values()].flat()) {
      this.expect(!owners.has(partition), 'One owner', () => `partition ${partition} is assigned twice`);
      owners.add(partition);
    }
  }

  onClaim(number: number, after: GroupOffset): void {
    const state = this.partition(number);
    this.count('claims');
    this.expect(
      after.generation > state.generation && (after.committed ?? 0n) === state.committed,
      'Monotonic',
      () => `claim of ${number} under ${after.generation} after ${state.generation}, at ${after.committed}`,
    );
    Object.assign(state, { generation: after.generation, sequence: 0 });
  }

  onCommit(number: number, args: Parameters<GroupWatch['onCommit']>[1] & { readonly metadata?: string }): void {
    const state = this.partition(number);
    this.count('commits');
    const { generation, sequence, metadata } = args;
    const offset = args.offset ?? 0n;
    this.expect(
      generation === state.generation && sequence > state.sequence,
      'Fenced progress',
      () => `commit ${sequence} of ${number} under ${generation} over ${state.sequence} under ${state.generation}`,
    );
    this.expect(
      metadata === state.holder,
      'Fenced progress',
      () => `${metadata} has committed ${number}, which ${state.holder} was given since`,
    );
    this.expect(offset >= state.committed, 'No way back', () => `${number} from ${state.committed} to ${offset}`);
    this.expect(
      offset <= state.finishedTo,
      'Nothing skipped',
      () => `${number} committed to ${offset}, finished only to ${state.finishedTo}`,
    );
    Object.assign(state, { sequence, committed: offset });
  }

  /** A member is about to ask where it begins; what it is told counts from now. */
  onAsking(): number {
    this.#asked += 1;
    return this.#asked;
  }

  /** It was told. Somebody who is assigned the partition no more, though it does not know, may be told anything: it can commit nothing. */
  onBegun(number: number, { memberId, holder, askedAt }: BegunBy, at: bigint): void {
    const state = this.partition(number);
    const isAssigned = this.#assignment.get(memberId)?.some(({ partition }) => partition === number);
    if (!isAssigned || askedAt < state.askedAt) return;
    this.count('partitions given');
    this.expect(
      at === state.committed,
      'Where it was',
      () => `${holder} begins ${number} at ${at}, not ${state.committed}`,
    );
    Object.assign(state, { holder, askedAt });
  }

  onFinished(number: number, offset: bigint): void {
    const state = this.partition(number);
    if (state.finished.has(offset)) this.count('repeated');
    this.count('delivered');
    state.finished.add(offset);
    while (state.finished.has(state.finishedTo)) state.finishedTo += 1n;
  }
}
