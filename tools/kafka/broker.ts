/**
 * A real Apache Kafka broker on 127.0.0.1, one process that is broker and controller (KRaft), for tests and for the maker of fixtures.
 *
 * Needs Java 17 and Maven; ready in about 6 s, 0.4 GB of memory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './free-ports.ts';
import { kafkaClassPath } from './kafka-jars.ts';
import { runProgram } from './run-program.ts';
import { isAnswering } from './wire.ts';

/** A broker that answers. */
export interface Broker {
  readonly port: number;
  readonly pid: number;
  /** Holds a folder for each partition, `<topic>-<partition>`, with its log segments. */
  readonly dataDir: string;
  /** Everything of this broker, to start it again. */
  readonly folder: string;
  /** Ends the process in order, and removes its folder unless `keep` is set. */
  stop(options?: { keep?: boolean }): Promise<void>;
}

/** How a broker is started. */
export interface BrokerOptions {
  /** More lines for `server.properties`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The folder of a broker that was stopped with `keep`, to go on with its data. */
  readonly folder?: string;
  /** Options of its Java machine. Default: those of a broker that lives for a test, small and soon ready. */
  readonly jvm?: readonly string[];
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 100;
const JVM = ['-Xms256m', '-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

function serverProperties(
  folder: string,
  [port, controllerPort]: [number, number],
  settings: BrokerOptions['settings'],
) {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`;
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    'num.partitions': '1',
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...settings,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** As Kafka writes its ids: 16 bytes in base64url, here never with a leading minus, which the tool takes for an option. */
function clusterId(): string {
  const bytes = randomBytes(16);
  bytes[0]! &= 0x7f;
  return bytes.toString('base64url');
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

async function waitUntilReady(child: ChildProcess, port: number, logFile: string): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (!(await isAnswering(port))) {
    if (!hasEnded(child) && performance.now() < deadlineMs) {
      await sleep(POLL_MS);
      continue;
    }
    await endProcess(child);
    const reason = hasEnded(child) ? 'ended' : 'was not ready in time';
    throw new Error(`The Kafka broker ${reason}:\n${readFileSync(logFile, 'utf8').slice(-4_000)}`);
  }
}

/**
 * Ends the broker and removes its folder when this process is gone without having done so, killed for instance: its end of the pipe closes
 * then, and `read` returns.
 */
function guard(pid: number, folder: string): ChildProcess {
  const script = 'read _; kill -9 "$0"; rm -rf "$1"';
  return spawn('/bin/sh', ['-c', script, String(pid), folder], { stdio: ['pipe', 'ignore', 'ignore'] });
}

function launch(classPath: string, folder: string, jvm: readonly string[]): ChildProcess {
  const properties = join(folder, 'server.properties');
  // Through a shell only for the redirection: exec leaves Java with the pid, and nobody has to read its pipes.
  const args = ['-c', 'exec java "$@" >"$0" 2>&1', join(folder, 'broker.log')];
  const java = [...jvm, '-cp', classPath, 'kafka.Kafka', properties];
  return spawn('/bin/sh', [...args, ...java], { stdio: 'ignore' });
}

/** Starts a broker with fresh data, or with those of an earlier one, and resolves when it answers. Throws with the end of its log. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const classPath = await kafkaClassPath();
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'millrace-kafka-'));
  const [port, controllerPort] = (await freePorts(2)) as [number, number];
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, serverProperties(folder, [port, controllerPort], options.settings));
  if (options.folder === undefined) {
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', properties];
    await runProgram('java', ['-XX:TieredStopAtLevel=1', '-cp', classPath, ...format]);
  }
  const child = launch(classPath, folder, options.jvm ?? JVM);
  const guardian = guard(child.pid!, folder);
  const end = async (keep: boolean) => {
    guardian.kill('SIGKILL');
    await endProcess(child);
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(child, port, join(folder, 'broker.log'));
  } catch (error) {
    await end(false);
    throw error;
  }
  return {
    port,
    pid: child.pid!,
    dataDir: join(folder, 'data'),
    folder,
    stop: ({ keep = false } = {}) => end(keep),
  };
}
