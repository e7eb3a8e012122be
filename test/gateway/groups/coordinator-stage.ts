/** Coordinators over one memory store that counts, on a clock that is moved by hand, with clients that ask them for one thing at a time. */
import { Millrace } from '../../../lib/client/millrace.ts';
import { systemRandom as random } from '../../../lib/clock.ts';
import type { DelayStore } from '../../../lib/delay/delay-store.ts';
import { freshGatewayNode } from '../../../lib/gateway/gateway-node.ts';
import {
  handleHeartbeat,
  handleJoinGroup,
  handleLeaveGroup,
  handleSyncGroup,
} from '../../../lib/gateway/groups/classic-handlers.ts';
import { handleConsumerGroupHeartbeat } from '../../../lib/gateway/groups/consumer-handlers.ts';
import { encodeAssignment, encodeSubscription } from '../../../lib/gateway/groups/consumer-protocol.ts';
import { type CoordinatorSettings, coordinatorDefaults } from '../../../lib/gateway/groups/coordinator-settings.ts';
import { GroupCoordinator } from '../../../lib/gateway/groups/group-coordinator.ts';
import { handleOffsetCommit } from '../../../lib/gateway/groups/offset-commit.ts';
import { handleOffsetFetch } from '../../../lib/gateway/groups/offset-fetch.ts';
import type { Gateways } from '../../../lib/gateway/live-gateways.ts';
import { errorCodes, type KafkaErrorName } from '../../../lib/gateway/protocol/error-codes.ts';
import { type StoreUsage, UsageMeter, usageBetween } from '../../../lib/log/meter.ts';
import { ReadMemory } from '../../../lib/log/read-memory.ts';
import { memoryStore } from '../../../lib/memory/memory-store.ts';
import { during } from '../../client/consumer-stage.ts';
import { VirtualClock } from '../../client/virtual-clock.ts';
import { poisoningPool } from '../../simulate/poisoning-pool.ts';

export const TOPIC = 'orders';

const NAMES = new Map<number, string>(Object.entries(errorCodes).map(([name, code]) => [code, name]));
/** The name of an error, as tests say it. */
export const errorName = (code: number | undefined) => NAMES.get(code ?? 0) as KafkaErrorName;

/** What a member says beside its ids; the rest has defaults. */
export interface MemberSaying {
  readonly memberId?: string;
  readonly instanceId?: string | null;
  readonly generation?: number;
  readonly group?: string;
  readonly apiVersion?: number;
}

const context = (apiVersion: number) => ({
  apiVersion,
  clientId: 'client',
  connection: { clientHost: '127.0.0.1' } as never,
  memory: new ReadMemory(poisoningPool()),
  hold: () => () => {},
});

/** One coordinator. */
export class StagedCoordinator {
  readonly coordinator: GroupCoordinator;
  readonly #clock: VirtualClock;
  readonly gateways: { isOwner: boolean; isLive: boolean } = { isOwner: true, isLive: true };

  constructor(stage: CoordinatorStage, settings: Partial<CoordinatorSettings>) {
    const { store, clock } = stage;
    this.#clock = clock;
    const self = freshGatewayNode(random, { host: 'here', port: 9_092, rack: null });
    const other = freshGatewayNode(random, { host: 'there', port: 9_093, rack: 'b' });
    const switches = this.gateways;
    const gateways: Gateways = {
      self,
      live: [self, other],
      get isLive() {
        return switches.isLive;
      },
      ownerOf: () => (switches.isOwner ? self : other),
    };
    const all = { ...coordinatorDefaults, initialRebalanceDelayMs: 0, ...settings };
    this.coordinator = new GroupCoordinator({ store, clock, random, gateways }, all);
  }

