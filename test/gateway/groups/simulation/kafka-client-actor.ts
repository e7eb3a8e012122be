/**
 * A Kafka consumer in a simulation, as Kafka's own clients do it: it finds its coordinator, reads what it is assigned, commits, and begins again whatever happens. How it comes to its assignment is up to
 * the protocol that it speaks: `ClassicClientActor`, `ConsumerClientActor`.
 */
import { handleFindCoordinator } from '../../../../lib/gateway/groups/find-coordinator.ts';
import type { GroupCoordinator } from '../../../../lib/gateway/groups/group-coordinator.ts';
import { handleOffsetCommit } from '../../../../lib/gateway/groups/offset-commit.ts';
import { handleOffsetFetch } from '../../../../lib/gateway/groups/offset-fetch.ts';
import type { RequestContext } from '../../../../lib/gateway/handler.ts';
import { errorCodes, type KafkaErrorName } from '../../../../lib/gateway/protocol/error-codes.ts';
import { ReadMemory } from '../../../../lib/log/read-memory.ts';
import type { MemberProcess } from '../../../group/simulation/member-process.ts';
import type { Dice } from '../../../log/simulation/virtual-time.ts';
import { poisoningPool } from '../../../simulate/poisoning-pool.ts';
import { type ClientNetwork, Disconnected } from './client-network.ts';
import type { GatewayActor } from './gateway-actor.ts';
import type { GatewayGroupsOracle } from './gateway-groups-oracle.ts';

export const GROUP = 'g';
export const TOPIC = 'orders';
export const SESSION_MS = 8_000;
export const REBALANCE_MS = 12_000;
export const REQUEST_MS = 5_000;
const BEAT_MS = 1_500;
/** Records of each partition between two pauses. */
const BATCH = 4n;

/** What a client is like. */
export interface ClientHabits {
  readonly instanceId: string | null;
  readonly commitProbability: number;
  readonly handleMs: number;
}

/** What it knows of the rest. */
export interface ClientWorld {
  readonly network: ClientNetwork;
  readonly oracle: GatewayGroupsOracle;
  readonly dice: Dice;
  readonly gateways: readonly GatewayActor[];
  /** Records of each partition so far. */
  readonly endOf: (partition: number) => bigint;
  readonly partitionCount: number;
  /** The end of a run, in which whoever commits now and then does so always. */
  readonly isCalm: () => boolean;
}

const names = new Map<number, KafkaErrorName>(
  Object.entries(errorCodes).map(([name, code]) => [code, name as KafkaErrorName]),
);
/** An error by its code. */
export const nameOf = (code: number | undefined): KafkaErrorName => names.get(code ?? 0)!;

/** Asked of the wrong gateway, or of one that cannot tell: the client asks another, and is otherwise what it was. */
const isElsewhere = (error: KafkaErrorName) =>
  error === 'NOT_COORDINATOR' || error === 'COORDINATOR_NOT_AVAILABLE' || error === 'COORDINATOR_LOAD_IN_PROGRESS';

/** See the top of this file. */
export abstract class KafkaClientActor {
  readonly process: MemberProcess;
  readonly habits: ClientHabits;
  protected readonly world: ClientWorld;
  protected readonly context: RequestContext;
  protected memberId = '';
  /** Or epoch. */
  protected generation = -1;
  /** Positions of what it reads, by partition. */
  readonly positions = new Map<number, bigint>();
  readonly #committed = new Map<number, bigint>();
  /** Who it is in what it has been given, by partition. */
  readonly #holders = new Map<number, string>();
  #coordinator: GatewayActor | null = null;
  /** Whom it asked last, when, and in which tenure; null: by one who does not have the group. */
  #asked: { readonly gateway: GatewayActor; readonly atMs: number; readonly tenure: string | null } | null = null;
  /** When it last asked one who had the group then and when it answered that all is well. */
  #heardMs = Number.NEGATIVE_INFINITY;
  #lives = 0;
  /** Whether it reads what is assigned to it, as far as it knows. */
  isStable = false;
  isClosing = false;
  isOver = false;
  /** While it is to let go of partitions: since when it may have been waited for. */
  protected lettingGoMs: number | null = null;

