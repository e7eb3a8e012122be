/** Books calls of a function for later, by EventBridge Scheduler. Needs the peer @aws-sdk/client-scheduler, the action scheduler:CreateSchedule in the group, and iam:PassRole on the role by which the function is called. */
import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import type { Clock, Random } from '../clock.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { type AwsPlace, clientConfig } from './aws-clients.ts';
import { AwsConnection } from './aws-connection.ts';
import type { AwsRequest } from './aws-errors.ts';
import { SCHEDULE_MEANINGS } from './schedule-error-meanings.ts';

/** What it needs. */
export interface OneTimeSchedulesDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** The group that holds them. */
  readonly group: string;
  /** ARN of the role that Scheduler takes to call the function. */
  readonly role: string;
  /** ARN of the function. */
  readonly target: string;
  /** Default: where the SDK looks. */
  readonly place?: AwsPlace;
}

/** A call that is wished. */
export interface OneTimeCall {
  /** 1 to 64 of `0-9a-zA-Z-_.`: whoever books under a name that is taken finds the call booked. */
  readonly name: string;
  /** Ms since the epoch: the call comes up to a minute later. Source: "Schedule types" in the EventBridge Scheduler user guide. */
  readonly atMs: number;
  /** JSON. */
  readonly payload: string;
}

/** See the top of this file. */
export class OneTimeSchedules {
  readonly #deps: OneTimeSchedulesDeps;
  readonly #connection = new AwsConnection();
  readonly #client: SchedulerClient;

  constructor(deps: OneTimeSchedulesDeps) {
    this.#deps = deps;
    this.#client = new SchedulerClient(clientConfig(deps.place ?? {}));
  }

  /** Resolves once it is booked; then it is made though everything here ends. A schedule is gone once it has called. Throws what Scheduler answers after ten attempts. */
  async book({ name, atMs, payload }: OneTimeCall): Promise<void> {
    const { group, role, target } = this.#deps;
    const command = new CreateScheduleCommand({
      Name: name,
      GroupName: group,
      // Without fractions and without the Z.
      ScheduleExpression: `at(${new Date(atMs).toISOString().slice(0, 19)})`,
      ScheduleExpressionTimezone: 'UTC',
      FlexibleTimeWindow: { Mode: 'OFF' },
      ActionAfterCompletion: 'DELETE',
      Target: { Arn: target, RoleArn: role, Input: payload },
    });
    const request: AwsRequest = {
      operation: 'CreateSchedule',
      effect: 'read',
      meanings: SCHEDULE_MEANINGS,
      container: group,
      value: name,
    };
    const isThere = (error: unknown) => ((error as Error).name === 'ConflictException' ? 'booked' : undefined);
    await repeatRequest(this.#deps, () => this.#connection.ask(request, () => this.#client.send(command), isThere));
  }

  close(): void {
    this.#connection.close();
    this.#client.destroy();
  }
}
