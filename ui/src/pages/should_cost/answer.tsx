import { TriangleAlert } from 'lucide-react';
import type { PartCost, ShouldCost } from '../../api/types';
import { CopyText } from '../../shared/copy_text';
import { count, money, quantity, signed_money, signed_share } from '../../shared/format';
import { Card, Scroll } from '../../shared/furniture';
import { IntervalBar, IntervalLegend } from '../../shared/interval_bar';
import { Waterfall } from '../../shared/waterfall';
import { type Asked, cause, quote_tone, reasons_text, steps_of, together } from './part';

const tone_words = {
  over: 'above what 95 in 100 suppliers would ask',
  fair: 'within the fair band',
  under: 'below what 95 in 100 suppliers would ask',
};

/** The interval, the breaks by quantity, and what makes the cost: base and causes add up to it exactly. */
export function Answer(p: {
  answer: ShouldCost;
  asked: Asked;
  quote: number | null;
  at: number;
  choose: (at: number) => void;
}) {
  const { answer, quote } = p;
  const c = answer.currency;
  const cost = answer.costs[p.at] ?? answer.costs[0];
  const tone = quote === null ? undefined : quote_tone(quote, cost);
  const steps = steps_of(cost, p.asked);
  return (
    <Card
      title={`Should cost at ${pieces(cost.quantity)}`}
      aside={<CopyText label="Copy the reasons" text={() => reasons_text(answer, cost, p.asked, new Date())} />}
    >
      <div className="stack" style={{ gap: 22 }}>
        <div>
          <div className="row" style={{ alignItems: 'baseline', gap: 10 }} aria-live="polite">
            <span className="figure" title={money(cost.cost, c, 'full')} data-testid="should-cost">
              {money(cost.cost, c)}
            </span>
            <span className="muted">a piece</span>
            <span className="muted number" style={{ marginLeft: 'auto' }}>
              {money(cost.low90, c)} – {money(cost.high90, c)}
            </span>
          </div>
          <IntervalBar
            interval={{ ...cost, expected: cost.cost }}
            quote={quote}
            tone={tone}
            currency={c}
            width="100%"
          />
          <IntervalLegend quote={quote !== null} />
          {quote !== null && tone && (
            <p style={{ margin: '10px 0 0' }}>
              <span className={`chip ${tone}`} style={{ paddingLeft: 8 }}>
                {against(quote, cost)}
              </span>{' '}
              <span className="muted">
                The quote of {money(quote, c)} is {tone_words[tone]}; {signed_money(quote - Number(cost.cost), c)} a
                piece.
              </span>
            </p>
          )}
        </div>
        {answer.unknown.length > 0 && (
          <div className="notice" role="status">
            <TriangleAlert size={15} aria-hidden style={{ verticalAlign: '-2px' }} /> The model has never seen{' '}
            <b>{answer.unknown.map(cause).join(', ')}</b>, and cannot judge it. The rest of the part is judged.
          </div>
        )}
        {answer.costs.length > 1 && (
          <Breaks answer={answer} quote={quote} at={answer.costs.indexOf(cost)} choose={p.choose} />
        )}
        <section aria-label="What makes the cost">
          <h3 className="section">What makes the cost, a piece</h3>
          <Waterfall reasons={steps} currency={c} most={40} exact />
          <div className="waterfall total">
            <span>Should cost</span>
            <span />
            <span className="number right" title={cost.cost}>
              {money(together(steps), c, 'full')}
            </span>
          </div>
        </section>
        <p className="faint" style={{ margin: 0 }}>
          Model {answer.model_version}, from the table{' '}
          <span className="mono" title={answer.snapshot}>
            {answer.snapshot.slice(0, 12)}
          </span>
          . The same part gives the same figure again while this version is in use.
        </p>
      </div>
    </Card>
  );
}

function Breaks(p: { answer: ShouldCost; quote: number | null; at: number; choose: (at: number) => void }) {
  const c = p.answer.currency;
  const ends = p.answer.costs.flatMap((cost) => [Number(cost.low90), Number(cost.high90)]);
  const scale = [Math.min(...ends, p.quote ?? ends[0]), Math.max(...ends, p.quote ?? ends[0])] as const;
  return (
    <section>
      <h3 className="section">Breaks by quantity</h3>
      <Scroll label="Breaks by quantity" style={{ margin: '0 -20px' }}>
        <table className="plain">
          <thead>
            <tr>
              <th>Pieces</th>
              <th className="right">A piece</th>
              <th className="right">90 % band</th>
              <th className="spare" style={{ minWidth: 90 }}>
                <span className="visually-hidden">Interval</span>
              </th>
              <th className="right spare">All of them</th>
            </tr>
          </thead>
          <tbody>
            {p.answer.costs.map((cost, i) => (
              <tr key={cost.quantity} aria-current={i === p.at}>
                <td>
                  <button type="button" className="link" aria-pressed={i === p.at} onClick={() => p.choose(i)}>
                    {quantity(cost.quantity)}
                  </button>
                </td>
                <td className="right strong" title={money(cost.cost, c, 'full')}>
                  {money(cost.cost, c)}
                </td>
                <td className="right muted">
                  {money(cost.low90, c)} – {money(cost.high90, c)}
                </td>
                <td className="spare">
                  <IntervalBar
                    interval={{ ...cost, expected: cost.cost }}
                    quote={p.quote}
                    tone={p.quote === null ? undefined : quote_tone(p.quote, cost)}
                    currency={c}
                    scale={scale}
                  />
                </td>
                <td className="right muted spare">{money(Number(cost.cost) * Number(cost.quantity), c)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

const pieces = (q: string) => (Number(q) === 1 ? 'one piece' : `${Number(q) % 1 ? quantity(q) : count(q)} pieces`);

function against(quote: number, cost: PartCost): string {
  const expected = Number(cost.cost);
  if (expected <= 0) return 'no cost to hold it against';
  const ratio = quote / expected - 1;
  if (Math.abs(ratio) < 0.005) return 'as expected';
  return `${signed_share(ratio)} ${ratio > 0 ? 'over' : 'under'}`;
}
