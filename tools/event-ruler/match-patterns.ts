/** The rule engine of EventBridge from Maven Central, copied once into `.cache/event-ruler`. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mavenClassPath, runJavaFile } from '../java/maven-jars.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/event-ruler', import.meta.url));

/** What it says of each pair: `true`, `false` or `invalid`. */
export async function matchPatterns(
  pairs: readonly { readonly pattern: unknown; readonly event: unknown }[],
): Promise<readonly string[]> {
  const classPath = await mavenClassPath(join(HERE, 'pom.xml'), CACHE);
  const input = pairs.map((pair) => `${JSON.stringify(pair)}\n`).join('');
  const output = await runJavaFile(join(HERE, 'MatchPatterns.java'), classPath, [], input);
  return output.trimEnd().split('\n');
}
