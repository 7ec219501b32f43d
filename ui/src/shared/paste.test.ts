import { describe, expect, it } from 'vitest';
import { decimal_of, parse_paste, split_row } from './paste';

describe('parse_paste', () => {
  it('reads rows from a spreadsheet with a column for each bidder', () => {
    const p = parse_paste('Item\tUnit\tQty\tNorth Co\tSouth Co\nPipe, 12 inch\tFt\t1,200\t$45.50\t41\n');
    expect(p.problems).toEqual([]);
    expect(p.bidders).toEqual(['North Co', 'South Co']);
    expect(p.lines).toEqual([
      {
        description: 'Pipe, 12 inch',
        unit: 'Ft',
        quantity: '1200',
        prices: [
          { supplier: 'North Co', price: '45.50' },
          { supplier: 'South Co', price: '41' },
        ],
      },
    ]);
  });
  it('reads comma-separated rows without a heading', () => {
    const p = parse_paste('"Pipe, 12 inch",Ft,10,45.5');
    expect(p.lines[0]).toMatchObject({ description: 'Pipe, 12 inch', prices: [{ supplier: 'Quote', price: '45.5' }] });
  });
  it('names the row and the reason of what it cannot read', () => {
    const p = parse_paste('Pipe\tFt\t10\t5\nPipe\tFt\tmany\t5\nPipe\tFt');
    expect(p.lines).toHaveLength(1);
    expect(p.problems.map((x) => x.row)).toEqual([2, 3]);
    expect(p.problems[0].message).toContain('many');
  });
  it('stops at two thousand lines and says so', () => {
    const p = parse_paste(Array.from({ length: 2003 }, () => 'Pipe\tFt\t10\t5').join('\n'));
    expect(p.lines).toHaveLength(2000);
    expect(p.problems).toHaveLength(1);
  });
});

it('understands both decimal marks', () => {
  expect(decimal_of('$1,234.50')).toBe('1234.50');
  expect(decimal_of('1.234,50')).toBe('1234.50');
  expect(decimal_of('12,5')).toBe('12.5');
  expect(decimal_of('1,200')).toBe('1200');
  expect(decimal_of('=1+1')).toBeNull();
});

it('keeps doubled quotes', () => expect(split_row('"6"" pipe",Ft', ',')).toEqual(['6" pipe', 'Ft']));