  constructor(process: MemberProcess, habits: ClientHabits, world: ClientWorld) {
    this.process = process;
    this.habits = habits;
    this.world = world;
    const connection = { id: 1, clientHost: process.name } as RequestContext['connection'];
    const memory = new ReadMemory(poisoningPool());
    this.context = { apiVersion: 9, clientId: process.name, connection, memory, hold: () => () => {} };
  }

  get isAlive(): boolean {
    return this.process.alive && !this.isOver;
  }

  /** Whether the protocol takes commits for signs of life. */
  protected abstract readonly commitsAreSigns: boolean;
  /** Until it has something to read. */
  protected abstract join(): Promise<void>;
  /** False: it has to join again. */
  protected abstract beat(): Promise<boolean>;
  protected abstract leave(): Promise<void>;

  async run(): Promise<void> {
    while (!this.isClosing) {
      try {
        await this.join();
        await this.#read();
      } catch (error) {
        if (!(error instanceof Disconnected)) throw error;
        this.#coordinator = null;
      }
      this.isStable = false;
      await this.process.sleep(this.world.dice.between(10, 200));
    }
    await this.leave().catch(() => {});
    this.isOver = true;
    this.forgetAll();
  }

  protected async call<T>(
    name: string,
    handle: (coordinator: GroupCoordinator) => Promise<T>,
    timeoutMs = REQUEST_MS,
  ): Promise<T> {
    await this.#findCoordinator();
    const gateway = this.#coordinator!;
    const { network, oracle } = this.world;
    const tenure = oracle.tenureOf(gateway.gateways.self.id);
    const asked = { gateway, atMs: this.process.monotonicMs(), tenure };
    const answer = await network.call(this.process, gateway, `${this.process.name} ${name}`, timeoutMs, () =>
      handle(gateway.coordinator),
    );
    this.#asked = asked;
    return answer;
  }

  /** When it sent what was answered last. */
  protected get askedMs(): number {
    return this.#asked!.atMs;
  }

  /** It was answered that it is in the group, as it is stored. */
  protected heard(): void {
    const { gateway, atMs, tenure } = this.#asked!;
    const isHeld = tenure !== null && this.world.oracle.tenureOf(gateway.gateways.self.id) === tenure;
    if (isHeld) this.#heardMs = atMs;
  }

  /** It was answered that it is out of the group, or of its generation. However often the group has moved, only silence is a reason, and not to let go in time. */
  protected putOut(error: KafkaErrorName): void {
    const nowMs = this.process.monotonicMs();
    const silentMs = nowMs - this.#heardMs;
    const isLate = this.lettingGoMs !== null && nowMs - this.lettingGoMs >= REBALANCE_MS;
    if (isLate) this.world.oracle.count('let go too late');
    this.world.oracle.expect(
      silentMs >= SESSION_MS || isLate,
      'Who is heard stays',
      () => `${this.process.name}: ${error} after ${silentMs} ms`,
    );
    this.#heardMs = Number.NEGATIVE_INFINITY;
    this.lettingGoMs = null;
  }

