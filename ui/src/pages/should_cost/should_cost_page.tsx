import { Button } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Calculator, Cog } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { get, Problem, write } from '../../api/client';
import type { PartTable, ShouldCost, ShouldCostState, TableReading, TakenTable } from '../../api/types';
import { useSession } from '../../app/session';
import { count, day, plural } from '../../shared/format';
import { Await, Bones, Card, Empty, PageHead, Trouble } from '../../shared/furniture';
import { decimal_of } from '../../shared/paste';
import { Compare } from '../models/compare';
import { Answer } from './answer';
import { type Asked, ask_of, type Described, form_of, from_address, nothing_said, to_address } from './part';
import { PartFields } from './part_fields';
import { LeftOut, TakeTable, Understood, Words } from './take_table';
import { Outcome, Progress, Result, Train, useTraining } from './training';

export function ShouldCostPage() {
  const { permissions } = useSession();
  const may_manage = permissions.includes('model.manage');
  const may_ask = permissions.includes('prediction.read');
  const state = useQuery({ queryKey: ['should-cost'], queryFn: () => get<ShouldCostState>('/should-cost') });
  const { job, open } = useTraining();
  const [taken, set_taken] = useState<TakenTable | null>(null);
  const [bringing, set_bringing] = useState(false);
  const model = state.data?.model ?? null;
  const first = state.data && !model;
  return (
    <>
      <PageHead
        title="Should cost"
        text="What a part made to a drawing should cost, learned from what such parts were quoted at."
      >
        {model && may_manage && (
          <>
            <Train busy={open} />
            <Button variant="default" aria-expanded={bringing} onClick={() => set_bringing(!bringing)}>
              Bring another table
            </Button>
          </>
        )}
      </PageHead>
      <div className="stack">
        {state.error && !state.data ? (
          <Trouble error={state.error} retry={() => state.refetch()} />
        ) : !state.data ? (
          <Bones rows={9} height={26} />
        ) : (
          <>
            {open && job && <Progress job={job} in_use={!!model} />}
            {!open && <Outcome job={job} newest={state.data.versions[0]} in_use={!!model} />}
            {taken && <Understood taken={taken} close={() => set_taken(null)} />}
            {may_manage && (first || bringing) && (
              <TakeTable
                on_taken={(t) => {
                  set_taken(t);
                  set_bringing(false);
                }}
              />
            )}
            {model ? <Result model={model} /> : <None may_manage={may_manage} learning={open} />}
            {model && (may_ask ? <Ask state={state.data} /> : <MayNotAsk />)}
            {state.data.table && <Behind table={state.data.table} in_use={!!model} />}
            {state.data.versions.length > 1 && (
              <Compare name="part-cost" to="/should-cost" versions={state.data.versions} />
            )}
          </>
        )}
      </div>
    </>
  );
}

function None({ may_manage, learning }: { may_manage: boolean; learning: boolean }) {
  if (learning) return null;
  return (
    <Card>
      <Empty icon={<Cog size={28} strokeWidth={1.5} />} title="Nothing was learned yet">
        {may_manage
          ? 'Bring a table of parts above. A few hundred rows of parts that differ are enough to begin with.'
          : 'Someone who may manage models brings a table of parts; then you can ask here what a part should cost.'}
      </Empty>
    </Card>
  );
}

function MayNotAsk() {
  return (
    <div className="notice">
      You may see what was learned, but not ask what a part should cost: that takes the role of an analyst, a manager or
      an administrator. Ask an administrator for it.
    </div>
  );
}

function useAsked(asked: Asked | null) {
  return useQuery({
    queryKey: ['should-cost', 'part', asked],
    enabled: asked !== null,
    placeholderData: keepPreviousData,
    // The prediction service may be starting or full: worth another try, and nothing else is.
    retry: (tries, error) => tries < 2 && error instanceof Problem && error.status === 503,
    staleTime: 60_000,
    queryFn: () => write<ShouldCost>('POST', '/should-cost', asked),
  });
}

