import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, busiest_items, open_page, sign_in, start_browser } from './browser.mjs';

let browser;
let page;
before(async () => {
  browser = await start_browser();
  ({ page } = await open_page(browser));
  await sign_in(page);
});
after(() => browser?.close());

test('the overview shows the numbers of the server', async () => {
  const overview = await ask(page, '/overview');
  const tile = page.locator('.tile', { hasText: 'Prices' }).first();
  await tile.waitFor();
  assert.match(await tile.innerText(), new RegExp(overview.observations.toLocaleString('en-US')));
});

test('an item is found as you type, and opens', async () => {
  const [item] = await busiest_items(page, 1);
  await page.goto(`${base}/items`);
  await page.getByRole('searchbox', { name: 'Search items' }).fill(item.name);
  await page.getByRole('link', { name: item.name, exact: true }).first().click();
  await page.getByRole('heading', { level: 1, name: item.name, exact: true }).waitFor();
  await page.getByRole('region', { name: 'Prices' }).locator('tbody tr').first().waitFor();
});

test('a pasted proposal is judged, and a line says why', async () => {
  const items = await busiest_items(page, 3);
  const rows = items.map((i, n) => [i.name, i.unit, 100, (Number(i.median_price) * (n === 0 ? 25 : 1)).toFixed(2)].join('\t'));
  await page.goto(`${base}/judge`);
  await page.getByLabel('Lines of the proposal').fill(['Description\tUnit\tQuantity\tPrice', ...rows].join('\n'));
  await page.getByRole('button', { name: 'Judge 3 lines' }).click();
  await page.waitForURL(/\/judge\/\d+/);
  const table = page.getByRole('table', { name: 'Lines by excess money' });
  await table.getByText('Very high').first().waitFor();
  const first = table.getByRole('button').filter({ hasText: items[0].name }).first();
  await first.click();
  const drawer = page.getByRole('dialog');
  await drawer.getByText('Where it comes from').waitFor();
  assert.match(decodeURIComponent(page.url()), /line="?1"?/);
  assert.match(await drawer.innerText(), /(over|×) fair/);
});

