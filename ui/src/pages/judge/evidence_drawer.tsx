import { Drawer } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Verdict, VerdictLine } from '../../api/types';
import { against_fair, day, money, money_per_unit, plural, quantity, share, signed_money } from '../../shared/format';
import { IntervalBar, IntervalLegend } from '../../shared/interval_bar';
import { verdict_tones, worst_quote } from '../../shared/verdict';
import { VerdictChip } from '../../shared/verdict_chip';
import { Waterfall } from '../../shared/waterfall';
import { PricesTable } from '../items/prices_table';

const sources = { model: 'Price model', benchmark: 'Like-for-like percentiles', none: 'No fair price' };

/** Why: the quote in its band, the reasons in money, the bids behind it, the model that said so. */
export function EvidenceDrawer(p: {
  verdict: Verdict;
  line: VerdictLine | undefined;
  bidder?: string;
  close: () => void;
}) {
  const { line, verdict } = p;
  return (
    <Drawer
      opened={!!line}
      onClose={p.close}
      position="right"
      size="min(640px, 100vw)"
      title={<b>Why this verdict</b>}
      closeButtonProps={{ 'aria-label': 'Close the evidence' }}
      transitionProps={{ duration: 140 }}
    >
      {line && <Evidence v={verdict} line={line} bidder={p.bidder} />}
    </Drawer>
  );
}

function Evidence({ v, line, bidder }: { v: Verdict; line: VerdictLine; bidder?: string }) {
  const quote = worst_quote(line, bidder);
  return (
    <div className="stack" style={{ gap: 24 }}>
      <div>
        <h2 style={{ fontSize: 17, margin: '0 0 2px', letterSpacing: '-0.01em' }}>{line.description}</h2>
        <div className="muted">
          Line {line.line} · {quantity(line.quantity)} {line.unit}
          {line.match_score !== null && line.match_score < 1
            ? ` · recognized with ${share(line.match_score)} certainty`
            : ''}
        </div>
      </div>
      <div>
        {quote && (
          <div className="row" style={{ marginBottom: 8 }}>
            <VerdictChip verdict={quote.verdict} bids={line.bids} />
            <span className="strong">{against_fair(quote.price, line.expected)}</span>
            <span className="muted number">{signed_money(quote.excess, v.currency)}</span>
          </div>
        )}
        <IntervalBar
          interval={line}
          quote={quote?.price}
          tone={quote && verdict_tones[quote.verdict]}
          currency={v.currency}
        />
        <IntervalLegend />
        <dl className="facts" style={{ marginTop: 14 }}>
          {quote && (
            <>
              <dt>Quote of {quote.supplier}</dt>
              <dd className="strong">{money_per_unit(quote.price, v.currency, line.unit)}</dd>
            </>
          )}
          <dt>Expected</dt>
          <dd className="strong">{money_per_unit(line.expected, v.currency, line.unit)}</dd>
          <dt>90 % of fair prices</dt>
          <dd>
            {money(line.low90, v.currency)} – {money(line.high90, v.currency)}
          </dd>
          {quote?.tail_probability != null && (
            <>
              <dt>A fair price this far out happens</dt>
              <dd>{tail_words(quote.tail_probability)}</dd>
            </>
          )}
        </dl>
      </div>
      {line.reasons.length > 0 && (
        <section>
          <h3 style={{ fontSize: 14, margin: '0 0 10px' }}>What makes the expected price</h3>
          <Waterfall reasons={line.reasons} currency={v.currency} />
        </section>
      )}
      <section>
        <h3 style={{ fontSize: 14, margin: '0 0 8px' }}>Where it comes from</h3>
        <dl className="facts">
          <dt>Source</dt>
          <dd>
            {sources[line.source]}
            {line.source === 'model' && v.model_version ? ` ${v.model_version}` : ''}
          </dd>
          <dt>Bids behind it</dt>
          <dd>
            {plural(line.bids, 'bid')}
            {line.effective_n != null ? `, worth ${line.effective_n.toFixed(1)} like for like` : ''}
          </dd>
          <dt>Judged for</dt>
          <dd title={v.on}>{day(v.on)}</dd>
        </dl>
        {line.note && (
          <p className="muted" style={{ margin: '8px 0 0' }}>
            {line.note}
          </p>
        )}
      </section>
      {line.item_id !== null && (
        <section>
          <div className="row" style={{ justifyContent: 'space-between', marginBottom: 6 }}>
            <h3 style={{ fontSize: 14, margin: 0 }}>The newest prices</h3>
            <Link className="link" to="/items/$id" params={{ id: String(line.item_id) }}>
              Open the item
            </Link>
          </div>
          <PricesTable id={String(line.item_id)} unit={line.unit} limit={10} />
        </section>
      )}
    </div>
  );
}

function tail_words(p: number): string {
  return p < 0.001
    ? 'less than once in 1,000'
    : p >= 0.2
      ? `${Math.round(p * 100)} times in 100`
      : `once in ${Math.round(1 / p)}`;
}
