import { Button, Select } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Activity, CircleCheck, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { get, write } from '../../api/client';
import type { Drift, DriftGroup, DriftReport } from '../../api/types';
import { useSession } from '../../app/session';
import { count, day, moment, plural } from '../../shared/format';
import { Await, Card, Empty, Scroll, Trouble } from '../../shared/furniture';

/** Whether new prices still look as those that the model was tested on. */
export function DriftCard() {
  const drift = useQuery({ queryKey: ['drift'], queryFn: () => get<Drift>('/models/drift') });
  const may_check = useSession().permissions.includes('model.manage');
  const check = useMutation({ mutationFn: () => write('POST', '/models/check') });
  return (
    <Card
      title="Do new prices still look the same?"
      aside={
        <span className="row">
          {drift.data?.made_at && <span>checked {moment(drift.data.made_at)}</span>}
          {may_check && (
            <Button
              size="compact-xs"
              variant="default"
              loading={check.isPending}
              disabled={check.isSuccess}
              onClick={() => check.mutate()}
            >
              {check.isSuccess ? 'Checking' : 'Check now'}
            </Button>
          )}
        </span>
      }
      flush
    >
      {check.error && <Trouble error={check.error} />}
      <div style={{ padding: '0 20px' }}>
        <Await of={drift} rows={5}>
          {(d) =>
            d.report ? (
              <Report r={d.report} />
            ) : (
              <Empty icon={<Activity size={28} strokeWidth={1.5} />} title="Not checked yet">
                Every load is held against the prices that the model was tested on; the first check comes a few minutes
                after a training.
              </Empty>
            )
          }
        </Await>
      </div>
    </Card>
  );
}

function Report({ r }: { r: DriftReport }) {
  const [name, set_name] = useState('all');
  if (r.why_not) return <Empty title="Too little data to compare">{`${r.why_not}.`}</Empty>;
  const group = r.groups.find((g) => g.name === name) ?? r.groups[0];
  const drifting = r.groups.filter((g) => g.rows.some((row) => row.drifted));
  return (
    <>
      <div className="row" style={{ padding: '4px 0 14px', gap: 14 }}>
        <span className={`chip ${r.drifted > 0 ? 'over' : 'fair'}`}>
          {r.drifted > 0 ? <TriangleAlert size={13} aria-hidden /> : <CircleCheck size={13} aria-hidden />}
          {r.drifted > 0 ? plural(r.drifted, 'change') : 'No change beyond chance'}
        </span>
        <span className="muted">
          {plural(r.window_bids, 'bid')} of {day(r.window_from)} to {day(r.window_to)} against {count(r.reference_bids)}{' '}
          of {day(r.reference_from)} to {day(r.reference_to)}
        </span>
        <Select
          size="xs"
          aria-label="Group"
          allowDeselect={false}
          style={{ marginLeft: 'auto' }}
          data={r.groups.map((g) => ({ value: g.name, label: label_of(g) }))}
          value={group.name}
          onChange={(v) => v && set_name(v)}
        />
      </div>
      {drifting.length > 0 && name === 'all' && drifting.some((g) => g.name !== 'all') && (
        <p className="muted" style={{ margin: '0 0 12px' }}>
          Changed in:{' '}
          {drifting
            .filter((g) => g.name !== 'all')
            .map((g, i) => (
              <span key={g.name}>
                {i > 0 && ', '}
                <button type="button" className="link" onClick={() => set_name(g.name)}>
                  {g.name}
                </button>
              </span>
            ))}
        </p>
      )}
      {group.too_little_data ? (
        <Empty title="Too little data">{plural(group.bids, 'bid')} are not enough to tell a change from chance.</Empty>
      ) : (
        <Rows group={group} />
      )}
    </>
  );
}

const label_of = (g: DriftGroup) => {
  const changed = g.rows.filter((r) => r.drifted).length;
  return `${g.name === 'all' ? 'All prices' : g.name}${changed ? ` (${changed})` : ''}`;
};

function Rows({ group }: { group: DriftGroup }) {
  return (
    <Scroll label="Drift" style={{ margin: '0 -20px' }}>
      <table className="plain">
        <thead>
          <tr>
            <th>What</th>
            <th>Now and before</th>
            <th className="right spare" title="Population stability index, and what chance alone reaches">
              PSI
            </th>
            <th className="right spare" title="Jensen–Shannon distance, and what chance alone reaches">
              Jensen–Shannon
            </th>
            <th className="right spare" title="Share of false alarms that calling this a change would mean">
              q
            </th>
            <th />
          </tr>
        </thead>
        <tbody>
          {group.rows.map((r) => (
            <tr key={r.name}>
              <td className={r.drifted ? 'strong' : undefined}>{r.label}</td>
              <td className="muted">{r.text}</td>
              <td className="right muted spare" title={`chance: ${r.psi_limit.toFixed(3)}`}>
                {r.psi.toFixed(3)}
              </td>
              <td className="right muted spare" title={`chance: ${r.jensen_shannon_limit.toFixed(3)}`}>
                {r.jensen_shannon.toFixed(3)}
              </td>
              <td className="right muted spare">{r.q < 0.001 ? '< 0.001' : r.q.toFixed(3)}</td>
              <td className="right">
                <span className={`chip ${r.drifted ? 'over' : 'fair'}`}>
                  {r.drifted ? <TriangleAlert size={13} aria-hidden /> : <CircleCheck size={13} aria-hidden />}
                  {r.drifted ? 'Changed' : 'As before'}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
