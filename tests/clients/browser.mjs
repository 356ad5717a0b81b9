// The explorer page in a real browser: it works under its content security policy, without any other host, plays
// examples, follows a subscription, and axe finds nothing serious about its accessibility, in the light and in the dark.
//   node browser.mjs [origin]        with a Chromium: chromium.mjs says where it is looked for
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { findChromium } from './chromium.mjs';

const origin = process.argv[2] ?? process.env.RABTA_ORIGIN ?? 'http://127.0.0.1:8080';
const executablePath = await findChromium();
if (!executablePath) {
  console.log('skipped: no Chromium here; say where one is with CHROMIUM, or fetch one with `npm run chromium`');
  process.exit(0);
}
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const faults = [];

async function open(colorScheme) {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (!['data:', 'blob:'].includes(protocol) && asked !== origin) faults.push(`asked elsewhere: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(`${origin}/`);
  await page.locator('.graphiql-execute-button').waitFor();
  return page;
}

// What axe finds that keeps people out. It is evaluated by the debugger, so the page's policy stands as it is.
async function look(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, impact, nodes } of violations) {
    if (!['serious', 'critical'].includes(impact)) continue;
    const places = nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary?.split('\n')[1]?.trim()}`);
    faults.push(`${where}: ${impact} ${id}: ${nodes.length} places, like ${places.join(' | ')}`);
  }
  return violations.length;
}

const tab = (page, name) => page.locator('.graphiql-tab-button').getByText(name, { exact: true });
const editor = (page) => page.locator('.graphiql-query-editor .CodeMirror');
async function choose(page, name, change = (text) => text) {
  await tab(page, name).click();
  await page.waitForFunction(
    (name) => document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue().includes(` ${name} {`),
    name,
  );
  const text = await editor(page).evaluate((editor) => editor.CodeMirror.getValue());
  await editor(page).evaluate((editor, text) => editor.CodeMirror.setValue(text), change(text));
  // The page looks for the operation's name a moment after the last key.
  await page.waitForTimeout(500);
}
async function run(page, name, change) {
  await choose(page, name, change);
  await page.locator('.graphiql-execute-button').click();
}
const answer = (page) => page.locator('.graphiql-response .CodeMirror').evaluate((editor) => editor.CodeMirror.getValue());
async function answered(page, wanted) {
  const until = Date.now() + 60_000;
  let text = '';
  while (Date.now() < until) {
    text = await answer(page);
    if (text.includes(wanted)) return text;
    await page.waitForTimeout(100);
  }
  throw new Error(`no answer with ${wanted}: ${text}`);
}

const page = await open('light');
const tabs = await page.locator('.graphiql-tab-button').count();
assert.ok(tabs >= 25, `${tabs} tabs`);
await run(page, 'WhoAmI');
await answered(page, '"data"');
await look(page, 'the page');
// Someone new signs up, and the token is kept: what comes next is asked as them.
const fresh = `browser.${Date.now()}@example.com`;
await run(page, 'SignUp', (text) => text.replace(/email: "[^"]*"/, `email: "${fresh}"`));
await answered(page, '"accessToken"');
await page.getByRole('status').getByText('Signed in').waitFor();
await run(page, 'CreateOrganization');
await answered(page, '"org_');
await look(page, 'the page with answers');
// Signing in again is asked without the token of before, which is refused once it has expired.
const asked = page.waitForRequest((request) => request.postData()?.includes('signUp(') ?? false);
await run(page, 'SignUp', (text) => text.replace(/email: "[^"]*"/, `email: "again.${fresh}"`));
assert.equal((await asked).headers().authorization, undefined, 'who signs up is signed in by nobody else');
await answered(page, '"accessToken"');
// A subscription is followed by socket, until it is stopped.
await run(page, 'Notifications');
await page.getByRole('button', { name: /stop/i }).waitFor();
await page.locator('.graphiql-execute-button').click();
// The documentation shows the schema.
await page.getByRole('button', { name: /documentation/i }).first().click();
await page.locator('.graphiql-doc-explorer').getByText('Mutation', { exact: true }).waitFor();
await look(page, 'the documentation');
await page.close();
const dark = await open('dark');
await run(dark, 'WhoAmI');
await answered(dark, '"data"');
await look(dark, 'in the dark');
await browser.close();

for (const fault of new Set(faults)) console.log(fault);
console.log(`the explorer in Chromium: ${tabs} examples, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
