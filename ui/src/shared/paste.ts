/** Reads lines pasted from a spreadsheet or an e-mail: description, unit, quantity, then one price per bidder. */
export interface PastedLine {
  description: string;
  unit: string;
  quantity: string;
  prices: { supplier: string; price: string }[];
}

export interface Pasted {
  lines: PastedLine[];
  bidders: string[];
  problems: { row: number; message: string }[];
}

export const pasted_lines_max = 2000;

/** One row into cells; quotes as in RFC 4180. */
export function split_row(row: string, delimiter: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < row.length; i += 1) {
    const c = row[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (row[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else quoted = false;
    } else if (c === '"' && cell.trim() === '') {
      cell = '';
      quoted = true;
    } else if (c === delimiter) {
      cells.push(cell.trim());
      cell = '';
    } else cell += c;
  }
  cells.push(cell.trim());
  return cells;
}

export function delimiter_of(text: string): string {
  const first = text.split('\n').slice(0, 5).join('\n');
  const counts = ['\t', ';', ','].map((d) => [d, first.split(d).length - 1] as const);
  if (counts[0][1] > 0) return '\t';
  return counts[1][1] > counts[2][1] ? ';' : ',';
}

/** "$1,234.50" → "1234.50", "1.234,50" → "1234.50"; null when it is no number. */
export function decimal_of(text: string): string | null {
  let t = text.replace(/[\s\u00a0$€£]/g, '');
  if (/^-?\d{1,3}(\.\d{3})+,\d+$/.test(t) || /^-?\d+,\d{1,2}$/.test(t)) t = t.replace(/\./g, '').replace(',', '.');
  else t = t.replace(/,/g, '');
  return /^-?\d+(\.\d+)?$/.test(t) ? t : null;
}

export function parse_paste(text: string): Pasted {
  const rows = text.replace(/\r\n?/g, '\n').split('\n');
  const delimiter = delimiter_of(text);
  const result: Pasted = { lines: [], bidders: [], problems: [] };
  let header: string[] | null = null;
  rows.forEach((row, index) => {
    if (row.trim() === '') return;
    const cells = split_row(row, delimiter);
    if (!header && result.lines.length === 0 && cells.length >= 4 && decimal_of(cells[2]) === null) {
      header = cells;
      return;
    }
    const line = line_of(cells, header);
    if (typeof line === 'string') result.problems.push({ row: index + 1, message: line });
    else if (result.lines.length >= pasted_lines_max) {
      if (result.lines.length === pasted_lines_max && result.problems.every((p) => !p.message.startsWith('Only')))
        result.problems.push({ row: index + 1, message: `Only the first ${pasted_lines_max} lines are judged.` });
    } else result.lines.push(line);
  });
  result.bidders = [...new Set(result.lines.flatMap((l) => l.prices.map((p) => p.supplier)))];
  return result;
}

function line_of(cells: string[], header: string[] | null): PastedLine | string {
  if (cells.length < 4) return 'Needs four columns: description, unit, quantity, price.';
  const quantity = decimal_of(cells[2]);
  if (!cells[0]) return 'The description is empty.';
  if (quantity === null || Number(quantity) <= 0) return `“${cells[2]}” is not a quantity above zero.`;
  const prices: PastedLine['prices'] = [];
  for (let i = 3; i < cells.length; i += 1) {
    if (cells[i] === '') continue;
    const price = decimal_of(cells[i]);
    if (price === null || Number(price) < 0) return `“${cells[i]}” is not a price.`;
    prices.push({ supplier: supplier_of(header, i, cells.length), price });
  }
  return prices.length ? { description: cells[0], unit: cells[1], quantity, prices } : 'The line has no price.';
}

function supplier_of(header: string[] | null, column: number, columns: number): string {
  const name = header?.[column];
  if (name && !/^(unit )?price$/i.test(name)) return name;
  return columns > 4 ? `Bidder ${column - 2}` : 'Quote';
}
