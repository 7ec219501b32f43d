// Forecast on an item's page, the inbox of strange prices by keyboard, and whether the model still fits.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, busiest_items, open_page, sign_in, start_browser, until } from './browser.mjs';

let browser;
let page;
before(async () => {
  browser = await start_browser();
  ({ page } = await open_page(browser));
  await sign_in(page);
});
after(() => browser?.close());

test('an item shows where its price goes, and why', async () => {
  const [item] = await busiest_items(page, 1);
  await page.goto(`${base}/items/${item.id}`);
  await page.getByRole('img', { name: /forecast of 12 months/ }).waitFor();
  await page.getByRole('button', { name: 'Why?' }).click();
  await page.getByText('How the forecast was made').waitFor();
  await page.getByText('As a year before').waitFor();
});

test('a strange price is dismissed by keyboard, and taken back', async () => {
  const first = await until(async () => (await ask(page, '/anomalies?state=open&limit=1')).data[0]);
  await page.goto(`${base}/anomalies`);
  const row = page.locator(`#anomaly-${first.id}`);
  await row.waitFor();
  assert.match(await row.innerText(), /expected/);
  await page.keyboard.press('d');
  await row.waitFor({ state: 'detached' });
  await until(async () => (await ask(page, '/anomalies?state=dismissed')).data.some((a) => a.id === first.id));
  await page.keyboard.press('u');
  await row.waitFor();
});

test('the model page says what intervals cover and whether prices changed', async () => {
  await until(async () => (await ask(page, '/models/drift')).report);
  await page.goto(`${base}/models`);
  await page.getByRole('img', { name: /of bids lie inside the 90 % interval/ }).waitFor();
  await page.getByRole('region', { name: 'Coverage by group' }).waitFor();
  await page.getByRole('region', { name: 'Drift' }).getByText('Inside the 90 % interval').waitFor();
});

test('two versions chosen in the list stand side by side', async () => {
  const versions = async () => (await ask(page, '/models')).data;
  if ((await versions()).length < 2) {
    const { csrf_token } = await ask(page, '/auth/me');
    await page.evaluate((token) => fetch('/api/v1/models/train', { method: 'POST', headers: { 'X-CSRF-Token': token } }), csrf_token);
    await until(async () => (await versions()).length > 1);
  }
  const [newer, older] = await versions();
  await page.goto(`${base}/models`);
  await page.getByLabel(`Compare ${newer.version}`).check();
  await page.getByLabel(`Compare ${older.version}`).check();
  const comparison = page.getByTestId('comparison');
  await comparison.getByText(/^(Not l|L)ike for like$/).waitFor();
  await comparison.getByRole('region', { name: 'Categories side by side' }).locator('tbody tr').first().waitFor();
  // The older one is on the left, and the address keeps both.
  const kept = ['left', 'right'].map((side) => new URL(page.url()).searchParams.get(side).replaceAll('"', ''));
  assert.deepEqual(kept, [older.version, newer.version]);
  await page.reload();
  await comparison.waitFor();
  await page.getByLabel(`Compare ${older.version}`).uncheck();
  await comparison.waitFor({ state: 'detached' });
});
