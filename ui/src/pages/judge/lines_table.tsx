import type { ColumnDef } from '@tanstack/react-table';
import { useMemo } from 'react';
import type { Quote, Verdict, VerdictLine } from '../../api/types';
import { against_fair, money, money_per_unit, quantity, signed_money } from '../../shared/format';
import { Empty } from '../../shared/furniture';
import { Grid } from '../../shared/grid';
import { IntervalBar } from '../../shared/interval_bar';
import { verdict_tones, worst_quote } from '../../shared/verdict';
import { VerdictChip } from '../../shared/verdict_chip';

type Column = ColumnDef<VerdictLine, unknown>;
const side_by_side_max = 6;

/** Two or more bidders stand side by side; one bidder gets its verdict spelled out. */
export function LinesTable(p: {
  verdict: Verdict;
  lines: VerdictLine[];
  bidder?: string;
  on_open: (l: VerdictLine) => void;
}) {
  const { verdict, bidder, on_open } = p;
  const columns = useMemo(() => columns_of(verdict, bidder, on_open), [verdict, bidder, on_open]);
  if (p.lines.length === 0) return <Empty title="No line has this verdict">Choose another one above.</Empty>;
  const height = Math.min(p.lines.length, 13) * 52 + 40;
  return (
    <Grid
      rows={p.lines}
      columns={columns}
      label="Lines by excess money"
      height={`${height + 14}px`}
      row_height={52}
      on_open={on_open}
    />
  );
}

function columns_of(v: Verdict, bidder: string | undefined, on_open: (l: VerdictLine) => void): Column[] {
  const c = v.currency;
  const quote = (l: VerdictLine) => worst_quote(l, bidder);
  const beside = !bidder && v.bidders.length > 1;
  const cell =
    (draw: (l: VerdictLine) => React.ReactNode): Column['cell'] =>
    ({ row }) =>
      draw(row.original);
  const start: Column[] = [
    {
      id: 'line',
      header: 'Line',
      meta: { width: '38px' },
      cell: cell((l) => <span className="faint number">{l.line}</span>),
    },
    {
      id: 'item',
      header: 'Item',
      meta: { width: 'minmax(160px, 2.4fr)' },
      cell: cell((l) => (
        <button
          type="button"
          className="clip"
          title={`${l.description}: why?`}
          onClick={(e) => {
            e.stopPropagation();
            on_open(l);
          }}
          style={{
            all: 'unset',
            cursor: 'pointer',
            display: 'block',
            maxWidth: '100%',
            overflow: 'hidden',
            textOverflow: 'ellipsis',
          }}
        >
          <span style={{ fontWeight: 550 }}>{l.description}</span>
          <span className="faint" style={{ display: 'block' }}>
            {quantity(l.quantity)} {l.unit}
          </span>
        </button>
      )),
    },
    {
      id: 'verdict',
      header: 'Verdict',
      meta: { width: '148px' },
      cell: cell((l) => {
        const q = quote(l);
        return q ? <VerdictChip verdict={q.verdict} bids={l.bids} /> : '–';
      }),
    },
    {
      id: 'excess',
      header: 'Excess',
      meta: { width: '104px', right: true },
      cell: cell((l) => (
        <span className="strong" title={money(quote(l)?.excess, c, 'full')}>
          {signed_money(quote(l)?.excess, c)}
        </span>
      )),
    },
    {
      id: 'band',
      header: 'Fair band',
      meta: { width: 'minmax(84px, 1.4fr)' },
      cell: cell((l) => {
        const q = quote(l);
        return <IntervalBar interval={l} quote={q?.price} tone={q && verdict_tones[q.verdict]} currency={c} />;
      }),
    },
    {
      id: 'fair',
      header: 'Fair',
      meta: { width: '104px', right: true },
      cell: cell((l) => (
        <span className="muted" title={money(l.expected, c, 'full')}>
          {money_per_unit(l.expected, c, l.unit)}
        </span>
      )),
    },
  ];
  if (!beside)
    return [
      ...start,
      {
        id: 'quote',
        header: 'Quote',
        meta: { width: '108px', right: true },
        cell: cell((l) => <Price quote={quote(l)} line={l} currency={c} />),
      },
    ];
  const ranked = [...v.bidders].sort((a, b) => a.rank - b.rank).slice(0, side_by_side_max);
  return [
    ...start,
    ...ranked.map(
      (b): Column => ({
        id: `bidder ${b.supplier}`,
        header: () => <span title={b.supplier}>{b.supplier}</span>,
        meta: { width: '108px', right: true },
        cell: cell((l) => <Price quote={l.quotes.find((q) => q.supplier === b.supplier)} line={l} currency={c} />),
      }),
    ),
  ];
}

function Price({ quote, line, currency }: { quote: Quote | undefined; line: VerdictLine; currency: string }) {
  if (!quote) return <span className="faint">no bid</span>;
  const tone = verdict_tones[quote.verdict];
  return (
    <span title={money(quote.price, currency, 'full')}>
      <span style={{ fontWeight: 550 }}>{money(quote.price, currency)}</span>
      <span className={tone === 'fair' ? 'muted' : tone} style={{ display: 'block', fontSize: 12 }}>
        {line.expected === null ? '–' : against_fair(quote.price, line.expected)}
      </span>
    </span>
  );
}
