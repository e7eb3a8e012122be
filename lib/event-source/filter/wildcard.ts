import { badPattern } from './bad-pattern.ts';

/**
 * A test for texts in which each `*` stands for any characters, also none; `\*` and `\\` stand for themselves. Time grows with the length of the text, never with its square for each star. Throws INVALID_CONFIG for two
 * stars in a row, as EventBridge does, and for any other backslash.
 */
export function compileWildcard(pattern: string, path: readonly string[]): (text: string) => boolean {
  const parts = literalParts(pattern, path);
  const first = parts[0]!;
  if (parts.length === 1) return (text) => text === first;
  const last = parts.at(-1)!;
  const middle = parts.slice(1, -1);
  return (text) => {
    const hasEnds = text.length >= first.length + last.length && text.startsWith(first) && text.endsWith(last);
    if (!hasEnds) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= end;
  };
}

/** What stands between the stars. */
function literalParts(pattern: string, path: readonly string[]): readonly string[] {
  const parts = [''];
  for (let index = 0; index < pattern.length; index++) {
    let character = pattern[index]!;
    if (character === '*') {
      if (pattern[index + 1] === '*') throw badPattern(path, 'a wildcard has no two stars in a row');
      parts.push('');
      continue;
    }
    if (character === '\\') {
      character = pattern[++index] ?? '';
      if (character !== '*' && character !== '\\') throw badPattern(path, 'a backslash stands before * or \\ only');
    }
    parts[parts.length - 1] += character;
  }
  return parts;
}
