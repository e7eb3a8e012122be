/** A client of the newer protocol (KIP-848): the gateway assigns, and the client lets go of and takes up partitions as its beats tell it. */
import { handleConsumerGroupHeartbeat } from '../../../../lib/gateway/groups/consumer-handlers.ts';
import { freshUuid } from '../../../../lib/log/fresh-uuid.ts';
import { GROUP, KafkaClientActor, nameOf, REBALANCE_MS, TOPIC } from './kafka-client-actor.ts';

type Answer = Awaited<ReturnType<typeof handleConsumerGroupHeartbeat>>;

/** See the top of this file. */
export class ConsumerClientActor extends KafkaClientActor {
  #topicId = '';
  /** Something has to be told: what it has, since that has changed or an answer may have been lost. */
  #mustTell = true;
  /** When it asked last and was told to let go of nothing. */
  #wholeMs = Number.NEGATIVE_INFINITY;

  protected readonly commitsAreSigns = false;
  protected async join(): Promise<void> {
    while (!this.isClosing) {
      // Whoever was only not answered goes on with what it has.
      if (this.memberId === '') this.#beginNewLife();
      this.#mustTell = true;
      const answer = await this.#ask();
      if (answer !== null && (await this.#take(answer))) return;
    }
  }

  #beginNewLife(): void {
    this.forgetAll();
    this.memberId = freshUuid(this.world.dice);
    this.generation = 0;
  }

  protected async beat(): Promise<boolean> {
    const answer = await this.#ask();
    return answer === null ? this.memberId !== '' : this.#take(answer);
  }

  /** Null: it was refused, and has to do what was decided about that. */
  async #ask(): Promise<Answer | null> {
    const isJoining = this.generation === 0;
    const isFull = isJoining || this.#mustTell;
    const owned = [...this.positions.keys()].sort((left, right) => left - right);
    const request = {
      groupId: GROUP,
      memberId: this.memberId,
      memberEpoch: this.generation,
      instanceId: this.habits.instanceId,
      rackId: null,
      rebalanceTimeoutMs: isFull ? REBALANCE_MS : -1,
      subscribedTopicNames: isFull ? [TOPIC] : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: isFull ? (owned.length === 0 ? [] : [{ topicId: this.#topicId, partitions: owned }]) : null,
    };
    const answer = await this.call('beat', (coordinator) =>
      handleConsumerGroupHeartbeat(coordinator, request, { ...this.context, apiVersion: 1 }),
    ).catch((error) => {
      this.#mustTell = true;
      throw error;
    });
    const error = nameOf(answer.errorCode);
    this.world.oracle.count(`${isJoining ? 'join' : 'beat'} ${error}`);
    if (error === 'NONE') {
      this.heard();
      this.#mustTell = false;
      return answer;
    }
    this.#mustTell = true;
    // An instance that has just died is released when its session is over.
    if (error === 'UNRELEASED_INSTANCE_ID') await this.process.sleep(1_000);
    else await this.failed(error);
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_MEMBER_EPOCH') {
      this.forgetAll();
      this.generation = 0;
      if (error === 'UNKNOWN_MEMBER_ID') this.memberId = '';
    }
    return null;
  }

  /** Lets go of what was taken away, then takes up what is new. */
  async #take(answer: Answer): Promise<boolean> {
    const { assignment } = answer;
    if (!assignment) {
      if (this.lettingGoMs === null) this.#wholeMs = this.askedMs;
      this.generation = answer.memberEpoch!;
      return true;
    }
    const assigned = assignment.topicPartitions!.flatMap((topic) => topic.partitions ?? []);
    this.#topicId = assignment.topicPartitions![0]?.topicId ?? this.#topicId;
    const leaving = [...this.positions.keys()].filter((partition) => !assigned.includes(partition));
    this.#noteLeaving(leaving.length > 0);
    if (leaving.length > 0) await this.commit();
    this.generation = answer.memberEpoch!;
    for (const partition of leaving) this.forget(partition);
    const fresh = assigned.filter((partition) => !this.positions.has(partition));
    if (leaving.length > 0 || fresh.length > 0) this.#mustTell = true;
    return this.begin(fresh);
  }

  #noteLeaving(isToLetGo: boolean): void {
    if (isToLetGo) this.lettingGoMs ??= this.#wholeMs;
    else {
      this.lettingGoMs = null;
      this.#wholeMs = this.askedMs;
    }
  }

  protected async leave(): Promise<void> {
    if (this.memberId === '') return;
    await this.commit();
    const isStatic = this.habits.instanceId !== null;
    const request = {
      groupId: GROUP,
      memberId: this.memberId,
      memberEpoch: isStatic ? -2 : -1,
      instanceId: this.habits.instanceId,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
    };
    await this.call('leave', (coordinator) =>
      handleConsumerGroupHeartbeat(coordinator, request, { ...this.context, apiVersion: 1 }),
    );
  }
}
