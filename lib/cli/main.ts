/** The command line `millrace`. Exit codes: 0 done, 1 failed, 2 wrong call; 128 and the signal's number when a signal ended it. */
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { addHelpCommand, CliCommand } from './cli-command.ts';
import { DEFAULT_STORE } from './cli-context.ts';
import { InterruptedError, reportError } from './cli-errors.ts';
import { type CliIo, OutputError } from './cli-io.ts';
import { addConsumeCommand } from './consume-command.ts';
import { addDelayedCommands } from './delayed-commands.ts';
import { addDevCommand } from './dev-command.ts';
import { addDlqCommands } from './dlq-commands.ts';
import { addEstimateCommand } from './estimate-command.ts';
import { addGatewayCommand } from './gateway-command.ts';
import { addGcCommand } from './gc-command.ts';
import { addGroupCommands } from './group-commands.ts';
import { addInspectCommands } from './inspect-commands.ts';
import { addMaintenanceCommands } from './maintenance-commands.ts';
import { addPerfCommands } from './perf-commands.ts';
import { addProduceCommand } from './produce-command.ts';
import { addRebuildCommand } from './rebuild-command.ts';
import { addSubscriptionCommands } from './subscription-commands.ts';
import { addTopicCommands } from './topic-commands.ts';
import { addVerifyCommand } from './verify-command.ts';

/** The manifest stands at the same place beside the sources and in the npm package. */
function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

function buildProgram(io: CliIo): CliCommand {
  const program = new CliCommand('millrace')
    .description('A Kafka-style log on object storage, without brokers.')
    .version(version(), '-V, --version', 'print the version')
    .option(
      '--store <connection>',
      `where the log is: file:DIR, aws:?bucket=…&table=…, memory: (default: $MILLRACE_STORE, else ${DEFAULT_STORE})`,
    )
    .option('--json', 'print results and errors as JSON')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .configureHelp({ showGlobalOptions: true });
  program.examples(
    'millrace topic create chat --partitions 4',
    "printf 'user-1:hello\\n' | millrace produce chat -k :",
    'millrace consume chat --exit-at-end',
    'millrace --store file:/var/lib/millrace topic list --json',
  );
  addTopicCommands(program, io);
  addProduceCommand(program, io);
  addConsumeCommand(program, io);
  addDelayedCommands(program, io);
  addGroupCommands(program, io);
  addSubscriptionCommands(program, io);
  addDlqCommands(program, io);
  addDevCommand(program, io);
  addMaintenanceCommands(program, io);
  addGatewayCommand(program, io);
  addGcCommand(program, io);
  addPerfCommands(program, io);
  addEstimateCommand(program, io);
  addInspectCommands(program, io);
  addVerifyCommand(program, io);
  addRebuildCommand(program, io);
  addHelpCommand(program);
  return program;
}

/** Runs one call and returns its exit code; never throws. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    await buildProgram(io).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    // Help and version were asked for, and are printed by now.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    // `millrace consume … | head` closes the pipe early. That is how it should end: quietly, and well.
    if (error instanceof OutputError && error.isClosedPipe) return 0;
    const exitCode = await reportError(io, error, argv.includes('--json'));
    return error instanceof InterruptedError ? error.exitCode : exitCode;
  }
}
