import { Button, SegmentedControl, Select } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { CircleCheck, Radar, Search, Undo2 } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { get, write } from '../../api/client';
import type { Anomaly, AnomalyState, AnomalySummary, List } from '../../api/types';
import { useSession } from '../../app/session';
import { count, moment, money, plural } from '../../shared/format';
import { Bones, Card, Empty, PageHead, Tile, Tiles, Trouble } from '../../shared/furniture';
import { AnomalyRow } from './anomaly_row';

type Decision = { id: number; state: AnomalyState };

const states: { value: AnomalyState; label: string }[] = [
  { value: 'open', label: 'Open' },
  { value: 'confirmed', label: 'Confirmed' },
  { value: 'dismissed', label: 'Dismissed' },
];

/** Prices that do not fit, the most money first: J and K move, C confirms, D dismisses, U takes the last answer back. */
export function AnomaliesPage() {
  const may_decide = useSession().permissions.includes('anomaly.manage');
  const summary = useQuery({
    queryKey: ['anomaly summary'],
    queryFn: () => get<AnomalySummary>('/anomalies/summary'),
    refetchInterval: 10_000,
  });
  return (
    <>
      <PageHead
        title="Anomalies"
        text="Prices that do not fit their item, the other bids or the usual quantity. Looked for after every load."
      >
        {may_decide && <LookNow />}
      </PageHead>
      <div className="stack">
        {summary.error ? (
          <Trouble error={summary.error} retry={() => summary.refetch()} />
        ) : (
          <Totals of={summary.data} />
        )}
        <Inbox runs={summary.data?.runs ?? []} may_decide={may_decide} />
      </div>
    </>
  );
}

function LookNow() {
  const look = useMutation({ mutationFn: () => write('POST', '/anomalies/find') });
  return (
    <>
      {look.error && <Trouble error={look.error} />}
      {look.isSuccess && (
        <span className="faint" role="status">
          Looking, in the background
        </span>
      )}
      <Button
        variant="default"
        leftSection={<Search size={16} />}
        loading={look.isPending}
        disabled={look.isSuccess}
        onClick={() => look.mutate()}
      >
        Look now
      </Button>
    </>
  );
}

function Totals({ of: s }: { of: AnomalySummary | undefined }) {
  const { currency } = useSession().organization;
  const last = s?.runs[0];
  return (
    <Tiles>
      <Tile
        label="Open"
        value={s ? count(s.open) : '…'}
        hint={s ? `${count(s.confirmed)} confirmed, ${count(s.dismissed)} dismissed` : ' '}
      />
      <Tile
        label="Above what was expected"
        value={s ? money(s.open_over, currency, 'compact') : '…'}
        full={s ? money(s.open_over, currency, 'full') : undefined}
        tone={s && Number(s.open_over) > 0 ? 'over' : undefined}
        hint="of the open ones"
      />
      <Tile
        label="Below"
        value={s ? money(s.open_under, currency, 'compact') : '…'}
        full={s ? money(s.open_under, currency, 'full') : undefined}
        tone={s && Number(s.open_under) > 0 ? 'under' : undefined}
        hint="a slip, or a bid that cannot hold"
      />
      <Tile
        label="Looked at last"
        value={last ? plural(last.rows_examined, 'price') : '–'}
        hint={last ? `${last.file_name}, ${moment(last.ran_at)}` : 'nothing yet'}
      />
    </Tiles>
  );
}

