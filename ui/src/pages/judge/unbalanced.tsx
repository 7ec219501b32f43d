import { Scale, TriangleAlert } from 'lucide-react';
import type { Verdict } from '../../api/types';
import { money } from '../../shared/format';
import { Card } from '../../shared/furniture';

/** Lines priced so that a change of quantity would pay the bidder more than the ranking shows. */
export function Unbalanced({ verdict: v }: { verdict: Verdict }) {
  const flagged = v.bidders.filter(
    (b) => b.unbalanced && (b.unbalanced.flags.length > 0 || b.unbalanced.rank_reversal),
  );
  if (flagged.length === 0)
    return (
      <Card title="Balance of the bids">
        <span className="muted row">
          <Scale size={16} aria-hidden /> No bidder loads some lines to pay for others.
        </span>
      </Card>
    );
  return (
    <Card title="Balance of the bids" aside="priced high where quantities may grow, low where they may shrink">
      <div className="stack" style={{ gap: 20 }}>
        {flagged.map((b) => (
          <section key={b.supplier} aria-label={b.supplier}>
            <div className="row" style={{ marginBottom: 4 }}>
              <b>{b.supplier}</b>
              <span className="chip over">
                <TriangleAlert size={13} aria-hidden />
                {b.unbalanced?.rank_reversal ? 'The ranking could turn' : 'Unbalanced'}
              </span>
            </div>
            {b.unbalanced?.note && (
              <p className="muted" style={{ margin: '0 0 6px' }}>
                {b.unbalanced.note}
              </p>
            )}
            <table className="plain">
              <thead className="visually-hidden">
                <tr>
                  <th>Line</th>
                  <th>Reason</th>
                  <th>Money</th>
                </tr>
              </thead>
              <tbody>
                {b.unbalanced?.flags.slice(0, 8).map((f, i) => (
                  <tr key={i}>
                    <td className="faint number" style={{ paddingLeft: 0, width: 60 }}>
                      Line {f.line}
                    </td>
                    <td>{f.reason}</td>
                    <td className="right">{money(f.money, v.currency)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        ))}
      </div>
    </Card>
  );
}
