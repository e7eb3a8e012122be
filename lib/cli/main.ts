/** The command line `millrace`. Exit codes: 0 done, 1 failed, 2 wrong call. */
import { Command, CommanderError } from 'commander';
import { DEFAULT_STORE } from './cli-context.ts';
import { reportError } from './cli-errors.ts';
import type { CliIo } from './cli-io.ts';
import { addConsumeCommand } from './consume-command.ts';
import { addInspectCommands } from './inspect-commands.ts';
import { addProduceCommand } from './produce-command.ts';
import { addTopicCommands } from './topic-commands.ts';

function buildProgram(io: CliIo): Command {
  const program = new Command('millrace')
    .description('A Kafka-style log on object storage, without brokers.')
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
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows how it is called)')
    .configureHelp({ showGlobalOptions: true })
    .helpCommand('help [command]', 'show how a command is called');
  addTopicCommands(program, io);
  addProduceCommand(program, io);
  addConsumeCommand(program, io);
  addInspectCommands(program, io);
  return program;
}

/** Runs one call and returns its exit code; never throws. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  const program = buildProgram(io);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(io, error, argv.includes('--json'));
  }
}