  async #findCoordinator(): Promise<void> {
    const { dice, gateways } = this.world;
    while (this.#coordinator === null) {
      const reachable = gateways.filter(({ isReachable }) => isReachable);
      if (reachable.length === 0) await this.process.sleep(500);
      else await this.#askFor(dice.pick(reachable)).catch(() => this.process.sleep(100));
    }
  }

  async #askFor(gateway: GatewayActor): Promise<void> {
    const request = { key: GROUP, keyType: 0, coordinatorKeys: [] };
    const { network, gateways } = this.world;
    const answer = await network.call(this.process, gateway, 'find', REQUEST_MS, () =>
      handleFindCoordinator(gateway.coordinator, request, { apiVersion: 2 }),
    );
    const found = gateways.find((one) => one.gateways.self.nodeId === answer.nodeId);
    if (found === undefined) await this.process.sleep(100);
    else this.#coordinator = found;
  }

  /** What it reads is nobody's or another's from now on. */
  protected forgetAll(): void {
    this.positions.clear();
    this.#committed.clear();
    this.#holders.clear();
  }

  protected forget(partition: number): void {
    this.positions.delete(partition);
    this.#committed.delete(partition);
  }

  /** Asks where it begins in partitions that it was given: false when it may not. */
  protected async begin(partitions: readonly number[]): Promise<boolean> {
    const { oracle } = this.world;
    if (partitions.length === 0) return true;
    this.#lives += 1;
    const holder = `${this.process.name}/${this.#lives}`;
    const begun = { memberId: this.memberId, holder, askedAt: oracle.onAsking() };
    const topics = [{ name: TOPIC, topicId: '', partitionIndexes: partitions }];
    const groups = [{ groupId: GROUP, memberId: null, memberEpoch: -1, topics }];
    const request = { groupId: '', topics: null, groups, requireStable: true };
    const fetched = await this.call('fetch', (coordinator) =>
      handleOffsetFetch(coordinator, request, { apiVersion: 8 }),
    );
    const group = fetched.groups![0]!;
    if (group.errorCode !== 0) {
      await this.failed(nameOf(group.errorCode));
      return false;
    }
    for (const { partitionIndex, committedOffset } of group.topics![0]!.partitions!) {
      const at = committedOffset! < 0n ? 0n : committedOffset!;
      oracle.onBegun(partitionIndex!, begun, at);
      this.positions.set(partitionIndex!, at);
      this.#holders.set(partitionIndex!, holder);
    }
    return true;
  }

  /** Reads, commits and beats until it has to join again. */
  async #read(): Promise<void> {
    const { dice, oracle, endOf } = this.world;
    let beatMs = this.process.monotonicMs();
    this.isStable = true;
    while (!this.isClosing) {
      for (const [partition, position] of this.positions) {
        const end = position + BATCH < endOf(partition) ? position + BATCH : endOf(partition);
        for (let offset = position; offset < end; offset++) oracle.onFinished(partition, offset);
        if (end > position) this.positions.set(partition, end);
      }
      await this.process.sleep(this.habits.handleMs);
      const commits = this.world.isCalm() || dice.chance(this.habits.commitProbability);
      if (commits && !(await this.commit())) return;
      if (this.process.monotonicMs() - beatMs < BEAT_MS) continue;
      beatMs = this.process.monotonicMs();
      if (!(await this.beat())) return;
    }
  }

  /** False: it has to join again. */
  protected async commit(): Promise<boolean> {
    const news = [...this.positions].filter(([partition, position]) => this.#committed.get(partition) !== position);
    if (news.length === 0) return true;
    const partitions = news.map(([partitionIndex, committedOffset]) => ({
      partitionIndex,
      committedOffset,
      committedLeaderEpoch: -1,
      committedMetadata: this.#holders.get(partitionIndex)!,
    }));
    const request = {
      groupId: GROUP,
      memberId: this.memberId,
      groupInstanceId: this.habits.instanceId,
      generationIdOrMemberEpoch: this.generation,
      retentionTimeMs: -1n,
      topics: [{ name: TOPIC, topicId: '', partitions }],
    };
    const answer = await this.call('commit', (coordinator) => handleOffsetCommit(coordinator, request, this.context));
    const errors = new Set(answer.topics![0]!.partitions!.map(({ errorCode }) => nameOf(errorCode)));
    for (const error of errors) this.world.oracle.count(`commit ${error}`);
    const error = [...errors].find((one) => one !== 'NONE');
    if (error === undefined) {
      for (const [partition, position] of news) this.#committed.set(partition, position);
      if (this.commitsAreSigns) this.heard();
      return true;
    }
    // It reads on, and learns of its epoch with its next beat.
    return error === 'STALE_MEMBER_EPOCH' || this.failed(error);
  }

  /** What Kafka's clients do about an error; false: it has to join again. */
  protected async failed(error: KafkaErrorName): Promise<boolean> {
    if (isElsewhere(error)) this.#coordinator = null;
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'ILLEGAL_GENERATION') this.putOut(error);
    if (error === 'UNKNOWN_MEMBER_ID') this.memberId = '';
    if (error === 'FENCED_INSTANCE_ID' || error === 'UNRELEASED_INSTANCE_ID') this.isClosing = true;
    await this.process.sleep(this.world.dice.between(20, 100));
    return isElsewhere(error);
  }
}
