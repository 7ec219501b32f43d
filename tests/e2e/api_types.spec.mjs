// The types that the pages are checked against are those of the server that serves them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { base } from './browser.mjs';

const ui = fileURLToPath(new URL('../../ui/', import.meta.url));

test('schema.d.ts is what the server says of itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pricing-api-'));
  try {
    const made = join(folder, 'schema.d.ts');
    const run = spawnSync(join(ui, 'node_modules/.bin/openapi-typescript'), [`${base}/api/v1/openapi.json`, '-o', made], {
      encoding: 'utf8',
    });
    assert.equal(run.status, 0, run.stderr);
    assert.ok(
      readFileSync(made, 'utf8') === readFileSync(join(ui, 'src/api/schema.d.ts'), 'utf8'),
      'the API has changed: run "npm run api" in ui/ while the server runs, and commit ui/src/api/schema.d.ts',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
