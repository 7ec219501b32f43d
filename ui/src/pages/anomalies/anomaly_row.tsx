import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { ArrowDown, ArrowUp } from 'lucide-react';
import type { Anomaly, AnomalyState } from '../../api/types';
import { useSession } from '../../app/session';
import { against_fair, day, money, money_per_unit, quantity, signed_money } from '../../shared/format';

/** One price: what it is about in money, what was expected, and why it stands here. */
export function AnomalyRow({
  row: a,
  chosen,
  on_choose,
  on_decide,
}: {
  row: Anomaly;
  chosen: boolean;
  on_choose: () => void;
  on_decide?: (to: AnomalyState) => void;
}) {
  const { currency } = useSession().organization;
  const over = Number(a.excess) > 0;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: J and K choose too, and everything inside can be tabbed to
    <li id={`anomaly-${a.id}`} data-at={chosen} aria-current={chosen} onClick={on_choose}>
      <div className="what">
        <Link className="link strong" to="/items/$id" params={{ id: String(a.item_id) }}>
          {a.item}
        </Link>
        <ul className="reasons">
          {a.reasons.slice(0, 3).map((r) => (
            <li key={r.feature}>{r.text}</li>
          ))}
        </ul>
        <div className="faint">
          {a.supplier_id !== null && (
            <>
              <Link to="/suppliers/$id" params={{ id: String(a.supplier_id) }} className="link">
                {a.supplier ?? 'a supplier'}
              </Link>
              {' · '}
            </>
          )}
          {a.event && `${a.event} · `}
          <span title={a.observed_on}>{day(a.observed_on)}</span> ·{' '}
          <Link to="/loads/$id" params={{ id: String(a.upload_id) }} className="link">
            {a.file_name}
          </Link>
          , row {a.source_row}
        </div>
      </div>
      <div className="right">
        <div className="number strong">{money_per_unit(a.price, currency, a.unit)}</div>
        <div className="faint number">expected {money(a.expected, currency)}</div>
        <div className="faint number">
          {quantity(a.quantity)} {a.unit}
        </div>
      </div>
      <div className="right">
        <div className={`number strong ${over ? 'over' : 'under'}`} title={signed_money(a.excess, currency, 'full')}>
          {over ? <ArrowUp size={13} aria-hidden /> : <ArrowDown size={13} aria-hidden />} {money(a.money, currency)}
        </div>
        <div className="faint number">{against_fair(a.price, a.expected)}</div>
      </div>
      <div className="answer no-print">
        {on_decide && a.state === 'open' && (
          <>
            <Button size="compact-xs" variant="default" onClick={() => on_decide('confirmed')}>
              Confirm
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => on_decide('dismissed')}>
              Dismiss
            </Button>
          </>
        )}
        {on_decide && a.state !== 'open' && (
          <Button size="compact-xs" variant="default" onClick={() => on_decide('open')}>
            Reopen
          </Button>
        )}
        {a.decided_by && (
          <span className="faint">
            {a.decided_by}, {day(a.decided_at)}
          </span>
        )}
      </div>
    </li>
  );
}
