// The licence of every package that went into the bundle.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { execSync } from 'node:child_process';

execSync(
  `npx esbuild main.jsx --bundle --jsx=automatic --format=iife --define:process.env.NODE_ENV='"production"' --loader:.woff2=dataurl --outfile=node_modules/.out.js --metafile=node_modules/.meta.json`,
  { stdio: 'ignore' },
);
const inputs = Object.keys(JSON.parse(readFileSync('node_modules/.meta.json', 'utf8')).inputs);
const packages = new Set(
  inputs.map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean),
);
for (const name of [...packages].sort()) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  console.log(`=== ${name} ${version} (${license})\n`);
  if (file && existsSync(`${folder}/${file}`)) console.log(readFileSync(`${folder}/${file}`, 'utf8').trim() + '\n');
}
