import { expect, it } from 'vitest';
import type { VerdictLine } from '../api/types';
import { csv_cell } from '../pages/judge/export_csv';
import { money_found, verdict_text, worst_quote } from './verdict';

const line = (quotes: [string, string, string | null][]) =>
  ({
    quotes: quotes.map(([supplier, verdict, excess]) => ({ supplier, verdict, excess, price: '1' })),
  }) as unknown as VerdictLine;

it('says plain words, and how little data there is', () => {
  expect(verdict_text('suspiciously_low')).toBe('Suspiciously low');
  expect(verdict_text('too_little_data', 3)).toBe('Too little data (3 bids)');
  expect(verdict_text('too_little_data', 1)).toBe('Too little data (1 bid)');
});

it('counts only money above fair that is called high', () => {
  const lines = [line([['A', 'high', '10.5']]), line([['A', 'fair', '3']]), line([['A', 'suspiciously_low', '-50']])];
  expect(money_found(lines)).toBe(10.5);
});

it('takes the quote that costs most', () => {
  const l = line([
    ['A', 'fair', '1'],
    ['B', 'high', '9'],
    ['C', 'too_little_data', null],
  ]);
  expect(worst_quote(l)?.supplier).toBe('B');
  expect(worst_quote(l, 'C')?.supplier).toBe('C');
});

it('never writes a formula into a spreadsheet', () => {
  expect(csv_cell('=cmd()')).toBe("'=cmd()");
  expect(csv_cell('-12.5')).toBe('-12.5');
  expect(csv_cell('a "b", c')).toBe('"a ""b"", c"');
});
