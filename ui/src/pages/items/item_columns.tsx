import { Link } from '@tanstack/react-router';
import type { ColumnDef } from '@tanstack/react-table';
import type { ItemRow } from '../../api/types';
import { count, day, money, money_per_unit } from '../../shared/format';
import { Sparkline } from '../../shared/sparkline';

export function item_columns(currency: string): ColumnDef<ItemRow, unknown>[] {
  return [
    {
      id: 'name',
      header: 'Item',
      meta: { width: 'minmax(220px, 3fr)' },
      cell: ({ row: { original: r } }) => (
        <Link to="/items/$id" params={{ id: String(r.id) }} title={r.name} className="clip" style={{ fontWeight: 550 }}>
          {r.name}
        </Link>
      ),
    },
    {
      id: 'category',
      header: 'Category',
      meta: { width: 'minmax(90px, 1fr)' },
      cell: ({ row: { original: r } }) => <span className="muted">{r.category ?? '–'}</span>,
    },
    {
      id: 'trend',
      header: 'Trend',
      meta: { width: '100px' },
      cell: ({ row: { original: r } }) => <Sparkline values={r.sparkline ?? []} />,
    },
    {
      id: 'median',
      header: 'Usual price',
      meta: { width: '130px', right: true },
      cell: ({ row: { original: r } }) => (
        <span title={money(r.median_price, currency, 'full')} className="strong">
          {money_per_unit(r.median_price, currency, r.unit)}
        </span>
      ),
    },
    {
      id: 'last',
      header: 'Last',
      meta: { width: '90px', right: true },
      cell: ({ row: { original: r } }) => money(r.last_price, currency),
    },
    {
      id: 'prices',
      header: 'Prices',
      meta: { width: '70px', right: true },
      cell: ({ row: { original: r } }) => count(r.observations),
    },
    {
      id: 'suppliers',
      header: 'Suppliers',
      meta: { width: '70px', right: true },
      cell: ({ row: { original: r } }) => count(r.suppliers),
    },
    {
      id: 'spend',
      header: 'Spend',
      meta: { width: '80px', right: true },
      cell: ({ row: { original: r } }) => (
        <span title={money(r.spend, currency, 'full')}>{money(r.spend, currency, 'compact')}</span>
      ),
    },
    {
      id: 'last_on',
      header: 'Latest',
      meta: { width: '100px', right: true },
      cell: ({ row: { original: r } }) => (
        <span className="muted" title={r.last_on ?? ''}>
          {day(r.last_on)}
        </span>
      ),
    },
  ];
}
