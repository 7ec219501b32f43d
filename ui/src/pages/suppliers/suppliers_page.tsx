import { Select, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { ColumnDef } from '@tanstack/react-table';
import { Building2, Search } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { get } from '../../api/client';
import type { List, SupplierRow } from '../../api/types';
import { count, day, share } from '../../shared/format';
import { Bones, Empty, PageHead, Trouble } from '../../shared/furniture';
import { Grid } from '../../shared/grid';
import { Position } from '../../shared/position';

const columns: ColumnDef<SupplierRow, unknown>[] = [
  {
    id: 'name',
    header: 'Supplier',
    meta: { width: 'minmax(220px, 3fr)' },
    cell: ({ row: { original: r } }) => (
      <Link to="/suppliers/$id" params={{ id: String(r.id) }} className="clip" style={{ fontWeight: 550 }}>
        {r.name}
      </Link>
    ),
  },
  {
    id: 'position',
    header: 'Against fair',
    meta: { width: '130px', right: true },
    cell: ({ row: { original: r } }) => <Position value={r.position} />,
  },
  {
    id: 'spread',
    header: 'Spread',
    meta: { width: '80px', right: true },
    cell: ({ row: { original: r } }) => (
      <span className="muted">{r.spread === null ? '–' : `± ${share(r.spread)}`}</span>
    ),
  },
  {
    id: 'win',
    header: 'Lowest bidder',
    meta: { width: '100px', right: true },
    cell: ({ row: { original: r } }) => share(r.win_rate),
  },
  {
    id: 'bids',
    header: 'Bids',
    meta: { width: '80px', right: true },
    cell: ({ row: { original: r } }) => count(r.bids),
  },
  {
    id: 'last',
    header: 'Latest',
    meta: { width: '110px', right: true },
    cell: ({ row: { original: r } }) => (
      <span className="muted" title={r.last_on ?? ''}>
        {day(r.last_on)}
      </span>
    ),
  },
];
const sorts = [
  { value: 'bids', label: 'Most bids' },
  { value: 'name', label: 'By name' },
  { value: 'position', label: 'Dearest first' },
  { value: 'recent', label: 'Latest first' },
];

export function SuppliersPage() {
  const url = useSearch({ strict: false }) as { search?: string; sort?: string };
  const navigate = useNavigate();
  const [text, set_text] = useState(url.search ?? '');
  const [search] = useDebouncedValue(text, 90);
  useEffect(() => {
    // The address may be another page's already, where a supplier was opened from the list.
    if (window.location.pathname !== '/suppliers') return;
    if ((url.search ?? '') !== search)
      navigate({ to: '/suppliers', search: { ...url, search: search || undefined }, replace: true });
  }, [search, url, navigate]);
  const query = { search, sort: url.sort ?? 'bids' };
  const list = useInfiniteQuery({
    queryKey: ['suppliers', query],
    initialPageParam: '',
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam, signal }) =>
      get<List<SupplierRow>>('/suppliers', { ...query, limit: 100, cursor: pageParam }, signal),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const rows = useMemo(() => list.data?.pages.flatMap((p) => p.data) ?? [], [list.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <>
      <PageHead title="Suppliers" text="Who bids how far from fair, and how often they are the lowest." />
      <div className="row" style={{ marginBottom: 14 }}>
        <TextInput
          type="search"
          aria-label="Search suppliers"
          placeholder="Search suppliers"
          value={text}
          onChange={(e) => set_text(e.currentTarget.value)}
          leftSection={<Search size={15} aria-hidden />}
          style={{ flex: '1 1 220px', maxWidth: 420 }}
        />
        <Select
          aria-label="Order"
          data={sorts}
          value={url.sort ?? 'bids'}
          allowDeselect={false}
          onChange={(v) => navigate({ to: '/suppliers', search: { ...url, sort: v ?? undefined }, replace: true })}
          w={160}
        />
      </div>
      {list.error ? (
        <Trouble error={list.error} retry={() => list.refetch()} />
      ) : (
        <div className="card">
          {!list.data ? (
            <div className="body">
              <Bones rows={12} height={20} />
            </div>
          ) : rows.length === 0 ? (
            <Empty icon={<Building2 size={28} strokeWidth={1.5} />} title="No supplier fits">
              Suppliers come with the files you load.
            </Empty>
          ) : (
            <Grid
              rows={rows}
              columns={columns}
              label="Suppliers"
              height="max(380px, calc(100vh - 230px))"
              on_end={more}
              on_open={(r) => navigate({ to: '/suppliers/$id', params: { id: String(r.id) } })}
            />
          )}
        </div>
      )}
    </>
  );
}
