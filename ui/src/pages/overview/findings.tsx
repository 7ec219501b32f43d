import { Link } from '@tanstack/react-router';
import { Scale } from 'lucide-react';
import type { Overview, VerdictName } from '../../api/types';
import { day, money, plural, signed_money } from '../../shared/format';
import { Empty } from '../../shared/furniture';
import { verdict_words } from '../../shared/verdict';
import { VerdictChip } from '../../shared/verdict_chip';

export function Findings({ findings, currency }: { findings: Overview['latest_findings']; currency: string }) {
  if (findings.length === 0)
    return (
      <Empty
        icon={<Scale size={26} strokeWidth={1.5} />}
        title="Nothing judged yet"
        actions={
          <Link className="link" to="/judge">
            Judge a proposal
          </Link>
        }
      >
        Paste a quote and see line by line what is fair.
      </Empty>
    );
  return (
    <table className="plain">
      <thead className="visually-hidden">
        <tr>
          <th>Proposal</th>
          <th>Over fair</th>
        </tr>
      </thead>
      <tbody>
        {findings.slice(0, 6).map((f) => (
          <tr key={f.verdict_id}>
            <td>
              <Link
                to="/judge/$id"
                params={{ id: String(f.verdict_id) }}
                className="clip strong"
                style={{ maxWidth: 210 }}
              >
                {f.name || `Proposal ${f.verdict_id}`}
              </Link>
              <span className="faint" title={f.created_at}>
                {plural(f.lines, 'line')} · {day(f.created_at)}
              </span>
            </td>
            <td className="right">
              <div className="strong" title={money(f.excess, currency, 'full')}>
                {signed_money(f.excess, currency, 'compact')}
              </div>
              {f.worst in verdict_words && <VerdictChip verdict={f.worst as VerdictName} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
