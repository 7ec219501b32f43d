import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ask, barriers, base, busiest_items, open_page, sign_in, start_browser } from './browser.mjs';

const pages = ['/', '/items', '/judge', '/suppliers', '/loads', '/loads/review', '/models', '/should-cost', '/alerts', '/anomalies', '/exports', '/work', '/work?tab=schedules', '/settings'];
let browser;
before(async () => {
  browser = await start_browser();
});
after(() => browser?.close());

async function settle(page) {
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await page.waitForLoadState('networkidle');
}

/** Addresses of one of each: an item, a supplier, a load, a verdict. */
async function single_pages(page) {
  const [item] = await busiest_items(page, 1);
  const supplier = (await ask(page, '/suppliers?limit=1')).data[0];
  const load = (await ask(page, '/uploads?limit=1')).data[0];
  await page.goto(`${base}/judge`);
  await page.getByLabel('Lines of the proposal').fill(`Description\tUnit\tQuantity\tPrice\n${item.name}\t${item.unit}\t10\t99999`);
  await page.getByRole('button', { name: 'Judge 1 line' }).click();
  await page.waitForURL(/\/judge\/\d+/);
  return [`/items/${item.id}`, `/suppliers/${supplier.id}`, `/loads/${load.id}`, new URL(page.url()).pathname];
}

for (const colorScheme of ['light', 'dark'])
  test(`no page has a serious barrier in ${colorScheme} colours`, async () => {
    // axe is brought in by the test, past the policy that rightly keeps foreign scripts out
    const { page, context } = await open_page(browser, { colorScheme, bypassCSP: true, reducedMotion: 'reduce' });
    await sign_in(page);
    for (const path of [...pages, ...(await single_pages(page)), '/sign-in']) {
      await page.goto(base + path);
      await settle(page);
      assert.deepEqual(await barriers(page), [], path);
    }
    await context.close();
  });

test('nothing scrolls sideways at 360 pixels', async () => {
  const { page, context } = await open_page(browser, { viewport: { width: 360, height: 740 } });
  await sign_in(page);
  for (const path of [...pages, ...(await single_pages(page))]) {
    await page.goto(base + path);
    await settle(page);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, path);
  }
  await context.close();
});

test('the pages make no console error, ask no other host and do not shift', async () => {
  const { page, seen, context } = await open_page(browser);
  await page.addInitScript(() => {
    globalThis.shift = 0;
    new PerformanceObserver((l) => {
      for (const e of l.getEntries()) if (!e.hadRecentInput) globalThis.shift += e.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await sign_in(page);
  for (const path of pages.filter((p) => p !== '/models')) {
    await page.goto(base + path);
    await settle(page);
    const shift = await page.evaluate(() => globalThis.shift);
    assert.ok(shift < 0.05, `${path} shifts by ${shift}`);
  }
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(seen.foreign, []);
  await context.close();
});

test('the first page is small and soon ready', async () => {
  const { page, context } = await open_page(browser);
  const scripts = [];
  page.on('response', (r) => r.request().resourceType() === 'script' && scripts.push(r));
  const started = performance.now();
  await page.goto(`${base}/`, { waitUntil: 'commit' });
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  const ready_ms = performance.now() - started;
  let bytes = 0;
  for (const r of scripts) bytes += gzipSync(await r.body()).length;
  console.log(`first page: ${(bytes / 1000).toFixed(0)} KB of JavaScript (gzip), ready in ${ready_ms.toFixed(0)} ms`);
  assert.ok(bytes < 300_000, `${bytes} bytes`);
  assert.ok(ready_ms < 2000, `${ready_ms} ms`);
  await context.close();
});
