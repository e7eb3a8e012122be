/** Clients that carry out writing jobs at a broker or a gateway of 127.0.0.1. */
import type { FixtureClient } from './fixture-cases.ts';
import { goProgram } from './go-programs.ts';
import { runJava } from './kafka-jars.ts';
import { runLibrdkafka } from './librdkafka.ts';
import { runProgram } from './run-program.ts';
import { writeWithKafkajs } from './write-with-kafkajs.ts';
import { writeWithPlatformatic } from './write-with-platformatic.ts';
import type { WritingJob } from './writing-job.ts';

type Writer = (port: number, jobs: readonly WritingJob[]) => Promise<unknown>;

const writeWithGo =
  (client: string): Writer =>
  async (port, jobs) =>
    runProgram(await goProgram('write'), [client, `127.0.0.1:${port}`], { input: JSON.stringify(jobs) });

/** See the top of this file; each is installed or built on first use. */
export const writers: Readonly<Record<FixtureClient, Writer>> = {
  java: (port, jobs) => runJava('WriteRecords', [`127.0.0.1:${port}`], JSON.stringify(jobs)),
  librdkafka: (port, jobs) => runLibrdkafka('write_records', [`127.0.0.1:${port}`], JSON.stringify(jobs)),
  kafkajs: writeWithKafkajs,
  platformatic: writeWithPlatformatic,
  sarama: writeWithGo('sarama'),
  franz: writeWithGo('franz'),
};
