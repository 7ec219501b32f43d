import { money, type Numeric, to_number } from './format';
import type { Tone } from './verdict';

export interface Interval {
  low90: Numeric;
  low50?: Numeric;
  expected: Numeric;
  high50?: Numeric;
  high90: Numeric;
}

/** The one picture of an interval: 90 % band, 50 % band, expected as a tick, the quote as a dot. */
export function IntervalBar(p: {
  interval: Interval;
  quote?: Numeric;
  tone?: Tone;
  currency: string;
  width?: number | string;
  /** From, to: bars that are to be compared share one. */
  scale?: readonly [number, number];
}) {
  const low = to_number(p.interval.low90);
  const high = to_number(p.interval.high90);
  const mid = to_number(p.interval.expected);
  if (low === null || high === null || mid === null || high <= 0) return <span className="faint">no fair band</span>;
  const quote = to_number(p.quote);
  const ends = [low, high, ...(quote === null ? [] : [quote]), ...(p.scale ?? [])];
  const from = Math.min(...ends);
  const reach = Math.max(...ends) - from || 1;
  const at = (v: number) => `${4 + (92 * (v - from)) / reach}%`;
  const band = (a: number, b: number) => ({ left: at(a), width: `${(92 * (b - a)) / reach}%` });
  const low50 = to_number(p.interval.low50);
  const high50 = to_number(p.interval.high50);
  const text =
    `90 % band ${money(low, p.currency)} to ${money(high, p.currency)}, expected ${money(mid, p.currency)}` +
    (quote === null ? '' : `, quote ${money(quote, p.currency)}`);
  return (
    <span className="interval" role="img" aria-label={text} title={text} style={{ width: p.width }}>
      <i className="i90" style={band(low, high)} />
      {low50 !== null && high50 !== null && <i className="i50" style={band(low50, high50)} />}
      <i className="mid" style={{ left: at(mid) }} />
      {quote !== null && <i className={`dot ${p.tone ?? 'unknown'}`} style={{ left: at(quote) }} />}
    </span>
  );
}

export function IntervalLegend({ quote = true }: { quote?: boolean }) {
  return (
    <div className="legend" aria-hidden>
      <span>
        <i style={{ background: 'var(--band-soft)' }} /> 90 % band
      </span>
      <span>
        <i style={{ background: 'var(--band)' }} /> 50 % band
      </span>
      <span>
        <i style={{ background: 'var(--accent)', width: 2, height: 12 }} /> Expected
      </span>
      {quote && (
        <span>
          <i style={{ background: 'var(--over)', width: 9, height: 9 }} /> Quote
        </span>
      )}
    </div>
  );
}
