/** Members of groups with real clients: each reads topic `orders`, commits what it was given and tells what it was assigned. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Consumer as PlatformaticConsumer } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { goProgram } from '../../tools/kafka/go-programs.ts';
import { kafkaClassPath } from '../../tools/kafka/kafka-jars.ts';
import { librdkafkaPython } from '../../tools/kafka/librdkafka.ts';

export const TOPIC = 'orders';
const TOOLS = fileURLToPath(new URL('../../tools/kafka/', import.meta.url));

/** See the top of this file. */
export interface RunningMember {
  /** Partitions that it has, in order; null before it was assigned any. */
  readonly assigned: readonly number[] | null;
  /** `partition/offset`, in the order in which they came. */
  readonly seen: readonly string[];
  /** What it said, for the story of a failure. */
  readonly said: readonly string[];
  /** Leaves in order. */
  close(): Promise<void>;
  /** Dies at once; only of those in processes of their own. */
  kill?(): void;
}

/** A client that can be a member. */
export interface MemberKind {
  readonly name: string;
  start(bootstrap: string, group: string, instanceId?: string): Promise<RunningMember>;
}

/** A program that says `assigned 0,1`, `revoked 1`, `lost 1`, `record PARTITION OFFSET VALUE`, one a line. */
class ProgramMember implements RunningMember {
  readonly said: string[] = [];
  readonly seen: string[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  #isIncremental: boolean;
  #assigned: Set<number> | null = null;
  #rest = '';

  constructor(program: string, args: readonly string[], isIncremental: boolean) {
    this.#isIncremental = isIncremental;
    this.#child = spawn(program, args, { env: { ...process.env, PYTHONUTF8: '1' } });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => this.said.push(text.slice(0, 500)));
    this.#child.stdin.on('error', () => {});
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  get assigned(): readonly number[] | null {
    return this.#assigned && [...this.#assigned].sort((left, right) => left - right);
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [what, first = '', second = ''] = line.split(' ');
      if (what !== 'record') this.said.push(line);
      const numbers = first === '' ? [] : first.split(',').map(Number);
      if (what === 'record') this.seen.push(`${first}/${second}`);
      if (what === 'assigned' && !this.#isIncremental) this.#assigned = new Set(numbers);
      if (what === 'assigned') this.#assigned = new Set([...(this.#assigned ?? []), ...numbers]);
      if (what === 'revoked' || what === 'lost') for (const number of numbers) this.#assigned?.delete(number);
    }
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    const late = setTimeout(() => this.kill(), 30_000);
    await this.#ended;
    clearTimeout(late);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

function settingsOf(group: string, instanceId: string | undefined, others: readonly string[]): readonly string[] {
  return [`group.id=${group}`, ...(instanceId === undefined ? [] : [`group.instance.id=${instanceId}`]), ...others];
}

/** The Java client, with settings such as `group.protocol=consumer`. */
export function javaMember(name: string, ...settings: readonly string[]): MemberKind {
  return {
    name: `the Java client, ${name}`,
    async start(bootstrap, group, instanceId) {
      const all = settingsOf(group, instanceId, settings);
      const file = join(TOOLS, 'GroupMember.java');
      const args = [...SHORT_LIVED, '-cp', await kafkaClassPath(), file, bootstrap, TOPIC, ...all];
      return new ProgramMember('java', args, true);
    },
  };
}

/** librdkafka through confluent-kafka. */
export function librdkafkaMember(name: string, ...settings: readonly string[]): MemberKind {
  return {
    name: `librdkafka, ${name}`,
    async start(bootstrap, group, instanceId) {
      const all = settingsOf(group, instanceId, settings);
      return new ProgramMember(
        await librdkafkaPython(),
        [join(TOOLS, 'group_member.py'), bootstrap, TOPIC, ...all],
        true,
      );
    },
  };
}

/** A client in Go. */
export function goClientMember(client: 'franz' | 'sarama'): MemberKind {
  return {
    name: client === 'franz' ? 'franz-go' : 'sarama',
    async start(bootstrap, group) {
      return new ProgramMember(await goProgram('member'), [client, bootstrap, TOPIC, group], true);
    },
  };
}

export const kafkajsMember: MemberKind = {
  name: 'kafkajs',
  async start(bootstrap, group) {
    const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING, clientId: 'kafkajs' });
    const consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: 6_000,
      heartbeatInterval: 500,
      rebalanceTimeout: 10_000,
    });
    const seen: string[] = [];
    const said: string[] = [];
    let assigned: readonly number[] | null = null;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      assigned = [...(payload.memberAssignment[TOPIC] ?? [])].sort((left, right) => left - right);
      said.push(`assigned ${assigned}`);
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => said.push(String(payload.error)));
    await consumer.connect();
    await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        seen.push(`${partition}/${message.offset}`);
        const offset = `${BigInt(message.offset) + 1n}`;
        await consumer.commitOffsets([{ topic: TOPIC, partition, offset, metadata: 'kafkajs' }]);
      },
    });
    return {
      seen,
      said,
      get assigned() {
        return assigned;
      },
      close: () => consumer.disconnect(),
    };
  },
};

/** @platformatic/kafka by the older protocol, or by the newer one. */
export function platformaticMember(groupProtocol: 'classic' | 'consumer'): MemberKind {
  return {
    name: `@platformatic/kafka, ${groupProtocol}`,
    async start(bootstrap, group) {
      const consumer = new PlatformaticConsumer({
        clientId: 'platformatic',
        groupId: group,
        bootstrapBrokers: bootstrap.split(','),
        groupProtocol,
        sessionTimeout: 6_000,
        heartbeatInterval: 500,
        rebalanceTimeout: 10_000,
        retries: 20,
      } as ConstructorParameters<typeof PlatformaticConsumer>[0]);
      const seen: string[] = [];
      const said: string[] = [];
      const stream = await consumer.consume({
        topics: [TOPIC],
        mode: 'committed',
        fallbackMode: 'earliest',
        autocommit: false,
        maxWaitTime: 200,
      });
      // Of each partition the newest, one after another, until it is done: the client does not repeat a commit that a rebalance has refused.
      const uncommitted = new Map<number, { commit(): unknown }>();
      let committing = Promise.resolve();
      const commitAll = async () => {
        for (let left = 100; uncommitted.size > 0 && left > 0; left--) {
          const [[partition, message]] = uncommitted as unknown as [[number, { commit(): unknown }]];
          try {
            await message.commit();
            if (uncommitted.get(partition) === message) uncommitted.delete(partition);
          } catch (error) {
            said.push(String(error).slice(0, 200));
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
        }
      };
      stream.on('data', (message) => {
        seen.push(`${message.partition}/${message.offset}`);
        uncommitted.set(message.partition, message);
        committing = committing.then(commitAll);
      });
      stream.on('error', (error) => said.push(String(error)));
      return {
        seen,
        said,
        get assigned() {
          const mine = consumer.assignments?.find(({ topic }) => topic === TOPIC)?.partitions;
          return mine === undefined ? null : [...mine].sort((left, right) => left - right);
        },
        async close() {
          await committing;
          await consumer.close(true);
        },
      };
    },
  };
}
