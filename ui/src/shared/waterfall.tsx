import { Fragment } from 'react';
import { type Numeric, signed_money, to_number } from './format';

export interface Step {
  name: string;
  label: string;
  money: Numeric;
}

/** Each reason pushes the price up or down from where the one before it left off. */
export function Waterfall({
  reasons,
  currency,
  most = 12,
  exact,
}: {
  reasons: Step[];
  currency: string;
  most?: number;
  exact?: boolean; // every digit, for figures that are to be added up
}) {
  const steps = reasons.slice(0, most).map((r) => ({ ...r, amount: to_number(r.money) ?? 0 }));
  let at = 0;
  const spans = steps.map((s) => {
    const from = at;
    at += s.amount;
    return [Math.min(from, at), Math.max(from, at)] as const;
  });
  const low = Math.min(0, ...spans.map((s) => s[0]));
  const reach = Math.max(...spans.map((s) => s[1])) - low || 1;
  return (
    <div className="waterfall">
      {steps.map((s, i) => (
        <Fragment key={s.name + i}>
          <span>{s.label}</span>
          <span className="track" aria-hidden>
            <i
              className={i === 0 ? '' : s.amount > 0 ? 'over' : 'under'}
              style={{
                left: `${((spans[i][0] - low) / reach) * 100}%`,
                width: `${((spans[i][1] - spans[i][0]) / reach) * 100}%`,
              }}
            />
          </span>
          <span className="number right">{signed_money(s.amount, currency, exact ? 'full' : 'short')}</span>
        </Fragment>
      ))}
    </div>
  );
}
