/** A client of the classic protocol: members wait for each other, and one of them assigns. */
import {
  handleHeartbeat,
  handleJoinGroup,
  handleLeaveGroup,
  handleSyncGroup,
} from '../../../../lib/gateway/groups/classic-handlers.ts';
import {
  assignedPartitionsOf,
  encodeAssignment,
  encodeSubscription,
} from '../../../../lib/gateway/groups/consumer-protocol.ts';
import { GROUP, KafkaClientActor, nameOf, REBALANCE_MS, SESSION_MS, TOPIC } from './kafka-client-actor.ts';

/** See the top of this file. */
export class ClassicClientActor extends KafkaClientActor {
  /** When it asked what was answered by all being well, the last time. */
  #wholeMs = Number.NEGATIVE_INFINITY;

  protected readonly commitsAreSigns = true;

  protected async join(): Promise<void> {
    while (!this.isClosing) {
      this.forgetAll();
      const joined = await this.call(
        'join',
        (coordinator) => handleJoinGroup(coordinator, this.#joinRequest(), this.context),
        REBALANCE_MS * 3,
      );
      const error = nameOf(joined.errorCode);
      this.world.oracle.count(`join ${error}`);
      if (error === 'MEMBER_ID_REQUIRED') this.memberId = joined.memberId!;
      if (error === 'NONE' && (await this.#sync(joined))) return;
      if (error !== 'NONE') await this.failed(error);
    }
  }

  #joinRequest() {
    return {
      groupId: GROUP,
      memberId: this.memberId,
      groupInstanceId: this.habits.instanceId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: encodeSubscription([TOPIC]) }],
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      reason: null,
    };
  }

  async #sync(joined: Awaited<ReturnType<typeof handleJoinGroup>>): Promise<boolean> {
    this.memberId = joined.memberId!;
    this.generation = joined.generationId!;
    const isLeader = joined.leader === joined.memberId && !joined.skipAssignment;
    const request = {
      ...this.#sender(),
      generationId: this.generation,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: isLeader ? this.#assign(joined.members!.map(({ memberId }) => memberId!)) : [],
    };
    const synced = await this.call('sync', (coordinator) => handleSyncGroup(coordinator, request), REBALANCE_MS * 2);
    const error = nameOf(synced.errorCode);
    this.world.oracle.count(`sync ${error}`);
    if (error === 'NONE') this.#isWhole();
    if (error === 'NONE') return this.begin(assignedPartitionsOf(synced.assignment!).flatMap((one) => one.partitions));
    await this.failed(error);
    return false;
  }

  /** In turn; whoever leads decides. */
  #assign(memberIds: readonly string[]) {
    const all = Array.from({ length: this.world.partitionCount }, (_, partition) => partition);
    return memberIds.map((memberId, place) => {
      const partitions = all.filter((partition) => partition % memberIds.length === place);
      return { memberId, assignment: encodeAssignment([{ topic: TOPIC, partitions }]) };
    });
  }

  #sender() {
    return { groupId: GROUP, memberId: this.memberId, groupInstanceId: this.habits.instanceId };
  }

  /** It is in its generation, and nobody asks it to join again. */
  #isWhole(): void {
    this.heard();
    this.#wholeMs = this.askedMs;
    this.lettingGoMs = null;
  }

  protected async beat(): Promise<boolean> {
    const request = { ...this.#sender(), generationId: this.generation };
    const { errorCode } = await this.call('beat', (coordinator) => handleHeartbeat(coordinator, request));
    const error = nameOf(errorCode);
    this.world.oracle.count(`beat ${error}`);
    if (error === 'NONE') this.#isWhole();
    if (error === 'NONE') return true;
    if (error !== 'REBALANCE_IN_PROGRESS') return this.failed(error);
    this.heard();
    // Who does not join again before the rebalance is over is put out by right, however often it was heard; that may have begun as soon as all was well for the last time.
    this.lettingGoMs ??= this.#wholeMs;
    await this.commit();
    return false;
  }

  protected async leave(): Promise<void> {
    if (this.habits.instanceId !== null || this.memberId === '') return;
    const members = [{ memberId: this.memberId, groupInstanceId: null, reason: null }];
    const request = { groupId: GROUP, memberId: '', members };
    await this.call('leave', (coordinator) => handleLeaveGroup(coordinator, request, { apiVersion: 5 }));
  }
}
