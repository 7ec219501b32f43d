// Signing in with a second factor, set up from the QR code that the page shows, and a program's key from birth to end.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { base, open_page, sign_in, start_browser } from './browser.mjs';

const jsqr = createRequire(new URL('../../ui/package.json', import.meta.url))('jsqr');

let browser;
let admin;
before(async () => {
  browser = await start_browser();
  admin = await open_page(browser);
  await sign_in(admin.page);
});
after(() => browser?.close());

/** RFC 6238 with SHA-1, six digits and steps of 30 seconds. */
function totp(secret, steps_ahead = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps_ahead));
  const hash = createHmac('sha1', key).update(counter).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** What a camera reads from the picture on the page. */
async function scanned(page) {
  const picture = await page.getByRole('img', { name: 'The secret as a QR code' }).evaluate(async (svg) => {
    const copy = svg.cloneNode(true);
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 400;
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, 400, 400);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, 0, 0, 400, 400);
    return [...pen.getImageData(0, 0, 400, 400).data];
  });
  return jsqr(Uint8ClampedArray.from(picture), 400, 400)?.data;
}

test('a second factor is set up from the QR code, and then a password alone lets nobody in', async () => {
  const email = `factor.${Date.now()}@example.com`;
  const made = await admin.page.evaluate(async (e) => {
    const { csrf_token } = await (await fetch('/api/v1/auth/me')).json();
    const answer = await fetch('/api/v1/users', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf_token },
      body: JSON.stringify({ email: e, name: 'Second Factor', role: 'viewer' }),
    });
    return answer.json();
  }, email);
  assert.ok(made.generated_password, JSON.stringify(made));

  const { page, seen, context } = await open_page(browser);
  await page.goto(`${base}/`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(made.generated_password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.goto(`${base}/settings?tab=security`);
  await page.getByRole('button', { name: 'Set up an authenticator' }).click();
  const shown = (await page.getByRole('note', { name: 'Secret' }).innerText()).replaceAll(' ', '');
  const uri = new URL(await scanned(page));
  assert.equal(uri.protocol, 'otpauth:');
  assert.equal(uri.searchParams.get('secret'), shown);
  await page.getByLabel('Code', { exact: true }).fill(totp(shown));
  await page.getByRole('button', { name: 'Turn on' }).click();
  await page.getByRole('list', { name: 'Recovery codes' }).waitFor();
  assert.deepEqual(seen.foreign, [], 'the secret stays here');
  await context.close();

  const again = await open_page(browser);
  await again.page.goto(`${base}/`);
  await again.page.getByLabel('E-mail').fill(email);
  await again.page.getByLabel('Password', { exact: true }).fill(made.generated_password);
  await again.page.getByRole('button', { name: 'Sign in' }).click();
  const code = again.page.getByLabel('Code', { exact: true });
  await code.fill('000000');
  await again.page.getByRole('button', { name: 'Sign in' }).click();
  await again.page.getByRole('alert').waitFor();
  await code.fill(totp(shown, 1)); // each is taken once
  await again.page.getByRole('button', { name: 'Sign in' }).click();
  await again.page.getByRole('heading', { name: 'Overview' }).waitFor();
  await again.context.close();
});

test('a key is made, lets a program in, and is revoked', async () => {
  const { page } = admin;
  const name = `reader ${Date.now()}`;
  await page.goto(`${base}/settings?tab=api`);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('textbox', { name: 'Permissions' }).click();
  await page.getByRole('option', { name: 'item.read', exact: true }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Make', exact: true }).click();
  const notice = page.getByRole('status').filter({ hasText: name });
  const key = await notice.locator('b').innerText();
  const as_program = (path) => fetch(`${base}/api/v1${path}`, { headers: { Authorization: `Bearer ${key}` } });
  assert.equal((await as_program('/items?limit=1')).status, 200);
  assert.equal((await as_program('/users')).status, 403, 'no more than it was given');
  await page.getByRole('button', { name: `Revoke ${name}` }).click();
  await page.getByRole('row', { name: new RegExp(name) }).getByText('ended').waitFor();
  assert.equal((await as_program('/items?limit=1')).status, 401);
});
