import { Button, Popover } from '@mantine/core';
import { Problem } from '../../api/client';
import type { Forecast } from '../../api/types';
import { money, month, plural, share, signed_share } from '../../shared/format';

/** What the fan says a year ahead, and behind "Why?" how it was made and how good that has been. */
export function ForecastNote(p: { forecast: Forecast | undefined; error: unknown; currency: string; unit: string }) {
  const f = p.forecast;
  if (p.error)
    return (
      <p className="faint" style={{ margin: '10px 0 0' }}>
        {p.error instanceof Problem && p.error.status === 422
          ? `${p.error.message}.`
          : 'The forecast could not be loaded.'}
      </p>
    );
  if (!f) return <div style={{ height: 36 }} />;
  const end = f.months[f.months.length - 1];
  return (
    <div className="row" style={{ marginTop: 10 }}>
      <span className="faint">Forecast for {month(end.month)}</span>
      <span className="strong number">{money(end.mean, p.currency)}</span>
      <span className="faint number">
        90 %: {money(end.low90, p.currency)} – {money(end.high90, p.currency)}
      </span>
      <Popover width={340} position="top-end" withArrow shadow="md" trapFocus returnFocus>
        <Popover.Target>
          <Button size="compact-xs" variant="default" style={{ marginLeft: 'auto' }}>
            Why?
          </Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="How the forecast was made">
          <Why f={f} currency={p.currency} unit={p.unit} />
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}

function Why({ f, currency, unit }: { f: Forecast; currency: string; unit: string }) {
  const b = f.backtest;
  return (
    <div className="stack" style={{ gap: 10, fontSize: 13 }}>
      <b>How the forecast was made</b>
      <span className="muted">
        From monthly median prices of {month(f.first_month)} to {month(f.last_month)}: {plural(f.months_seen, 'month')}{' '}
        with prices{f.months_filled > 0 && `, ${plural(f.months_filled, 'gap')} filled`}. It goes on from what was paid;
        it knows no news.
      </span>
      {f.method === 'constant' ? (
        <span className="muted">The price has never moved, so neither does the forecast.</span>
      ) : (
        <dl className="facts">
          {f.members.map((m) => (
            <Member key={m.method} name={m.method} weight={m.weight} />
          ))}
        </dl>
      )}
      {b ? (
        <dl className="facts">
          <dt>Off by, at {b.origins} earlier months</dt>
          <dd className="strong">
            {money(b.mean_error, currency)} / {unit}
          </dd>
          <dt>in per cent (sMAPE)</dt>
          <dd>{share(b.smape, 1)}</dd>
          <dt>“As a year before” was off by</dt>
          <dd>{money(b.seasonal_naive_error, currency)}</dd>
        </dl>
      ) : (
        <span className="muted">Too short to try it out on earlier months; the bands rest on the fit alone.</span>
      )}
      {f.shifts.map((s) => (
        <span key={s.month} className="muted">
          Level change in {month(s.month)}: {signed_share(s.change)}; earlier months were moved to the new level.
        </span>
      ))}
    </div>
  );
}

function Member({ name, weight }: { name: string; weight: number }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{share(weight)} of the weight</dd>
    </>
  );
}
