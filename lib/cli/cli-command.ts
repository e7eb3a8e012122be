import { Command } from 'commander';
import { nearestName } from '../nearest-name.ts';
import { UsageError } from './cli-errors.ts';

/** A command whose mistakes in calling are UsageErrors like all others, so that they are told in one place and in one form. */
export class CliCommand extends Command {
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  /** Examples at the end of its help, as they are typed. */
  examples(...lines: readonly string[]): this {
    return this.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
  }

  /** How this command is called: `millrace topic create`. */
  get path(): string {
    return this.parent instanceof CliCommand ? `${this.parent.path} ${this.name()}` : this.name();
  }

  /** The command below this one, by name. Throws UsageError, which names the nearest. */
  below(name: string): CliCommand {
    const found = this.commands.find((command) => command.name() === name);
    if (found instanceof CliCommand) return found;
    const nearest = nearestName(name, this.#names());
    const meant = nearest === undefined ? '' : `Did you mean ${nearest}? `;
    throw new UsageError(`unknown command '${name}'`, `${meant}${this.#commandsHint()}`, name);
  }

  /** What the parser calls for every mistake that it finds. */
  override error(message: string): never {
    const [problem = '', suggestion] = message.replace(/^error: /, '').split('\n');
    const meant = suggestion === undefined ? '' : `${suggestion.replace(/^\((.*)\)$/, '$1')} `;
    throw new UsageError(problem, `${meant}See ${this.path} --help.`);
  }

  /** What the parser calls for the help that is asked for, and when a command is missing. */
  override help(context?: unknown): never {
    const isMistake = typeof context === 'object' && context !== null && 'error' in context && context.error;
    if (!isMistake) return super.help();
    const isJson = this.optsWithGlobals().json === true;
    throw new UsageError(
      `a command is missing after ${this.path}`,
      isJson ? this.#commandsHint() : `\n${this.helpInformation().trimEnd()}`,
    );
  }

  /** Called by the parser when the first word is no command. */
  unknownCommand(): never {
    this.below(this.args[0] ?? '');
    return this.help({ error: true });
  }

  #names(): readonly string[] {
    return this.commands.map((command) => command.name());
  }

  #commandsHint(): string {
    return `Commands of ${this.path}: ${this.#names().join(', ')}.`;
  }
}

/** Adds `help [command...]`, for commands below commands too. */
export function addHelpCommand(parent: CliCommand): void {
  parent
    .helpCommand(false)
    .command('help [command...]')
    .description('Show how a command is called.')
    .action((names: readonly string[]) => {
      let command = parent;
      for (const name of names) command = command.below(name);
      command.help();
    });
}
