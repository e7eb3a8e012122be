/**
 * Regular expressions of members, matched against whole names of topics here, by RE2: whatever a client sends is matched in time that is linear in the name.
 *
 * Source: KIP-848; Kafka's brokers match with RE2/J, and so does what clients expect. What JavaScript alone knows, such as looking ahead, is refused.
 */
import { RE2JS } from 're2js';
import { MillraceError } from '../../errors.ts';

/** Characters of a pattern. */
const PATTERN_CHARS = 1_000;
/** A repetition is written out when a pattern is compiled: its length by all its counts has to stay below, or compiling takes seconds. */
const WRITTEN_OUT_CHARS = 20_000;
/** Steps of a program, each of which may be tried at each character of a name. */
const PROGRAM_STEPS = 1_000;

/** Whether a name is meant. Throws INVALID_REGULAR_EXPRESSION. */
export function compileTopicPattern(pattern: string): (name: string) => boolean {
  if (pattern.length > PATTERN_CHARS || writtenOutChars(pattern) > WRITTEN_OUT_CHARS) throw tooLarge(pattern);
  const compiled = compile(pattern);
  if (compiled.programSize() > PROGRAM_STEPS) throw tooLarge(pattern);
  return (name) => compiled.testExact(name);
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    const why = (cause as Error).message.replace('error parsing regexp: ', '');
    // The words of Kafka's brokers.
    throw invalid(pattern, `SubscribedTopicRegex \`${pattern}\` is not a valid regular expression: ${why}.`, cause);
  }
}

/** At least as much as there will be. */
function writtenOutChars(pattern: string): number {
  const counts = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  return counts.reduce(
    (chars, [, least, most]) => chars * Math.max(1, Number(least), Number(most || 0)),
    pattern.length,
  );
}

function tooLarge(pattern: string): MillraceError {
  const start = pattern.length > 64 ? `${pattern.slice(0, 64)}…` : pattern;
  return invalid(pattern, `SubscribedTopicRegex \`${start}\` is too large.`);
}

function invalid(pattern: string, message: string, cause?: unknown): MillraceError {
  return new MillraceError('INVALID_REGULAR_EXPRESSION', message, {
    value: pattern.slice(0, PATTERN_CHARS),
    hint: `Write a regular expression as RE2 has it, of at most ${PATTERN_CHARS} characters.`,
    cause,
  });
}
