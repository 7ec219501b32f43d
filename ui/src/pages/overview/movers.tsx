import { Link } from '@tanstack/react-router';
import { TrendingDown, TrendingUp } from 'lucide-react';
import type { Overview } from '../../api/types';
import { money, money_per_unit, signed_share } from '../../shared/format';
import { Empty } from '../../shared/furniture';

export function Movers({ movers, currency }: { movers: Overview['top_movers']; currency: string }) {
  if (movers.length === 0)
    return <Empty title="No price moved much">Items need bids in two periods to be compared.</Empty>;
  return (
    <div className="scroll">
      <table className="plain">
        <thead>
          <tr>
            <th>Item</th>
            <th className="right">Change</th>
            <th className="right spare">From</th>
            <th className="right">To</th>
          </tr>
        </thead>
        <tbody>
          {movers.slice(0, 7).map((m) => (
            <tr key={m.item_id}>
              <td>
                <Link to="/items/$id" params={{ id: String(m.item_id) }} className="clip" title={m.name}>
                  {m.name}
                </Link>
              </td>
              <td className="right strong">
                <span
                  className={m.change > 0 ? 'over' : 'fair'}
                  style={{ display: 'inline-flex', gap: 5, alignItems: 'center' }}
                >
                  {m.change > 0 ? <TrendingUp size={14} aria-hidden /> : <TrendingDown size={14} aria-hidden />}
                  {signed_share(m.change)}
                </span>
              </td>
              <td className="right muted spare">{money(m.from, currency)}</td>
              <td className="right">{money_per_unit(m.to, currency, m.unit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
