// A table of parts is brought, learned from and asked; two versions of a model are held against each other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, is_open_to_all, open_page, sign_in, start_browser, until } from './browser.mjs';

let browser;
let page;
let seen;
before(async () => {
  browser = await start_browser();
  ({ page, seen } = await open_page(browser, { permissions: ['clipboard-read', 'clipboard-write'] }));
  await sign_in(page);
});
after(() => browser?.close());

// Metal by length, twice as dear in steel; a nut costs 3; set-up of 40 shared by the quantity.
function workshop(parts, first = 0) {
  const rows = ['Part,Vendor,Date,Qty,Length,Material,Bill,Cost'];
  for (let i = first; i < first + parts; i += 1) {
    const length = 50 + ((i * 137) % 400);
    const nuts = i % 3;
    for (const quantity of [1, 10, 100]) {
      const cost = 0.02 * length * (i % 2 ? 2 : 1) + 3 * nuts + 40 / quantity;
      rows.push(`P-${i},S-${i % 3},2024-05-${String(1 + (i % 28)).padStart(2, '0')},${quantity},${length},${i % 2 ? 'steel' : 'brass'},${nuts ? `NUT*${nuts}` : ''},${cost.toFixed(2)}`);
    }
  }
  return rows.join('\n');
}

const drop = (name, text) =>
  page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
const newest_version = async () => (await ask(page, '/should-cost')).versions[0]?.version;
const money_of = (text) => Number(text.replace(/[^0-9.−-]/g, '').replace('−', '-'));

test('rubbish is refused with what to do, and nothing is kept', async () => {
  await page.goto(`${base}/should-cost`);
  await page.getByText('Nothing was learned yet').waitFor();
  await page.getByRole('button', { name: 'Use a sample' }).click();
  await page.getByText('360 rows, 11 columns').waitFor();
  await drop('picture.csv', '\x89PNG\r\n\x1a\n\x00\x01');
  await page.getByRole('alert').waitFor();
  await drop('empty.csv', 'name,length\nA,1\n');
  await page.getByRole('alert').getByText('is needed as a column').first().waitFor();
  await drop('plain.csv', 'part,price\nA,1\n');
  await page.getByRole('alert').getByText('at least one must say what the parts are like').waitFor();
  await page.getByLabel('Table of parts').fill('part\tprice\tlength\nA\tfree\t1');
  await page.getByRole('button', { name: 'Learn from these rows' }).click();
  await page.getByRole('alert').getByText('no row of the table has both a part and a price').waitFor();
  assert.equal((await ask(page, '/should-cost')).table, null);
  seen.errors.length = 0; // the browser notes each refusal
});

test('a table is understood, learned from, and its rows are accounted for', async () => {
  await page.goto(`${base}/should-cost`);
  await drop('workshop.csv', `${workshop(120)}\n,S-1,2024-05-01,1,100,steel,,9\nP-1,S-1,2024-05-01,1,100,steel,,none\n`);
  await page.getByText('Understood of workshop.csv').waitFor();
  const tile = (label) => page.locator('.tile', { hasText: label });
  assert.match(await tile('Rows taken').innerText(), /360/);
  assert.match(await tile('Rows left out').innerText(), /2/);
  await page.getByText('Vendor → supplier').waitFor();
  await page.getByText('Row 362 names no part').waitFor();
  await page.getByText('Version in use').waitFor({ timeout: 180_000 });
  await page.getByText(/% less/).waitFor();
});

test('why rows were left out is still there after a reload', async () => {
  await page.reload();
  await page.getByRole('button', { name: /why 2 rows were left out/ }).click();
  await page.getByText('Row 363 has no price above zero').waitFor();
  await page.getByText('Row 362 names no part').waitFor();
  await page.getByText('Vendor → supplier').waitFor();
});

test('a part is described, and its cost is the sum of what makes it', async () => {
  await page.goto(`${base}/should-cost`);
  await page.getByRole('button', { name: 'What should it cost?' }).click();
  await page.getByText('Say at least one thing about the part.').waitFor();
  await page.getByLabel('Length').fill('long');
  await page.getByRole('button', { name: 'What should it cost?' }).click();
  await page.getByText('must be a number').waitFor();
  await page.getByRole('button', { name: 'Use an example' }).click();
  await page.getByLabel('Length').fill('300');
  await page.getByRole('textbox', { name: 'Material' }).fill('steel');
  await page.getByLabel('Quantities').fill('1, 10, 100');
  await page.getByLabel('Quote to hold against').fill('400');
  await page.keyboard.press('Enter'); // the keyboard alone is enough
  const breaks = page.getByRole('region', { name: 'Breaks by quantity' });
  await breaks.waitFor();
  assert.equal(await breaks.locator('tbody tr').count(), 3);
  await page.getByText(/The quote of \$400/).waitFor();
  await breaks.getByRole('button', { name: '100', exact: true }).click();
  await page.getByRole('heading', { name: 'Should cost at 100 pieces' }).waitFor();
  const makes = page.getByRole('region', { name: 'What makes the cost' });
  const figures = (await makes.locator('.waterfall .number').allInnerTexts()).map(money_of);
  const total = figures.pop();
  const sum = figures.reduce((a, b) => a + b, 0);
  assert.equal(Math.round(sum * 100), Math.round(total * 100), `${sum} is not ${total}`); // to the cent
  assert.match(await page.getByTestId('should-cost').innerText(), new RegExp(`\\$${total.toFixed(2)}$`));
  await makes.getByText(/^(Material: steel|Material is not brass)$/).first().waitFor();
  await page.getByRole('button', { name: 'Copy the reasons' }).click();
  await page.getByText('Copied').waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(text, new RegExp(`^Should cost at 100 pieces: \\$${total.toFixed(2)} each`));
  assert.match(text, new RegExp(`\nTogether: \\$${total.toFixed(2)}\n`));
  assert.ok(total > 5 && total < 40, `${total}`);
  // The address holds the part and the quantity.
  await page.reload();
  await page.getByRole('heading', { name: 'Should cost at 100 pieces' }).waitFor();
  assert.equal(await page.getByLabel('Length').inputValue(), '300');
});

