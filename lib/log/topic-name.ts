import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';

const NAME_PATTERN = /^[a-zA-Z0-9._-]+$/;
/** As much of a refused name as a message shows. */
const SHOWN_CHARACTERS = 80;

/** What is wrong with a name, or null. */
function problemOf(name: unknown): string | null {
  if (typeof name !== 'string') return `a topic name is a text, not ${name === null ? 'null' : typeof name}`;
  if (name === '') return 'the topic name is empty';
  if (name === '.' || name === '..') return `"${name}" cannot be a topic name`;
  if (name.length > limits.topicNameLength) {
    return `the topic name has ${name.length} characters, more than ${limits.topicNameLength}`;
  }
  if (!NAME_PATTERN.test(name)) return `not a topic name: ${JSON.stringify(name.slice(0, SHOWN_CHARACTERS))}`;
  return null;
}

/** Whether a topic may have this name. */
export function isTopicName(name: string): boolean {
  return problemOf(name) === null;
}

/**
 * Checks a topic name and returns it: 1 to 249 of `a-z`, `A-Z`, `0-9`, `.`, `_` and `-`, but not `.` or `..`. Case matters.
 *
 * Source: Kafka, `org.apache.kafka.common.internals.Topic`. Throws INVALID_TOPIC_EXCEPTION.
 */
export function parseTopicName(name: string): string {
  const problem = problemOf(name);
  if (problem === null) return name;
  throw new MillraceError('INVALID_TOPIC_EXCEPTION', problem, {
    value: name,
    hint: `Use 1 to ${limits.topicNameLength} of the characters a-z, A-Z, 0-9, ".", "_" and "-", but not "." or "..".`,
  });
}