  /** Runs something while time passes as it asks for. */
  during<T>(action: Promise<T>): Promise<T> {
    return during(this.#clock, action);
  }

  join(
    said: MemberSaying & {
      readonly sessionMs?: number;
      readonly topics?: readonly string[];
      readonly protocols?: readonly string[];
    } = {},
  ) {
    const {
      memberId = '',
      instanceId = null,
      group = 'g',
      apiVersion = 9,
      sessionMs = 10_000,
      topics = [TOPIC],
      protocols = ['range'],
    } = said;
    const request = {
      groupId: group,
      memberId,
      groupInstanceId: instanceId,
      protocolType: 'consumer',
      protocols: protocols.map((name) => ({ name, metadata: encodeSubscription(topics) })),
      sessionTimeoutMs: sessionMs,
      rebalanceTimeoutMs: 20_000,
      reason: null,
    };
    return handleJoinGroup(this.coordinator, request, context(apiVersion));
  }

  sync(said: MemberSaying, assigned: Readonly<Record<string, readonly number[]>> = {}) {
    const { memberId = '', instanceId = null, group = 'g', generation = 1 } = said;
    const assignments = Object.entries(assigned).map(([id, partitions]) => {
      return { memberId: id, assignment: encodeAssignment([{ topic: TOPIC, partitions }]) };
    });
    const request = {
      groupId: group,
      generationId: generation,
      memberId,
      groupInstanceId: instanceId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments,
    };
    return handleSyncGroup(this.coordinator, request);
  }

  async beat({ memberId = '', instanceId = null, group = 'g', generation = 1 }: MemberSaying) {
    const request = { groupId: group, generationId: generation, memberId, groupInstanceId: instanceId };
    return errorName((await handleHeartbeat(this.coordinator, request)).errorCode);
  }

  async leave({ memberId = '', instanceId = null, group = 'g' }: MemberSaying) {
    const members = [{ memberId, groupInstanceId: instanceId, reason: null }];
    const request = { groupId: group, memberId: '', members };
    const answer = await this.during(handleLeaveGroup(this.coordinator, request, { apiVersion: 5 }));
    return errorName(answer.errorCode || answer.members![0]!.errorCode);
  }

  /** The errors of each partition, one for all when they are the same. */
  async commit(
    said: MemberSaying,
    offsets: Readonly<Record<number, bigint>>,
    { metadata = '', topic = TOPIC }: { readonly metadata?: string; readonly topic?: string } = {},
  ) {
    const { memberId = '', instanceId = null, group = 'g', generation = -1, apiVersion = 9 } = said;
    const partitions = Object.entries(offsets).map(([partition, committedOffset]) => ({
      partitionIndex: Number(partition),
      committedOffset,
      committedLeaderEpoch: -1,
      committedMetadata: metadata,
    }));
    const request = {
      groupId: group,
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId: instanceId,
      retentionTimeMs: -1n,
      topics: [{ name: topic, topicId: '', partitions }],
    };
    const answer = await this.during(handleOffsetCommit(this.coordinator, request, { apiVersion }));
    const errors = answer.topics![0]!.partitions!.map(({ errorCode }) => errorName(errorCode));
    return [...new Set(errors)].join();
  }

  /** Committed offsets by partition; −1 for none. */
  async fetch(partitions: readonly number[], group = 'g') {
    const topics = [{ name: TOPIC, topicId: '', partitionIndexes: partitions }];
    const groups = [{ groupId: group, memberId: null, memberEpoch: -1, topics }];
    const request = { groupId: '', topics: null, groups, requireStable: true };
    const answer = await this.during(handleOffsetFetch(this.coordinator, request, { apiVersion: 8 }));
    const [found] = answer.groups!;
    if (found!.errorCode !== 0) return errorName(found!.errorCode);
    return found!.topics![0]!.partitions!.map(({ committedOffset }) => committedOffset);
  }

  /** A beat of the newer protocol. */
  consumerBeat(changes: Partial<Parameters<typeof handleConsumerGroupHeartbeat>[1]>, apiVersion = 1) {
    const joins = (changes.memberEpoch ?? 0) === 0;
    const request = {
      groupId: 'g',
      memberId: 'm',
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: joins ? 20_000 : -1,
      subscribedTopicNames: joins ? [TOPIC] : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: joins ? [] : null,
      ...changes,
    };
    return this.during(handleConsumerGroupHeartbeat(this.coordinator, request, context(apiVersion)));
  }

  /** Members of a group that is stable, each with its partitions; the first leads. */
  async stable(shares: readonly (readonly number[])[], instanceIds: readonly (string | null)[] = []) {
    const places = shares.map((_, place) => ({ apiVersion: 3, instanceId: instanceIds[place] ?? null }));
    let joined = [await this.during(this.join(places[0]))];
    for (const place of places.slice(1)) {
      // Whoever is there already joins again when it hears of the new one.
      const fresh = this.join(place);
      await this.#clock.advance(1);
      const others = joined.map(({ memberId }, index) => this.join({ memberId: memberId!, ...places[index] }));
      joined = await this.during(Promise.all([...others, fresh]));
    }
    const ids = joined.map(({ memberId }) => memberId!);
    const generation = joined[0]!.generationId!;
    const leader = joined[0]!.leader;
    const assigned = Object.fromEntries(ids.map((id, place) => [id, shares[place]!]));
    const syncs = ids.map((memberId, place) =>
      this.sync({ memberId, generation, instanceId: instanceIds[place] ?? null }, memberId === leader ? assigned : {}),
    );
    const errors = (await this.during(Promise.all(syncs))).map(({ errorCode }) => errorName(errorCode));
    if (errors.some((error) => error !== 'NONE')) throw new Error(`no stable group: ${errors}`);
    return ids.map((memberId, place) => ({ memberId, generation, instanceId: instanceIds[place] ?? null }));
  }
}

/** See the top of this file. */
export class CoordinatorStage {
  readonly clock = new VirtualClock({ jumps: false });
  readonly meter = new UsageMeter();
  readonly store: DelayStore = memoryStore({ clock: this.clock, meter: this.meter });
  readonly millrace = new Millrace({ store: this.store, clock: this.clock, random });

  static async open(partitionCount = 4): Promise<CoordinatorStage> {
    const stage = new CoordinatorStage();
    await stage.during(stage.millrace.topics.createTopic({ name: TOPIC, partitionCount }));
    return stage;
  }

  coordinator(settings: Partial<CoordinatorSettings> = {}): StagedCoordinator {
    return new StagedCoordinator(this, settings);
  }

  during<T>(action: Promise<T>): Promise<T> {
    return during(this.clock, action);
  }

  /** What an action asks of the store. */
  async usageOf(action: () => Promise<unknown>): Promise<StoreUsage> {
    const before = this.meter.usage;
    await action();
    return usageBetween(before, this.meter.usage);
  }
}