for (const colorScheme of ['light', 'dark'])
  test(`an answer has no serious barrier in ${colorScheme} colours, and fits 360 pixels`, async () => {
    await is_open_to_all(browser, page.url(), 'What makes the cost', colorScheme);
  });

test('what the model has never seen is said', async () => {
  await page.getByRole('textbox', { name: 'Material' }).fill('<b>unobtainium</b>');
  await page.getByRole('button', { name: 'What should it cost?' }).click();
  await page.getByText('Material: <b>unobtainium</b>').first().waitFor();
  await page.goto(`${base}/should-cost?part=${encodeURIComponent('{"facts":[[[')}&at=-7`);
  await page.getByText('Describe the part first').waitFor();
});

test('an address that somebody made up does no harm', async () => {
  const strange = ['[[]]', '7', '{"facts":7,"bill":{},"quantities":{}}', '{"facts":{"Length":"<img src=x onerror=alert(1)>"},"quantities":"1"}'];
  for (const part of strange) {
    await page.goto(`${base}/should-cost?part=${encodeURIComponent(JSON.stringify(part))}`);
    await page.getByText('Describe the part first').waitFor();
  }
});

test('who may only look is told so', async () => {
  const email = `parts.${Date.now()}@example.com`;
  const made = await page.evaluate(async (e) => {
    const { csrf_token } = await (await fetch('/api/v1/auth/me')).json();
    const answer = await fetch('/api/v1/users', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf_token },
      body: JSON.stringify({ email: e, name: 'Only Looks', role: 'viewer' }),
    });
    return answer.json();
  }, email);
  const other = await open_page(browser);
  await other.page.goto(`${base}/`);
  await other.page.getByLabel('E-mail').fill(email);
  await other.page.getByLabel('Password', { exact: true }).fill(made.generated_password);
  await other.page.getByRole('button', { name: 'Sign in' }).click();
  await other.page.getByRole('heading', { name: 'Overview' }).waitFor();
  await other.page.goto(`${base}/should-cost`);
  await other.page.getByText('You may see what was learned, but not ask').waitFor();
  await other.page.getByText('Version in use').waitFor();
  assert.equal(await other.page.getByRole('button', { name: 'Bring another table' }).count(), 0);
  assert.deepEqual(other.seen.errors, []);
  await other.context.close();
});

test('a second table makes a second version, and both are compared', async () => {
  const first = await newest_version();
  await page.goto(`${base}/should-cost`);
  await page.getByRole('button', { name: 'Bring another table' }).click();
  await page.getByLabel('Table of parts').fill(workshop(80, 40).replaceAll(',', '\t').replace('Length', 'Weight'));
  await page.getByRole('button', { name: 'Learn from these rows' }).click();
  const second = await until(async () => {
    const version = await newest_version();
    return version !== first && version;
  });
  await page.goto(`${base}/should-cost?left=${first}&right=${second}`);
  const comparison = page.getByTestId('comparison');
  await comparison.waitFor();
  const text = await comparison.innerText();
  assert.match(text, /1 added, 1 removed, \d+ kept/);
  assert.match(text, /Added, only right\s*measure:\s*Weight/);
  assert.match(text, /Removed, only left\s*measure:\s*Length/);
  assert.match(text, /(left|right) better/);
  assert.match(text, /Each was tested on what was newest/);
});

test('versions of the price model are compared, and unknown ones are named', async () => {
  const { data } = await ask(page, '/models');
  await page.goto(`${base}/models?left=${data[0].version}&right=no-such-version`);
  await page.getByRole('alert').getByText("there is no version 'no-such-version'").waitFor();
  seen.errors.length = 0;
  await page.goto(`${base}/models?left=${data[0].version}&right=${data[0].version}`);
  await page.getByText('This is one and the same version').waitFor();
  if (data.length < 2) {
    const { csrf_token } = await ask(page, '/auth/me');
    await page.evaluate((token) => fetch('/api/v1/models/train', { method: 'POST', headers: { 'X-CSRF-Token': token } }), csrf_token);
    await until(async () => (await ask(page, '/models')).data.length > 1);
  }
  await page.goto(`${base}/models`);
  await page.getByRole('button', { name: 'The newest two' }).click();
  const comparison = page.getByTestId('comparison');
  await comparison.getByRole('region', { name: 'Figures side by side' }).getByText('Typical error, to the lowest bid').first().waitFor();
  assert.match(decodeURIComponent(page.url()), /left=.*right=/);
  await comparison.getByText('Parameters').waitFor();
  await comparison.getByText(/^The same \d+ features\.$/).waitFor();
  await comparison.getByRole('button', { name: /Show the \d+ in both/ }).click();
  await comparison.getByText('recent prices:').waitFor();
  await page.getByRole('button', { name: 'Swap the two versions' }).click();
  await comparison.waitFor();
});

test('no page made an error or asked another host', () => {
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(seen.foreign, []);
});
