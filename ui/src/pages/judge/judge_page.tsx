import { Button, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Scale } from 'lucide-react';
import { useMemo, useState } from 'react';
import { get, write } from '../../api/client';
import type { ItemRow, List, Verdict, VerdictRow } from '../../api/types';
import { useSession } from '../../app/session';
import { DropZone } from '../../shared/drop_zone';
import { day, money, plural, signed_money } from '../../shared/format';
import { Await, Card, Empty, PageHead, Trouble } from '../../shared/furniture';
import { type Pasted, parse_paste } from '../../shared/paste';

function useJudge() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (from: File | { name: string; pasted: Pasted }) =>
      from instanceof File
        ? write<Verdict>('POST', '/verdicts/file', from, { file_name: from.name })
        : write<Verdict>('POST', '/verdicts', {
            name: from.name || undefined,
            bidders: from.pasted.bidders.length,
            lines: from.pasted.lines.map((l, i) => ({ ...l, line: String(i + 1) })),
          }),
    onSuccess: (verdict) => {
      queries.setQueryData(['verdict', String(verdict.id)], verdict);
      queries.invalidateQueries({ queryKey: ['verdicts'] });
      queries.invalidateQueries({ queryKey: ['overview'] });
      navigate({ to: '/judge/$id', params: { id: String(verdict.id) } });
    },
  });
}

/** A sample made of the buyer's own items: most at their usual price, two far off. */
async function sample(): Promise<string> {
  const { data } = await get<List<ItemRow>>('/items', { sort: 'bids', priced: 'true', limit: 12 });
  const factors = [1, 1.32, 0.96, 1.04, 1.8, 0.99, 0.4, 1.08, 1.02, 1.15, 0.93, 1];
  const rows = data
    .filter((i) => i.median_price)
    .map((i, n) => {
      const price = Number(i.median_price);
      return [
        i.name,
        i.unit,
        String(20 * (1 + ((n * 7) % 9))),
        (price * factors[n % 12]).toFixed(2),
        (price * factors[(n + 5) % 12] * 0.98).toFixed(2),
      ].join('\t');
    });
  return ['Description\tUnit\tQuantity\tFirst bidder\tSecond bidder', ...rows].join('\n');
}

export function JudgePage() {
  const judge = useJudge();
  const [text, set_text] = useState('');
  const [name, set_name] = useState('');
  const pasted = useMemo(() => parse_paste(text), [text]);
  const try_sample = useMutation({
    mutationFn: sample,
    onSuccess: (rows) => {
      set_text(rows);
      set_name('Sample proposal');
    },
  });
  return (
    <>
      <PageHead title="Judge a proposal" text="See line by line what is fair, what is high, and what that costs." />
      <div className="stack">
        {judge.error && <Trouble error={judge.error} />}
        <div className="grid two">
          <Card
            title="Paste lines"
            aside={
              <Button
                size="compact-xs"
                variant="subtle"
                loading={try_sample.isPending}
                onClick={() => try_sample.mutate()}
              >
                Use a sample
              </Button>
            }
          >
            <Textarea
              aria-label="Lines of the proposal"
              rows={9}
              value={text}
              onChange={(e) => set_text(e.currentTarget.value)}
              placeholder={'Description\tUnit\tQuantity\tPrice\nConcrete Pavement, 9 inch\tSyd\t1,200\t58.40'}
              styles={{
                input: {
                  fontFamily: 'var(--mantine-font-family-monospace)',
                  fontSize: 12.5,
                  whiteSpace: 'pre',
                  overflowX: 'auto',
                },
              }}
            />
            <PasteState pasted={pasted} />
            <div className="row" style={{ marginTop: 12 }}>
              <TextInput
                aria-label="Name of the proposal"
                placeholder="Name (optional)"
                value={name}
                onChange={(e) => set_name(e.currentTarget.value)}
                style={{ flex: 1, minWidth: 120 }}
              />
              <Button
                leftSection={<Scale size={15} />}
                disabled={pasted.lines.length === 0}
                loading={judge.isPending}
                onClick={() => judge.mutate({ name, pasted })}
              >
                Judge {pasted.lines.length > 0 ? plural(pasted.lines.length, 'line') : ''}
              </Button>
            </div>
          </Card>
          <Card title="Or drop a file">
            <DropZone title="Drop a bid tabulation or a quote" busy={judge.isPending} on_file={(f) => judge.mutate(f)}>
              CSV, XLSX or gzip, every bidder of the file at once
            </DropZone>
            <p className="faint" style={{ margin: '14px 0 0' }}>
              One row for each line and bidder, or one price column for each bidder. Columns are recognized by their
              headings. Nothing is added to your price history.
            </p>
          </Card>
        </div>
        <Earlier />
      </div>
    </>
  );
}

function PasteState({ pasted }: { pasted: Pasted }) {
  if (pasted.problems.length > 0)
    return (
      <div role="status" className="over" style={{ marginTop: 8, fontSize: 13 }}>
        {pasted.problems.slice(0, 3).map((p) => (
          <div key={p.row}>
            Row {p.row}: {p.message}
          </div>
        ))}
        {pasted.problems.length > 3 && <div>and {plural(pasted.problems.length - 3, 'more row')}</div>}
      </div>
    );
  return (
    <div role="status" className="faint" style={{ marginTop: 8 }}>
      {pasted.lines.length > 0
        ? `${plural(pasted.lines.length, 'line')} from ${pasted.bidders.join(', ')}`
        : 'Description, unit, quantity, then a price for each bidder. Straight from a spreadsheet is best.'}
    </div>
  );
}

function Earlier() {
  const { currency } = useSession().organization;
  const verdicts = useQuery({ queryKey: ['verdicts'], queryFn: () => get<List<VerdictRow>>('/verdicts') });
  return (
    <Card title="Judged before" flush>
      <Await of={verdicts} rows={4}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty icon={<Scale size={26} strokeWidth={1.5} />} title="Nothing judged yet">
              Paste a few lines above, or use the sample to see how it works.
            </Empty>
          ) : (
            <div className="scroll">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Proposal</th>
                    <th>Judged</th>
                    <th className="right">Over fair</th>
                  </tr>
                </thead>
                <tbody>
                  {data.map((v) => (
                    <tr key={v.id}>
                      <td>
                        <Link className="clip strong" to="/judge/$id" params={{ id: String(v.id) }}>
                          {v.name || `Proposal ${v.id}`}
                        </Link>
                      </td>
                      <td className="muted" title={v.created_at}>
                        {day(v.created_at)}
                      </td>
                      <td className="right" title={money(v.total_excess, currency, 'full')}>
                        {signed_money(v.total_excess, currency)}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Await>
    </Card>
  );
}
