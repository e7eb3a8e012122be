/** A process of a chaos test: what it prints, and what is done to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

/** See the top of this file. */
export class ChaosProcess {
  readonly name: string;
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;
  /** What it says on stderr. */
  complaint = '';
  hasSpoken = false;

  /** @param onLine Told each whole line of stdout; one that a SIGKILL has cut off is not told. */
  constructor(
    script: string,
    name: string,
    {
      args,
      env,
      program = process.execPath,
      onLine,
    }: {
      /** What runs the script; Node by default. */
      readonly program?: string;
      readonly args: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly onLine: (line: string) => void;
    },
  ) {
    this.name = name;
    const path = fileURLToPath(new URL(script, import.meta.url));
    const child = spawn(program, [path, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    onTestFinished(() => void child.kill('SIGKILL'));
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
      this.hasSpoken ||= lines.length > 0;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.complaint += text;
    });
    this.ended = once(child, 'close');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Asks it to end, and waits until it has, without a complaint. */
  async leave(): Promise<void> {
    // It may not even have begun to listen to signals.
    if (!this.hasSpoken) return this.kill();
    this.#child.kill('SIGTERM');
    await this.whole();
  }

  /** Waits until it has ended by itself, without a complaint. */
  async whole(): Promise<void> {
    await this.ended;
    expect([this.name, this.#child.exitCode, this.complaint]).toEqual([this.name, 0, '']);
  }

  /** Lets it stand still, and go on as if nothing had been. */
  async stop(durationMs: number): Promise<void> {
    this.#child.kill('SIGSTOP');
    await pause(durationMs);
    this.#child.kill('SIGCONT');
  }
}
