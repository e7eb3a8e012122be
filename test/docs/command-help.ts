/** What every command says of itself, as the documents show it. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { main } from '../../lib/cli/main.ts';

/** Every command that does something. */
export const COMMANDS: readonly string[] = [
  'topic create',
  'topic list',
  'topic describe',
  'topic alter',
  'topic add-partitions',
  'topic trim',
  'topic fork',
  'topic delete',
  'produce',
  'consume',
  'delayed list',
  'delayed show',
  'delayed cancel',
  'group list',
  'group describe',
  'group seek',
  'group delete',
  'subscription create',
  'subscription list',
  'subscription describe',
  'subscription update',
  'subscription pause',
  'subscription resume',
  'subscription seek',
  'subscription replay',
  'subscription delete',
  'dlq list',
  'dlq show',
  'dlq redrive',
  'dlq discard',
  'maintenance run',
  'maintenance status',
  'gc',
  'dev',
  'gateway',
  'perf produce',
  'perf consume',
  'perf end-to-end',
  'estimate',
  'inspect segment',
  'inspect batch',
  'inspect pack',
  'verify',
  'rebuild',
];

/** What a call prints, both streams together, and its exit code. */
export async function call(argv: readonly string[]): Promise<{ readonly code: number; readonly printed: string }> {
  const stdout = new PassThrough();
  const printed = text(stdout);
  const io = {
    stdin: new PassThrough().end(),
    stdout,
    stderr: stdout,
    env: {},
    interrupts: () => new AbortController().signal,
  };
  const code = await main(argv, io);
  stdout.end();
  return { code, printed: await printed };
}

async function helpOf(command: string): Promise<string> {
  const { printed } = await call([...command.split(' ').filter((word) => word !== ''), '--help']);
  return printed.replace(/[ \t]+$/gm, '').trimEnd();
}

/** The global options are said once, in the help of the program itself. */
function withoutGlobalOptions(help: string): string {
  return help.replace(/\n\nGlobal Options:\n(?: .*\n?)*/, '\n').trimEnd();
}

/** A section for each command with its help. */
export async function commandHelp(): Promise<string> {
  const sections = [`### millrace\n\n\`\`\`text\n${await helpOf('')}\n\`\`\`\n`];
  for (const command of COMMANDS) {
    const help = withoutGlobalOptions(await helpOf(command));
    sections.push(`### millrace ${command}\n\n\`\`\`text\n${help}\n\`\`\`\n`);
  }
  return sections.join('\n');
}
