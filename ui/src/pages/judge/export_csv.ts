import type { Verdict } from '../../api/types';
import { verdict_words } from '../../shared/verdict';

/** Text that a spreadsheet would run as a formula gets an apostrophe before it. */
export function csv_cell(value: string | number | null | undefined): string {
  let text = value === null || value === undefined ? '' : String(value);
  if (/^[=+@\t\r-]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function verdict_csv(v: Verdict): string {
  const head = [
    'line',
    'description',
    'unit',
    'quantity',
    'supplier',
    'price',
    'verdict',
    'expected',
    'low90',
    'high90',
    'excess',
    'currency',
    'bids',
    'source',
  ];
  const rows = v.lines.flatMap((l) =>
    l.quotes.map((q) => [
      l.line,
      l.description,
      l.unit,
      l.quantity,
      q.supplier,
      q.price,
      verdict_words[q.verdict] ?? q.verdict,
      l.expected,
      l.low90,
      l.high90,
      q.excess,
      v.currency,
      l.bids,
      l.source,
    ]),
  );
  return [head, ...rows].map((r) => r.map(csv_cell).join(',')).join('\r\n');
}

export function export_csv(v: Verdict) {
  const url = URL.createObjectURL(new Blob(['\ufeff', verdict_csv(v)], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${(v.name || `proposal-${v.id}`).replace(/[^\w.-]+/g, '-')}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
