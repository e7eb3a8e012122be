/** Where a Chromium is that tests may drive. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ELSEWHERE = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** What to do where there is none. */
export const ENABLE_CHROMIUM =
  'apt-get install chromium, or MILLRACE_TEST_CHROMIUM=/path/to/chrome npm test -- --project=browser';

/** The program at `MILLRACE_TEST_CHROMIUM`, or the first of its usual names on the path; null: there is none. */
export function findChromium(env: NodeJS.ProcessEnv): string | null {
  const named = env.MILLRACE_TEST_CHROMIUM;
  if (named) return named;
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  const places = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...places, ...ELSEWHERE].find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
