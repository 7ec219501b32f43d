// Shared by the page tests: one Chromium, one signed-in page, and a record of what went wrong in it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const from_ui = createRequire(new URL('../../ui/package.json', import.meta.url));
const { chromium } = from_ui('playwright-core');
const axe_path = from_ui.resolve('axe-core/axe.min.js');

export const base = process.env.PRICING_URL;
assert.ok(base, 'PRICING_URL must hold the address of a running pricing-web');
assert.ok(process.env.PRICING_EMAIL && process.env.PRICING_PASSWORD, 'PRICING_EMAIL and PRICING_PASSWORD must be set');

export function start_browser() {
  const named = process.env.PRICING_CHROMIUM ?? process.env.CHROMIUM;
  const executablePath = named && existsSync(named) ? named : '/usr/bin/chromium';
  const args = '--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run';
  return chromium.launch({ executablePath, args: args.split(' ') });
}

export async function open_page(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US', bypassCSP: false, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const seen = { errors: [], foreign: [] };
  page.on('pageerror', (e) => seen.errors.push(e.message));
  page.on('console', (m) => m.type() === 'error' && seen.errors.push(m.text()));
  page.on('request', (r) => {
    const url = new URL(r.url());
    if (url.protocol.startsWith('http') && url.origin !== new URL(base).origin) seen.foreign.push(r.url());
  });
  return { context, page, seen };
}

export async function sign_in(page) {
  await page.goto(`${base}/`);
  await page.getByLabel('E-mail').fill(process.env.PRICING_EMAIL);
  await page.getByLabel('Password', { exact: true }).fill(process.env.PRICING_PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

/** Asks through the page's own session, as the page does. */
export function ask(page, path) {
  return page.evaluate(async (p) => (await fetch(`/api/v1${p}`)).json(), path);
}

export function busiest_items(page, n = 3) {
  return ask(page, `/items?sort=bids&priced=true&limit=${n}`).then((l) => l.data);
}

// What `what` gives, once it gives something; asked every second.
export async function until(what, minutes = 3) {
  for (let tries = 0; tries < minutes * 60; tries += 1) {
    const found = await what();
    if (found) return found;
    await new Promise((go) => setTimeout(go, 1_000));
  }
  throw new Error(`nothing came within ${minutes} minutes`);
}

/** What axe finds serious or critical: rule and first element. The page must have been opened with bypassCSP. */
export async function barriers(page) {
  await page.addScriptTag({ path: axe_path });
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const bad = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  return bad.map((v) => [v.id, v.nodes[0].html]);
}

/** A page of its own at this address, once this region is there: no barrier, and nothing wider than 360 pixels. */
export async function is_open_to_all(browser, address, region, colorScheme) {
  const { page, context } = await open_page(browser, { colorScheme, bypassCSP: true, reducedMotion: 'reduce' });
  await sign_in(page);
  await page.goto(address);
  await page.getByRole('region', { name: region }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.setViewportSize({ width: 360, height: 740 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
  await context.close();
}
