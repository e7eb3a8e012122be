/**
 * Where an object's file stands below the directory of objects: the parts of its key are directories and a file name. Letters, digits and `!_.'()=-` stand for
 * themselves; any other byte, and a dot at the end of a part (Windows drops it), is `%` and two hex digits.
 */

const PLAIN = /^[A-Za-z0-9!_'()=.-]*[A-Za-z0-9!_'()=-]$/;

/** The file path of a key, relative, with `/`. */
export function objectPath(key: string): string {
  return key.split('/').map(encodePart).join('/');
}

/** The part of a key that a file or directory name stands for, or null when no key has such a part. */
export function partOfFileName(name: string): string | null {
  if (PLAIN.test(name)) return name;
  try {
    const part = decodeURIComponent(name);
    return encodePart(part) === name ? part : null;
  } catch {
    return null;
  }
}

function encodePart(part: string): string {
  if (PLAIN.test(part)) return part;
  const hex = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  const escaped = part.replace(/[^A-Za-z0-9!_'()=.-]+/g, (text) => [...Buffer.from(text)].map(hex).join(''));
  return escaped.replace(/\.$/, '%2E');
}