test('a file goes through mapping, every row is accounted for, bad rows are shown', async () => {
  const [item] = await busiest_items(page, 1);
  const name = `"${item.name.replaceAll('"', '""')}"`;
  const stamp = 1 + (Date.now() % 9000) / 100;
  const rows = [1, 2, 3, 4].map((n) => `2024-03-0${n},${name},${item.unit},10,${(stamp + n).toFixed(2)},North Shore Paving,E${stamp}`);
  const csv = ['Date,Item,Unit,Quantity,Unit Price,Supplier,Event', ...rows, `2024-03-05,${name},${item.unit},10,not a price,North Shore Paving,E${stamp}`].join('\n');
  await page.goto(`${base}/loads`);
  await page.locator('input[type=file]').setInputFiles({ name: `bids-${stamp}.csv`, mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await page.waitForURL(/\/loads\/\d+/);
  const confirm = page.getByRole('button', { name: /Confirm and load|Load the rows/ });
  await confirm.waitFor();
  await confirm.click();
  const sum = page.getByTestId('reconcile');
  await page.getByText('Rows set aside').waitFor({ timeout: 60_000 });
  await sum.filter({ hasText: 'adds up' }).waitFor({ timeout: 60_000 });
  assert.match(await sum.innerText(), /^5 of 5/);
  await page.getByRole('region', { name: 'Rows set aside' }).getByText('not a price').first().waitFor();
});

test('a schedule is run now, and its task ends with a result', async () => {
  await page.goto(`${base}/work?tab=schedules`);
  const row = page.getByRole('row', { name: /Nightly statistics/ });
  await row.getByRole('button', { name: 'Run now' }).click();
  await page.getByRole('tab', { name: 'Tasks' }).click();
  const task = page.getByRole('region', { name: 'Tasks' }).locator('tbody tr', { hasText: 'Statistics and index' }).first();
  await task.getByText('Done').waitFor({ timeout: 60_000 });
  await task.getByRole('button', { name: 'Statistics and index' }).click();
  await page.getByRole('dialog').getByText('"observations"').waitFor();
});

test('a schedule is added, changed and deleted', async () => {
  await page.goto(`${base}/work?tab=schedules`);
  await page.getByRole('button', { name: 'Add a schedule' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill('Hourly statistics');
  await form.getByLabel('When').fill('at noon');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByRole('alert').waitFor();
  await form.getByLabel('When').fill('every 1 h');
  await form.getByRole('button', { name: 'Save' }).click();
  const row = page.getByRole('row', { name: /Hourly statistics/ });
  await row.getByText('every 1 h').waitFor();
  await row.getByText('Hourly statistics').click();
  await form.getByRole('button', { name: 'Delete' }).click();
  await row.waitFor({ state: 'detached' });
});

test('the report is asked for, written and downloaded', async () => {
  await page.goto(`${base}/exports`);
  await page.getByRole('button', { name: 'New export' }).click();
  const form = page.getByRole('dialog');
  await form.getByText('each on its own sheet').waitFor();
  await form.getByRole('button', { name: 'Write it' }).click();
  await form.waitFor({ state: 'detached' });
  const row = page.getByRole('region', { name: 'Exports' }).locator('tbody tr').first();
  await row.getByText('Ready').waitFor({ timeout: 60_000 });
  const coming = page.waitForEvent('download');
  await row.getByRole('link', { name: 'Download' }).click();
  assert.match((await coming).suggestedFilename(), /^report-\d{4}-\d\d-\d\d-\d+\.xlsx$/);
  const rows = await page.getByRole('region', { name: 'Exports' }).locator('tbody tr').count();
  await row.getByRole('button', { name: 'Delete' }).click();
  await page.waitForFunction((n) => document.querySelectorAll('[aria-label="Exports"] tbody tr').length < n, rows);
});

test('what is watched is found, noted and no longer watched', async () => {
  await page.goto(`${base}/alerts`);
  await page.getByRole('button', { name: 'Watch something' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Moves in a year by at least').fill('1');
  await form.getByLabel('Name').fill('Any move at all');
  await form.getByRole('button', { name: 'Watch it' }).click();
  await form.waitFor({ state: 'detached' });
  const found = page.getByRole('region', { name: 'Alerts' }).locator('tbody tr', { hasText: 'Any move at all' });
  await found.first().waitFor({ timeout: 30_000 });
  const subject = await found.first().getByRole('link').first().textContent();
  await found.first().getByRole('button', { name: 'Take note' }).click();
  await page.getByRole('radiogroup', { name: 'State' }).getByText('Noted').click();
  await found.filter({ hasText: subject }).first().waitFor();
  const rule = page.getByRole('region', { name: 'Rules' }).locator('tbody tr', { hasText: 'Any move at all' });
  await rule.getByRole('button', { name: 'Delete' }).click();
  await rule.waitFor({ state: 'detached' });
  await found.first().waitFor({ state: 'detached' });
});

test('an unknown item says what happened and offers another try', async () => {
  await page.goto(`${base}/items/999999999`);
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).waitFor();
});

test('the keyboard alone reaches an item and a page', async () => {
  const [item] = await busiest_items(page, 1);
  await page.goto(`${base}/`);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: /Find an item/ }).waitFor();
  await page.keyboard.type(item.name.slice(0, 40));
  await page.getByRole('option').filter({ hasText: 'Item ·' }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/items\/\d+/);
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: /Find an item/ }).waitFor();
  await page.keyboard.type('judge');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/judge$/);
});

test('dark is kept over a reload', async () => {
  await page.goto(`${base}/`);
  await page.getByRole('button', { name: 'Use dark colours' }).first().click();
  await page.reload();
  assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'dark');
});
