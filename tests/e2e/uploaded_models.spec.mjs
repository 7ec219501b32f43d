// Models that people bring along: listed, and two versions of one held against each other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, is_open_to_all, open_page, sign_in, start_browser } from './browser.mjs';

let browser;
let page;
let seen;
before(async () => {
  browser = await start_browser();
  ({ page, seen } = await open_page(browser));
  await sign_in(page);
});
after(() => browser?.close());

// LightGBM text: trees that ask for the first feature, and once for the last.
function forest(names, trees) {
  const one = (i, feature, gain) =>
    `Tree=${i}\nnum_leaves=2\nnum_cat=0\nsplit_feature=${feature}\nsplit_gain=${gain}\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=1 ${i + 2}\nleaf_count=1 1\ninternal_count=2\nis_linear=0\nshrinkage=1\n\n\n`;
  const grown = Array.from({ length: trees }, (_, i) => (i === 0 ? one(i, names.length - 1, 30) : one(i, 0, 10)));
  return `tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=${names.length - 1}\nobjective=regression\nfeature_names=${names.join(' ')}\nfeature_infos=none\ntree_sizes=0\n\n${grown.join('')}end of trees\n\nparameters:\nend of parameters\n`;
}

const upload = (name, text, metadata = {}) =>
  page.evaluate(
    async ([path, body]) => {
      const { csrf_token } = await (await fetch('/api/v1/auth/me')).json();
      const headers = { 'X-CSRF-Token': csrf_token, 'Content-Type': 'application/octet-stream' };
      return (await fetch(path, { method: 'POST', headers, body })).status;
    },
    [`/api/v1/models/${name}/versions?promote=true&metadata=${encodeURIComponent(JSON.stringify(metadata))}`, text],
  );

const wide = 'a_name_of_a_feature_that_is_as_long_as_people_make_them_in_practice';

test('without any, the page says how one comes in', async () => {
  assert.deepEqual((await ask(page, '/served-models')).data, []);
  await page.goto(`${base}/models`);
  await page.getByText('No model was uploaded').waitFor();
});

test('two versions of an uploaded model stand side by side', async () => {
  assert.equal(await upload('asphalt', forest(['quantity', wide, 'season'], 3), { metrics: { mdape: 0.23 } }), 201);
  await page.goto(`${base}/models`);
  await page.getByText('A second one comes with the next upload.').waitFor();
  assert.equal(await upload('asphalt', forest(['quantity', wide, 'fuel'], 5), { metrics: { mdape: 0.21 } }), 201);
  await page.goto(`${base}/models`);
  await page.getByLabel('Compare asphalt 2').check();
  await page.getByLabel('Compare asphalt 1').check();
  const comparison = page.getByTestId('comparison');
  const files = comparison.getByRole('region', { name: 'Files side by side' });
  assert.match(await files.innerText(), /Trees\s+3\s+5/);
  const features = comparison.getByRole('region', { name: 'Features side by side' });
  assert.match(await features.innerText(), /fuel\s+added\s+–\s+42\.9 %\s+–\s+1/);
  assert.match(await features.innerText(), /season\s+removed\s+60\.0 %\s+–\s+1\s+–/);
  assert.match(await features.innerText(), /quantity\s+40\.0 %\s+57\.1 %\s+2\s+4/);
  assert.match(await comparison.innerText(), /Taken into use\s+\S.*, by /);
  assert.match(await comparison.innerText(), /mdape\s+0\.230\s+0\.210/);
  // The older one is on the left, and the address keeps all of it.
  await page.reload();
  await comparison.getByRole('region', { name: 'Left version' }).getByText('Retired').waitFor();
  await comparison.getByRole('region', { name: 'Right version' }).getByText('In use', { exact: true }).waitFor();
});

for (const colorScheme of ['light', 'dark'])
  test(`it has no serious barrier in ${colorScheme} colours, and fits 360 pixels`, async () => {
    await is_open_to_all(browser, page.url(), 'Features side by side', colorScheme);
  });

test('of several models one is chosen, and an unknown one is named', async () => {
  assert.equal(await upload('bridges', forest(['quantity'], 2)), 201);
  await page.goto(`${base}/models`);
  await page.getByRole('button', { name: 'bridges' }).click();
  await page.getByRole('heading', { name: 'Versions of bridges' }).waitFor();
  await page.goto(`${base}/models?model=no-such-model`);
  await page.getByText('There is no model “no-such-model”').waitFor();
  await page.goto(`${base}/models?model=asphalt&first=1&second=99`);
  await page.getByRole('alert').getByText("there is no version '99' of the model 'asphalt'").waitFor();
  seen.errors.length = 0; // the browser notes the refusal
});

test('no page made an error or asked another host', () => {
  assert.deepEqual(seen.errors, []);
  assert.deepEqual(seen.foreign, []);
});
