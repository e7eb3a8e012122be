/** The servers that are compared, each a process of its own on this machine. Neither waits for the disk: what is acknowledged is in the page cache of the kernel, and outlives the process. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from '../../tools/kafka/broker.ts';

/** A server that answers. */
export interface PerfServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** As `kafka-server-start.sh` starts it: `KAFKA_HEAP_OPTS` and `KAFKA_JVM_PERFORMANCE_OPTS` of Kafka 4.3. */
const STOCK_JVM = [
  '-Xmx1G',
  '-Xms1G',
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
  '-Djava.awt.headless=true',
];
const millrace = fileURLToPath(new URL('../../bin/millrace.ts', import.meta.url));

/** Apache Kafka with its stock settings, `log.flush.interval.messages` among them: it never asks the disk to sync. */
export async function startKafka(): Promise<PerfServer> {
  const broker = await startBroker({ jvm: STOCK_JVM });
  return { name: 'Kafka', port: broker.port, pid: broker.pid, stop: () => broker.stop() };
}

/** As its container runs it. */
const CONTAINER_ARGS = ['--max-semi-space-size=8'];

/** `millrace gateway` over a store; `nodeArgs` go to Node, to profile it for instance. */
export async function startGatewayProcess(
  store: string,
  nodeArgs: readonly string[] = [],
): Promise<PerfServer & { readonly exited: Promise<void> }> {
  const args = [...CONTAINER_ARGS, ...nodeArgs, millrace, '--json', '--store', store, 'gateway', '--port', '0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
    child.once('exit', (code) => reject(new TypeError(`the gateway ended with ${code}`)));
  });
  const { listens } = JSON.parse(line) as { readonly listens: string };
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    process.off('exit', kill);
  };
  return { name: 'gateway', port: Number(listens.split(':').at(-1)), pid: child.pid!, stop, exited };
}

/** A gateway over a file store of its own with `sync=process`, the default. */
export async function startOurs(nodeArgs: readonly string[] = []): Promise<PerfServer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const server = await startGatewayProcess(`file:${folder}`, nodeArgs);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    ...server,
    async stop() {
      await server.stop();
      process.off('exit', remove);
      remove();
    },
  };
}
