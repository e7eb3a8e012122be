/** Apache Kafka from Maven Central: the broker, the Java client and the tools, copied once into `.cache/kafka`. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mavenClassPath, runJavaFile } from '../java/maven-jars.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/kafka', import.meta.url));

/** The class path of Kafka's jars, fetched with Maven on first use (56 MB, about 10 s). Throws with the way out when Java or Maven is absent. */
export function kafkaClassPath(): Promise<string> {
  return mavenClassPath(join(HERE, 'pom.xml'), CACHE);
}

/**
 * Runs one of the single-file programs in `tools/kafka` against Kafka's own classes, and resolves to its output.
 *
 * `name` is the file without `.java`; `input` goes to its standard input.
 */
export async function runJava(name: string, args: readonly string[], input = ''): Promise<string> {
  return runJavaFile(join(HERE, `${name}.java`), await kafkaClassPath(), args, input);
}