function Inbox({ runs, may_decide }: { runs: AnomalySummary['runs']; may_decide: boolean }) {
  const url = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const state = states.find((s) => s.value === url.state)?.value ?? 'open';
  const filter = { state, upload_id: url.load, item_id: url.item };
  const set = (change: Record<string, string | undefined>) =>
    navigate({
      to: '/anomalies',
      search: (old: Record<string, string | undefined>) => ({ ...old, ...change }),
      replace: true,
    });
  const found = useInfiniteQuery({
    queryKey: ['anomalies', filter],
    queryFn: ({ pageParam }) => get<List<Anomaly>>('/anomalies', { ...filter, limit: 50, cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const rows = useMemo(() => found.data?.pages.flatMap((page) => page.data) ?? [], [found.data]);
  return (
    <Card
      title="Inbox"
      aside={
        <span className="row">
          {runs.length > 1 && (
            <Select
              size="xs"
              aria-label="Load"
              placeholder="All loads"
              clearable
              clearButtonProps={{ 'aria-label': 'All loads' }}
              data={runs.map((r) => ({ value: String(r.upload_id), label: r.file_name }))}
              value={url.load ?? null}
              onChange={(v) => set({ load: v ?? undefined })}
            />
          )}
          <SegmentedControl
            size="xs"
            aria-label="State"
            data={states}
            value={state}
            onChange={(v) => set({ state: v === 'open' ? undefined : v })}
          />
        </span>
      }
      flush
    >
      {found.error && (
        <div style={{ padding: 20 }}>
          <Trouble error={found.error} retry={() => found.refetch()} />
        </div>
      )}
      {found.isPending && (
        <div style={{ padding: '0 20px' }}>
          <Bones rows={5} height={44} />
        </div>
      )}
      {found.data && rows.length === 0 && <Nothing state={state} runs={runs} />}
      {rows.length > 0 && <Rows key={state} rows={rows} state={state} may_decide={may_decide} />}
      {found.hasNextPage && (
        <div style={{ padding: 16, textAlign: 'center' }}>
          <Button variant="default" size="xs" loading={found.isFetchingNextPage} onClick={() => found.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </Card>
  );
}

function Nothing({ state, runs }: { state: AnomalyState; runs: AnomalySummary['runs'] }) {
  if (state !== 'open')
    return <Empty title="None">What you {state === 'confirmed' ? 'confirm' : 'dismiss'} is kept here.</Empty>;
  const last = runs[0];
  if (!last)
    return (
      <Empty icon={<Radar size={28} strokeWidth={1.5} />} title="Not looked yet">
        Load a file with prices: a few minutes later what does not fit stands here.
      </Empty>
    );
  return (
    <Empty icon={<CircleCheck size={30} strokeWidth={1.5} />} title="Nothing strange">
      {last.why_not
        ? `The newest load could not be looked at: ${last.why_not}.`
        : `${plural(last.rows_examined, 'price')} of ${last.file_name} were held against ${plural(last.reference_rows, 'other price')}.`}
    </Empty>
  );
}

function Rows({ rows, state, may_decide }: { rows: Anomaly[]; state: AnomalyState; may_decide: boolean }) {
  const queries = useQueryClient();
  const [at, set_at] = useState(0);
  const [decided, set_decided] = useState<Decision[]>([]); // of this visit, the newest last
  const left = rows.filter((r) => !decided.some((d) => d.id === r.id && d.state !== state));
  const now = Math.min(at, left.length - 1);
  const refresh = useCallback(() => queries.invalidateQueries({ queryKey: ['anomaly summary'] }), [queries]);
  useEffect(
    () => () => {
      void queries.invalidateQueries({ queryKey: ['anomalies'] });
    },
    [queries],
  );
  const decide = useMutation({
    mutationFn: (d: Decision) => write('PATCH', `/anomalies/${d.id}`, { state: d.state }),
    onMutate: (d) => set_decided((old) => [...old.filter((o) => o.id !== d.id), d]),
    onError: (_e, d) => set_decided((old) => old.filter((o) => o.id !== d.id)),
    onSettled: refresh,
  });
  const answer = (row: Anomaly | undefined, to: AnomalyState) =>
    may_decide && row && to !== state && decide.mutate({ id: row.id, state: to });
  const undo = () => {
    const last = decided.filter((d) => d.state !== state).at(-1);
    if (last) decide.mutate({ id: last.id, state });
  };
  const move = (by: number) => {
    const next = Math.max(0, Math.min(now + by, left.length - 1));
    set_at(next);
    document.getElementById(`anomaly-${left[next]?.id}`)?.scrollIntoView({ block: 'nearest' });
  };
  useHotkeys([
    ['j', () => move(1)],
    ['k', () => move(-1)],
    ['c', () => answer(left[now], 'confirmed')],
    ['d', () => answer(left[now], 'dismissed')],
    ['o', () => answer(left[now], 'open')],
    ['u', undo],
  ]);
  const taken = decided.filter((d) => d.state !== state).length;
  return (
    <>
      {decide.error && (
        <div style={{ padding: 20 }}>
          <Trouble error={decide.error} />
        </div>
      )}
      <div className="row faint no-print" style={{ padding: '0 20px 8px' }}>
        <span>
          <kbd>J</kbd> <kbd>K</kbd> move
        </span>
        {may_decide && (
          <>
            <span>
              <kbd>C</kbd> confirm
            </span>
            <span>
              <kbd>D</kbd> dismiss
            </span>
          </>
        )}
        {taken > 0 && (
          <Button size="compact-xs" variant="default" leftSection={<Undo2 size={13} />} onClick={undo}>
            Undo <kbd style={{ marginLeft: 6 }}>U</kbd>
          </Button>
        )}
      </div>
      {left.length === 0 && <Empty title="All answered">Show more, or wait for the next load.</Empty>}
      <ul className="anomalies" aria-label="Anomalies by money">
        {left.map((row, i) => (
          <AnomalyRow
            key={row.id}
            row={row}
            chosen={i === now}
            on_choose={() => set_at(i)}
            on_decide={may_decide ? (to) => answer(row, to) : undefined}
          />
        ))}
      </ul>
    </>
  );
}
