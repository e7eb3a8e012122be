/** The image of the gateway, as far as it goes without Docker: the steps of the Dockerfile in folders of their own, and its entry point from what they leave behind. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { apiVersionsApi } from '../../lib/gateway/protocol/messages/cluster-messages.ts';
import { freePorts } from '../../tools/kafka/free-ports.ts';
import { createTopic, fetchFrom, produce, textBatch } from '../gateway/gateway-stage.ts';
import { WireClient } from '../gateway/wire-client.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').trim().split('\n');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** One a line, which is how the file is written. */
const instructions: readonly Instruction[] = dockerfile
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ name: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1) }));
const build = instructions.slice(
  0,
  instructions.findLastIndex(({ name }) => name === 'FROM'),
);
const final = instructions.slice(build.length);

/** The only one of a name in the image itself. */
function only(name: string): string {
  const found = final.filter((one) => one.name === name);
  if (found.length !== 1) throw new Error(`${found.length} times ${name}`);
  return found[0]!.text;
}

let scratch = '';
/** Folders of its own instead of /src and /millrace; the second one has another name once it is copied. */
const placed = (text: string, millrace: string) =>
  text.replace(/(?<![\w.-])\/(src|millrace)\b/g, (_, name) => join(scratch, name === 'src' ? 'src' : millrace));

function copyContext(): void {
  const leftOut = new Set(ignored.map((name) => join(root, name)));
  cpSync(root, join(scratch, 'src'), { recursive: true, filter: (from) => !leftOut.has(from) });
  // Stands for npm ci, which fills it with the same.
  symlinkSync(join(root, 'node_modules'), join(scratch, 'src/node_modules'));
}

function runSteps(): void {
  let cwd = '/';
  for (const { name, text } of build) {
    if (name === 'WORKDIR') cwd = placed(text, 'built');
    if (name !== 'RUN' || text.startsWith('npm ci ')) continue;
    const env = { ...process.env, npm_config_prefer_offline: 'true', npm_config_loglevel: 'error' };
    execFileSync('sh', ['-ec', placed(text, 'built')], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'millrace-image-'));
  copyContext();
  runSteps();
  cpSync(join(scratch, 'built'), join(scratch, 'image'), { recursive: true });
  rmSync(join(scratch, 'src'), { recursive: true });
  rmSync(join(scratch, 'built'), { recursive: true });
  mkdirSync(join(scratch, 'home'));
}, 180_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  output(): string;
}

/** The entry point with nothing of this machine: another folder, no other environment than the image's. */
function start(args: readonly string[]): Started {
  const [command, ...first] = JSON.parse(placed(only('ENTRYPOINT'), 'image')) as string[];
  if (command !== 'node') throw new Error(`not Node: ${command}`);
  const env = Object.fromEntries(final.filter(({ name }) => name === 'ENV').map(({ text }) => text.split('=')));
  const child = spawn(process.execPath, [...first, ...args], { cwd: join(scratch, 'home'), env });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += chunk));
  return { child, output: () => output };
}

describe('the image of the gateway', () => {
  it('is made of files that are there and are not left out', () => {
    const copied = build.filter(({ name }) => name === 'COPY').flatMap(({ text }) => text.split(' ').slice(0, -1));
    expect(copied).toContain('package-lock.json');
    for (const path of copied) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(ignored, path).not.toContain(path);
    }
    for (const needed of ['bin', 'lib', 'tools', 'tsconfig.build.json']) expect(ignored).not.toContain(needed);
    expect(ignored).toEqual(expect.arrayContaining(['node_modules', '.git', '.cache', '.millrace']));
    expect(final.filter(({ name }) => name === 'COPY').map(({ text }) => text)).toEqual([
      '--from=build /millrace /millrace',
    ]);
  });

  it('brings the SDK in the versions that are tested, and no tools', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const versionOf = (name: string) =>
      JSON.parse(readFileSync(join(scratch, 'image/node_modules', name, 'package.json'), 'utf8')).version;
    for (const name of Object.keys(manifest.peerDependencies).filter((one) => one.startsWith('@aws-sdk/')))
      expect(versionOf(name), name).toBe(manifest.devDependencies[name]);
    for (const name of ['typescript', 'vitest', 'aws-cdk-lib'])
      expect(existsSync(join(scratch, 'image/node_modules', name)), name).toBe(false);
  });

  it('says what to do when it is run as it is', async () => {
    const { child, output } = start(JSON.parse(only('CMD')));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(output()).toContain('--advertise <host:port>');
  });

  it('serves as its first lines say, is healthy, and ends in order when it is told to', async () => {
    const run = /^# {3}docker run .* millrace-gateway (.*)$/m.exec(dockerfile)![1]!;
    const [port] = await freePorts(1);
    const args = run.replace(/'aws:[^']*'/, 'file:log').replace('kafka.internal:9092', `127.0.0.1:${port}`);
    const { child, output } = start([...args.split(' '), '--port', String(port)]);
    await expect.poll(output, { timeout: 15_000 }).toMatch(/^kafka +127\.0\.0\.1:\d+\n[\s\S]*store +file:log\n/);
    const client = new WireClient(port!);
    expect((await client.ask(apiVersionsApi, 2, {})).errorCode).toBe(0);
    await createTopic(client, 'a');
    expect((await produce(client, 'a', textBatch(['x']))).errorCode).toBe(0);
    expect((await fetchFrom(client, 'a', 0n)).highWatermark).toBe(1n);
    const [, probe] = /CMD (\[.*\])$/.exec(only('HEALTHCHECK'))!;
    const healthOf = async (at: number) => {
      const [, ...probing] = (JSON.parse(probe!) as string[]).map((part) => part.replace('9092', String(at)));
      return (await once(spawn(process.execPath, probing), 'close'))[0];
    };
    expect(only('EXPOSE')).toBe('9092');
    expect(await healthOf(port!)).toBe(0);
    child.kill('SIGTERM');
    await client.closed();
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(await healthOf(port!)).toBe(1);
    expect(existsSync(join(scratch, 'home/log'))).toBe(true);
  });
});
