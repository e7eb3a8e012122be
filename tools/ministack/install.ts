/** Installs MiniStack, the emulator of `npm run emulator` and `npm run test:deploy`, into `.cache/ministack`, unless it is there. Needs Python 3.10 or newer with venv. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = join(fileURLToPath(new URL('../..', import.meta.url)), '.cache/ministack');
/** `launch.py` is written for this one. */
const VERSION = '1.5.33';

const pip = join(FOLDER, 'bin/pip');
const installed = spawnSync(pip, ['show', 'ministack'], { encoding: 'utf8' }).stdout ?? '';
if (!process.env.AWS_ENDPOINT_URL && !installed.includes(`Version: ${VERSION}\n`)) {
  console.log(`Installing MiniStack ${VERSION} into .cache/ministack, only this once.`);
  rmSync(FOLDER, { recursive: true, force: true });
  execFileSync('python3', ['-m', 'venv', FOLDER], { stdio: 'inherit' });
  execFileSync(pip, ['install', '--quiet', '--disable-pip-version-check', `ministack==${VERSION}`], {
    stdio: 'inherit',
  });
}
