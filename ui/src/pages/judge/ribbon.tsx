import type { Bidder, Verdict } from '../../api/types';
import { against_fair, money, signed_money, to_number } from '../../shared/format';
import { Card, Scroll, Tile, Tiles } from '../../shared/furniture';
import { IntervalBar } from '../../shared/interval_bar';
import { money_found, type Tone } from '../../shared/verdict';

export function total_tone(b: Bidder): Tone {
  const total = to_number(b.total);
  const low = to_number(b.low90_total);
  const high = to_number(b.high90_total);
  if (total === null || low === null || high === null) return 'unknown';
  return total > high ? 'over' : total < low ? 'under' : 'fair';
}

const total_words: Record<Tone, string> = {
  over: 'above the fair band',
  under: 'below the fair band',
  fair: 'inside the fair band',
  unknown: 'no fair band known',
};

/** The whole proposal at a glance: the best bidder against fair, and every bidder in rank order. */
export function Ribbon({ verdict: v }: { verdict: Verdict }) {
  const ranked = [...v.bidders].sort((a, b) => a.rank - b.rank);
  const best = ranked[0];
  if (!best) return null;
  const found = money_found(v.lines, best.supplier);
  const high = v.lines.filter((l) =>
    l.quotes.some((q) => q.supplier === best.supplier && (q.verdict === 'high' || q.verdict === 'very_high')),
  ).length;
  return (
    <>
      <Tiles>
        <Tile
          label={ranked.length > 1 ? `Lowest bidder, ${best.supplier}` : `Total, ${best.supplier}`}
          value={money(best.total, v.currency)}
          full={money(best.total, v.currency, 'full')}
          hint={total_words[total_tone(best)]}
        />
        <Tile
          label="Against fair"
          value={against_fair(best.total, best.expected_total)}
          tone={total_tone(best)}
          hint={`${signed_money(best.excess, v.currency)} on ${money(best.expected_total, v.currency)}`}
        />
        <Tile
          label="To negotiate"
          value={money(found, v.currency)}
          full={money(found, v.currency, 'full')}
          hint={`${high} of ${v.lines.length} lines high or very high`}
        />
      </Tiles>
      <Card title="Bidders" aside="total against the fair band" flush>
        <Scroll label="Bidders">
          <table className="plain">
            <thead>
              <tr>
                <th>Rank</th>
                <th>Bidder</th>
                <th className="right">Total</th>
                <th style={{ minWidth: 160, width: '30%' }}>Fair band</th>
                <th className="right">Against fair</th>
                <th className="right">Excess</th>
              </tr>
            </thead>
            <tbody>
              {ranked.map((b) => (
                <tr key={b.supplier}>
                  <td className="number">{b.rank}</td>
                  <td className="strong">
                    <span className="clip" style={{ maxWidth: 240 }}>
                      {b.supplier}
                    </span>
                  </td>
                  <td className="right strong" title={money(b.total, v.currency, 'full')}>
                    {money(b.total, v.currency)}
                  </td>
                  <td style={{ minWidth: 240 }}>
                    <IntervalBar
                      interval={{ low90: b.low90_total, expected: b.expected_total, high90: b.high90_total }}
                      quote={b.total}
                      tone={total_tone(b)}
                      currency={v.currency}
                    />
                  </td>
                  <td className="right">{against_fair(b.total, b.expected_total)}</td>
                  <td className="right muted" title={money(b.excess, v.currency, 'full')}>
                    {signed_money(b.excess, v.currency)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </Card>
    </>
  );
}
