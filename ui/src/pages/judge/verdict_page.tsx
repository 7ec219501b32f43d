import { Button, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Download, Printer } from 'lucide-react';
import { useMemo } from 'react';
import { get } from '../../api/client';
import type { Verdict, VerdictLine, VerdictName } from '../../api/types';
import { day, plural } from '../../shared/format';
import { Bones, Card, PageHead, Trouble } from '../../shared/furniture';
import { IntervalLegend } from '../../shared/interval_bar';
import { excess_of, verdict_order, verdict_words, worst_quote } from '../../shared/verdict';
import { EvidenceDrawer } from './evidence_drawer';
import { export_csv } from './export_csv';
import { LinesTable } from './lines_table';
import { Ribbon } from './ribbon';
import { Unbalanced } from './unbalanced';

type Search = { show?: string; bidder?: string; line?: string };

export function VerdictPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const verdict = useQuery({ queryKey: ['verdict', id], queryFn: () => get<Verdict>(`/verdicts/${id}`) });
  const back = { to: '/judge', label: 'Judge a proposal' };
  if (verdict.error)
    return (
      <>
        <PageHead title="Proposal" back={back} />
        <Trouble error={verdict.error} retry={() => verdict.refetch()} />
      </>
    );
  if (!verdict.data)
    return (
      <>
        <PageHead title="…" back={back} />
        <Bones rows={12} height={26} />
      </>
    );
  return <Judged v={verdict.data} back={back} />;
}

function Judged({ v, back }: { v: Verdict; back: { to: string; label: string } }) {
  const url = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = (change: Search) =>
    navigate({
      to: '/judge/$id',
      params: { id: String(v.id) },
      search: { ...url, ...change },
      replace: true,
      resetScroll: false,
    });
  const lines = useMemo(() => shown_lines(v.lines, url), [v.lines, url]);
  const open = v.lines.find((l) => String(l.line) === url.line);
  const by = v.model_version ? `model ${v.model_version}` : 'like-for-like percentiles';
  return (
    <>
      <PageHead
        title={v.name || `Proposal ${v.id}`}
        back={back}
        text={`${plural(v.lines.length, 'line')}, ${plural(v.bidders.length, 'bidder')} · judged for ${day(v.on)} by ${by}`}
      >
        <Button variant="default" leftSection={<Printer size={15} />} onClick={() => window.print()}>
          Print
        </Button>
        <Button variant="default" leftSection={<Download size={15} />} onClick={() => export_csv(v)}>
          Export CSV
        </Button>
      </PageHead>
      <div className="stack">
        {(v.notice || !v.model_available) && (
          <div className="notice" role="status">
            {v.notice ??
              'The price model is away. Fair prices come from like-for-like percentiles; judge again later for the model’s view.'}
          </div>
        )}
        <Ribbon verdict={v} />
        <Card title="Lines" aside={<IntervalLegend />} flush>
          <div className="row no-print" style={{ padding: '4px 20px 12px' }}>
            <Filters lines={v.lines} show={url.show} bidder={url.bidder} on_show={(show) => set({ show })} />
            {v.bidders.length > 1 && (
              <Select
                size="xs"
                aria-label="Bidder"
                placeholder="All bidders"
                clearable
                clearButtonProps={{ 'aria-label': 'All bidders' }}
                data={v.bidders.map((b) => b.supplier)}
                value={url.bidder ?? null}
                onChange={(b) => set({ bidder: b ?? undefined })}
                ml="auto"
                w={200}
              />
            )}
          </div>
          <LinesTable verdict={v} lines={lines} bidder={url.bidder} on_open={(l) => set({ line: String(l.line) })} />
        </Card>
        <Unbalanced verdict={v} />
      </div>
      <EvidenceDrawer verdict={v} line={open} bidder={url.bidder} close={() => set({ line: undefined })} />
    </>
  );
}

function shown_lines(lines: VerdictLine[], url: Search): VerdictLine[] {
  const fits = (l: VerdictLine) =>
    !url.show || l.quotes.some((q) => q.verdict === url.show && (!url.bidder || q.supplier === url.bidder));
  return lines
    .filter(fits)
    .sort((a, b) => excess_of(worst_quote(b, url.bidder)) - excess_of(worst_quote(a, url.bidder)));
}

function Filters(p: {
  lines: VerdictLine[];
  show?: string;
  bidder?: string;
  on_show: (v: VerdictName | undefined) => void;
}) {
  const count = (name: VerdictName) =>
    p.lines.filter((l) => l.quotes.some((q) => q.verdict === name && (!p.bidder || q.supplier === p.bidder))).length;
  return (
    <div className="row" role="group" aria-label="Show verdicts">
      <button type="button" className="pick" aria-pressed={!p.show} onClick={() => p.on_show(undefined)}>
        All <span className="number">{p.lines.length}</span>
      </button>
      {verdict_order.map((name) => {
        const n = count(name);
        return n === 0 ? null : (
          <button
            type="button"
            key={name}
            className="pick"
            aria-pressed={p.show === name}
            onClick={() => p.on_show(p.show === name ? undefined : name)}
          >
            {verdict_words[name]} <span className="number">{n}</span>
          </button>
        );
      })}
    </div>
  );
}