/** The part and its answer; the address holds both, so that they can be sent to somebody. */
function Ask({ state }: { state: ShouldCostState }) {
  const search = useSearch({ strict: false }) as { part?: string; at?: string };
  const navigate = useNavigate();
  const form = useMemo(() => form_of(state.form, state.table), [state.form, state.table]);
  const [said, set_said] = useState<Described>(() => from_address(search.part) ?? nothing_said);
  const [asked, set_asked] = useState<Described | null>(() => from_address(search.part));
  const [wrong, set_wrong] = useState<Record<string, string>>({});
  const request = useMemo(() => (asked ? (ask_of(asked, form).asked ?? null) : null), [asked, form]);
  const answer = useAsked(request);
  // On a narrow screen the answer is below the form, and comes into sight once it is there.
  const place = useRef<HTMLDivElement>(null);
  const [awaited, set_awaited] = useState(false);
  useEffect(() => {
    if (!awaited || answer.isFetching) return;
    set_awaited(false);
    if ((place.current?.getBoundingClientRect().top ?? 0) > innerHeight * 0.6) place.current?.scrollIntoView();
  }, [awaited, answer.isFetching]);
  const ask = () => {
    const checked = ask_of(said, form);
    set_wrong(checked.wrong);
    if (!checked.asked) return;
    set_asked(said);
    set_awaited(true);
    if (request && JSON.stringify(request) === JSON.stringify(checked.asked) && answer.error) answer.refetch();
    navigate({ to: '/should-cost', search: { part: to_address(said) }, replace: true, resetScroll: false });
  };
  const quote = asked && decimal_of(asked.quote);
  return (
    <div className="grid two" style={{ alignItems: 'start' }}>
      <PartFields
        form={form}
        said={said}
        wrong={wrong}
        busy={answer.isFetching}
        currency={state.table?.currency ?? ''}
        change={(next) => {
          set_said(next);
          set_wrong({});
        }}
        ask={ask}
      />
      <div ref={place} style={{ minWidth: 0, scrollMarginTop: 64 }}>
        {answer.error ? (
          <Trouble error={answer.error} retry={() => answer.refetch()} />
        ) : answer.data && request ? (
          <Answer
            answer={answer.data}
            asked={request}
            quote={quote ? Number(quote) : null}
            at={Number(search.at) || 0}
            choose={(at) =>
              navigate({
                to: '/should-cost',
                search: { ...search, at: at > 0 ? String(at) : undefined },
                replace: true,
                resetScroll: false,
              })
            }
          />
        ) : (
          <Card title="What it should cost">
            {request ? (
              <Bones rows={8} height={22} />
            ) : (
              <Empty icon={<Calculator size={28} strokeWidth={1.5} />} title="Describe the part first">
                As much as you know of it. The answer is a cost with its interval, and what pushes it up or down.
              </Empty>
            )}
          </Card>
        )}
      </div>
    </div>
  );
}

function Behind({ table: t, in_use }: { table: PartTable; in_use: boolean }) {
  return (
    <Card title={in_use ? 'The table behind it' : 'The newest table'} aside={`brought ${day(t.created_at)}`}>
      <dl className="facts" style={{ maxWidth: 620 }}>
        <dt>Name</dt>
        <dd>{t.name}</dd>
        <dt>Rows</dt>
        <dd>
          {count(t.quotes)} taken, {t.left_out > 0 ? count(t.left_out) : 'none'} left out
        </dd>
        <dt>Parts and suppliers</dt>
        <dd>
          {plural(t.parts, 'part')}, {plural(t.suppliers, 'supplier')}
        </dd>
        <dt>Tells parts apart by</dt>
        <dd>
          {plural(t.measures.length, 'column')} of numbers, {count(t.labels.length)} of words
        </dd>
        <dt>Currency</dt>
        <dd>{t.currency}</dd>
        <dt>SHA-256</dt>
        <dd className="mono" title={t.sha256}>
          {t.sha256.slice(0, 16)}…
        </dd>
      </dl>
      <Reading table={t} />
    </Card>
  );
}

/** How its columns were understood, and why rows are not in it: asked for once somebody wants to know. */
function Reading({ table }: { table: PartTable }) {
  const [open, set_open] = useState(false);
  const reading = useQuery({
    queryKey: ['should-cost', 'table', table.id],
    enabled: open,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => get<TableReading>(`/should-cost/tables/${table.id}`),
  });
  return (
    <>
      <button
        type="button"
        className="link"
        style={{ marginTop: 14 }}
        aria-expanded={open}
        onClick={() => set_open(!open)}
      >
        {open
          ? 'Hide how it was read'
          : table.left_out > 0
            ? `How it was read, and why ${plural(table.left_out, 'row')} ${table.left_out === 1 ? 'was' : 'were'} left out`
            : 'How it was read'}
      </button>
      {open && (
        <div className="stack" style={{ marginTop: 14 }}>
          <Await of={reading} rows={4}>
            {(r) => (
              <>
                {r.terms && (
                  <Words title="Terms of the quote:" words={r.terms.map((c) => `${c.column} → ${c.means}`)} />
                )}
                <Words title="Numbers about the part:" words={table.measures} />
                <Words title="Words about the part:" words={table.labels} />
                {table.left_out > 0 && <LeftOut rows={r.left_out_rows} all={table.left_out} />}
              </>
            )}
          </Await>
        </div>
      )}
    </>
  );
}
