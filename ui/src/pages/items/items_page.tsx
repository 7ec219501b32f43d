import { Select, Switch, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { PackageSearch, Search } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { get } from '../../api/client';
import type { Facet, ItemRow, List } from '../../api/types';
import { useSession } from '../../app/session';
import { count } from '../../shared/format';
import { Bones, Empty, PageHead, Trouble } from '../../shared/furniture';
import { Grid } from '../../shared/grid';
import { item_columns } from './item_columns';

const sort_words = [
  { value: 'spend', label: 'Largest spend' },
  { value: 'bids', label: 'Most prices' },
  { value: 'recent', label: 'Latest first' },
  { value: 'name', label: 'By name' },
];

function useItems(search: Record<string, string | undefined>) {
  return useInfiniteQuery({
    queryKey: ['items', search],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      get<List<ItemRow>>('/items', { ...search, limit: 100, cursor: pageParam }, signal),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function ItemsPage() {
  const url = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const { organization } = useSession();
  const [text, set_text] = useState(url.search ?? '');
  const [search] = useDebouncedValue(text, 90);
  const set = useCallback(
    (change: Record<string, string | undefined>) =>
      navigate({
        to: '/items',
        search: (old: Record<string, string | undefined>) => ({ ...old, ...change }),
        replace: true,
      }),
    [navigate],
  );
  useEffect(() => {
    // The address may be another page's already, where an item was opened from the list.
    if (window.location.pathname !== '/items') return;
    if ((url.search ?? '') !== search) set({ search: search || undefined });
  }, [search, url.search, set]);
  const items = useItems({
    search,
    sort: url.sort ?? 'spend',
    unit: url.unit,
    category: url.category,
    priced: url.all ? undefined : 'true',
  });
  const facets = useQuery({
    queryKey: ['facets'],
    queryFn: () => get<{ units: Facet[]; categories: Facet[] }>('/items/facets'),
    staleTime: 300_000,
  });
  const rows = useMemo(() => items.data?.pages.flatMap((p) => p.data) ?? [], [items.data]);
  const columns = useMemo(() => item_columns(organization.currency), [organization.currency]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = items;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const choices = (list: Facet[] | undefined) =>
    (list ?? []).map((f) => ({ value: f.value, label: `${f.value}  ·  ${count(f.count)}` }));
  return (
    <>
      <PageHead title="Items" text="Everything that ever had a price, with what it usually costs." />
      <div className="row no-print" style={{ marginBottom: 14 }}>
        <TextInput
          aria-label="Search items"
          placeholder="Search items"
          value={text}
          onChange={(e) => set_text(e.currentTarget.value)}
          leftSection={<Search size={15} aria-hidden />}
          style={{ flex: '1 1 240px', maxWidth: 420 }}
          type="search"
        />
        <Select
          aria-label="Unit"
          placeholder="Any unit"
          data={choices(facets.data?.units)}
          value={url.unit ?? null}
          onChange={(v) => set({ unit: v ?? undefined })}
          clearable
          searchable
          clearButtonProps={{ 'aria-label': 'Any unit' }}
          w={140}
        />
        {(facets.data?.categories.length ?? 0) > 0 && (
          <Select
            aria-label="Category"
            placeholder="Any category"
            data={choices(facets.data?.categories)}
            value={url.category ?? null}
            onChange={(v) => set({ category: v ?? undefined })}
            clearable
            searchable
            clearButtonProps={{ 'aria-label': 'Any category' }}
            w={180}
          />
        )}
        <Select
          aria-label="Order"
          data={sort_words}
          value={url.sort ?? 'spend'}
          onChange={(v) => set({ sort: v ?? undefined })}
          allowDeselect={false}
          w={150}
        />
        <Switch
          label="Lump sums too"
          checked={!!url.all}
          onChange={(e) => set({ all: e.currentTarget.checked ? '1' : undefined })}
          ml="xs"
        />
      </div>
      {items.error ? (
        <Trouble error={items.error} retry={() => items.refetch()} />
      ) : (
        <div className="card" style={{ opacity: items.isPlaceholderData ? 0.75 : 1 }}>
          {!items.data ? (
            <div className="body">
              <Bones rows={12} height={20} />
            </div>
          ) : rows.length === 0 ? (
            <Empty icon={<PackageSearch size={28} strokeWidth={1.5} />} title="No item fits">
              Try fewer words or another unit. Loading a file adds its items here.
            </Empty>
          ) : (
            <Grid
              rows={rows}
              columns={columns}
              label="Items"
              height="max(380px, calc(100vh - 230px))"
              on_end={more}
              on_open={(r) => navigate({ to: '/items/$id', params: { id: String(r.id) } })}
            />
          )}
        </div>
      )}
    </>
  );
}
