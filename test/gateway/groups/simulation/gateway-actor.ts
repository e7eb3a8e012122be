/** A gateway in a simulation: what its clients reach of it. */

import type { DelayStore } from '../../../../lib/delay/delay-store.ts';
import { coordinatorDefaults } from '../../../../lib/gateway/groups/coordinator-settings.ts';
import { GroupCoordinator } from '../../../../lib/gateway/groups/group-coordinator.ts';
import { LiveGateways } from '../../../../lib/gateway/live-gateways.ts';
import type { MemberProcess } from '../../../group/simulation/member-process.ts';
import type { Dice } from '../../../log/simulation/virtual-time.ts';
import { SESSION_MS } from './kafka-client-actor.ts';

/** See the top of this file. */
export class GatewayActor {
  readonly process: MemberProcess;
  readonly gateways: LiveGateways;
  readonly coordinator: GroupCoordinator;
  /** Its clients' connections are refused from now on. */
  isClosed = false;
  /** It goes, or is gone. */
  isLeaving = false;

  constructor(process: MemberProcess, store: DelayStore, random: Dice, place: number) {
    this.process = process;
    const address = { host: 'gateway', port: 1 + place, rack: null };
    this.gateways = new LiveGateways(
      { store, clock: process, random },
      { address, onChange: (change) => this.coordinator.gatewaysChanged(change) },
    );
    const settings = {
      ...coordinatorDefaults,
      initialRebalanceDelayMs: 500,
      minSessionMs: 1,
      consumerSessionMs: SESSION_MS,
    };
    this.coordinator = new GroupCoordinator({ store, clock: process, random, gateways: this.gateways }, settings);
  }

  get isReachable(): boolean {
    return this.process.alive && !this.isClosed;
  }

  async start(): Promise<void> {
    for (;;) {
      const isStarted = await this.gateways.start().then(
        () => true,
        () => false,
      );
      if (isStarted) return;
      await this.process.sleep(500);
    }
  }

  /** In order: it leaves before its clients are sent away. */
  async stop(): Promise<void> {
    this.isLeaving = true;
    await this.gateways.stop().catch(() => {});
    this.coordinator.close();
    this.isClosed = true;
  }

  crash(): void {
    this.isLeaving = true;
    this.process.alive = false;
  }
}
