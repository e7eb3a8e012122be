import { Process, type VirtualTime } from '../../log/simulation/virtual-time.ts';

/** A process that may be stopped for a while, as by SIGSTOP: its timers and answers wait, the time of everybody else goes on. */
export class MemberProcess extends Process {
  readonly #time: VirtualTime;
  #stoppedUntilMs = 0;
  /** Whether it was ever stopped. */
  wasStopped = false;

  constructor(time: VirtualTime, name: string, skewMs: number) {
    super(time, name, skewMs);
    this.#time = time;
  }

  /** Stops it, from now on. */
  stop(durationMs: number): void {
    this.wasStopped = true;
    this.#stoppedUntilMs = Math.max(this.#stoppedUntilMs, this.#time.nowMs + durationMs);
  }

  get isStopped(): boolean {
    return this.#time.nowMs < this.#stoppedUntilMs;
  }

  override whenRunning(run: () => void): void {
    if (!this.alive) return;
    if (this.isStopped) this.#time.schedule(this.#stoppedUntilMs - this.#time.nowMs, () => this.whenRunning(run));
    else run();
  }

  override sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      void super.sleep(durationMs, signal).then(() => this.whenRunning(resolve));
    });
  }
}
