import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { get } from '../../api/client';
import type { Benchmark, Forecast, History, Item, ItemSupplier, List, QuantityCurve } from '../../api/types';
import { useSession } from '../../app/session';
import { count, day, money, money_per_unit, plural, quantity } from '../../shared/format';
import { Await, Bones, Card, Empty, PageHead, Tile, Tiles, Trouble } from '../../shared/furniture';
import { IntervalBar } from '../../shared/interval_bar';
import { Position } from '../../shared/position';
import { ForecastNote } from './forecast_note';
import { HistoryChart } from './history_chart';
import { PricesTable } from './prices_table';
import { QuantityChart } from './quantity_chart';

export function ItemPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const item = useQuery({ queryKey: ['item', id], queryFn: () => get<Item>(`/items/${id}`) });
  const back = { to: '/items', label: 'Items' };
  if (item.error)
    return (
      <>
        <PageHead title="Item" back={back} />
        <Trouble error={item.error} retry={() => item.refetch()} />
      </>
    );
  if (!item.data)
    return (
      <>
        <PageHead title="…" back={back} />
        <Bones rows={10} height={26} />
      </>
    );
  const i = item.data;
  const facts = [
    i.code,
    i.category,
    `per ${i.unit}`,
    i.statistics.first_on && `${day(i.statistics.first_on)} to ${day(i.statistics.last_on)}`,
  ]
    .filter(Boolean)
    .join(' · ');
  return (
    <>
      <PageHead title={i.name} text={facts} back={back} />
      <div className="stack">
        <ItemTiles item={i} />
        <Charts item={i} />
        <div className="grid two">
          <Suppliers id={id} />
          <Fair item={i} />
        </div>
        <Card title="Prices behind this" aside={plural(i.statistics.observations, 'price')} flush>
          <PricesTable id={id} unit={i.unit} />
        </Card>
      </div>
    </>
  );
}

function ItemTiles({ item: i }: { item: Item }) {
  const { currency } = useSession().organization;
  const b = i.benchmark;
  return (
    <Tiles>
      <Tile
        label="Fair today"
        value={b ? money(b.median, currency) : '–'}
        full={b ? money(b.median, currency, 'full') : undefined}
        hint={b ? `per ${i.unit}, at ${quantity(b.quantity)} ${i.unit}` : i.why_no_benchmark}
      />
      <Tile
        label="90 % of prices"
        tone="range"
        value={b ? `${money(b.q05, currency)} – ${money(b.q95, currency)}` : '–'}
        hint={b ? `newest ${day(b.newest_on)}` : 'too little data'}
      />
      <Tile
        label="Bids"
        value={count(i.statistics.bids)}
        hint={b ? `worth ${b.effective_n.toFixed(0)} like-for-like bids` : undefined}
      />
      <Tile label="Suppliers" value={count(i.statistics.suppliers)} />
      <Tile
        label="Spend"
        value={money(i.statistics.spend, currency, 'compact')}
        full={money(i.statistics.spend, currency, 'full')}
      />
    </Tiles>
  );
}

function Charts({ item }: { item: Item }) {
  const id = String(item.id);
  const { currency } = useSession().organization;
  const history = useQuery({ queryKey: ['history', id], queryFn: () => get<History>(`/items/${id}/history`) });
  const forecast = useQuery({
    queryKey: ['forecast', id],
    queryFn: () => get<Forecast>(`/items/${id}/forecast`, { months: 12 }),
    retry: false,
  });
  const curve = useQuery({ queryKey: ['curve', id], queryFn: () => get<QuantityCurve>(`/items/${id}/quantity-curve`) });
  return (
    <div className="grid wide">
      <Card title="Price history" aside={`${currency} / ${item.unit}`}>
        <div style={{ minHeight: 372 }}>
          <Await of={history} rows={8} height={26}>
            {(h) =>
              h.points.length ? (
                <>
                  <HistoryChart history={h} forecast={forecast.data} currency={currency} unit={item.unit} />
                  <ForecastNote forecast={forecast.data} error={forecast.error} currency={currency} unit={item.unit} />
                </>
              ) : (
                <Empty title="No bids yet">Prices appear here as soon as a file with this item is loaded.</Empty>
              )
            }
          </Await>
        </div>
      </Card>
      <Card title="Price by quantity" aside={curve.data ? slope_words(curve.data.slope) : undefined}>
        <div style={{ minHeight: 340 }}>
          <Await of={curve} rows={8} height={26}>
            {(c) =>
              c.points.length > 1 ? (
                <QuantityChart curve={c} currency={currency} unit={item.unit} />
              ) : (
                <Empty title="One size only">Bids at several quantities draw the curve.</Empty>
              )
            }
          </Await>
        </div>
      </Card>
    </div>
  );
}

/** A slope of −0.15 means: twice the quantity, ten per cent less. */
function slope_words(slope: number): string {
  const change = 2 ** slope - 1;
  if (Math.abs(change) < 0.005) return 'quantity hardly matters';
  return `twice the quantity, ${Math.abs(change * 100).toFixed(0)} % ${change < 0 ? 'less' : 'more'}`;
}

function Fair({ item }: { item: Item }) {
  const { currency } = useSession().organization;
  const b: Benchmark | null = item.benchmark;
  return (
    <Card title="Fair price, like for like" aside={b ? `at ${quantity(b.quantity)} ${item.unit}` : undefined}>
      {b ? (
        <>
          <IntervalBar
            interval={{ low90: b.q05, low50: b.q25, expected: b.median, high50: b.q75, high90: b.q95 }}
            currency={currency}
          />
          <dl className="facts" style={{ marginTop: 14 }}>
            <dt>Median</dt>
            <dd className="strong">{money_per_unit(b.median, currency, item.unit)}</dd>
            <dt>Half of the prices</dt>
            <dd>
              {money(b.q25, currency)} – {money(b.q75, currency)}
            </dd>
            <dt>Nine in ten</dt>
            <dd>
              {money(b.q05, currency)} – {money(b.q95, currency)}
            </dd>
            <dt>Adjusted to</dt>
            <dd title={b.as_of}>{day(b.as_of)}</dd>
            {b.note && (
              <>
                <dt>Note</dt>
                <dd>{b.note}</dd>
              </>
            )}
          </dl>
        </>
      ) : (
        <Empty title="Too little data for a fair price">
          {item.why_no_benchmark ?? 'A fair price needs a handful of bids.'}
        </Empty>
      )}
      {item.aliases.length > 0 && (
        <p className="faint" style={{ margin: '14px 0 0' }}>
          Also written: {item.aliases.slice(0, 8).join(' · ')}
        </p>
      )}
    </Card>
  );
}

function Suppliers({ id }: { id: string }) {
  const { currency } = useSession().organization;
  const rows = useQuery({
    queryKey: ['item suppliers', id],
    queryFn: () => get<List<ItemSupplier>>(`/items/${id}/suppliers`),
  });
  return (
    <Card title="Suppliers" aside="most bids first; position against fair" flush>
      <Await of={rows} rows={5}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="No supplier is known for this item" />
          ) : (
            <div className="scroll">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Supplier</th>
                    <th className="right">Bids</th>
                    <th className="right">Range</th>
                    <th className="right">Position</th>
                  </tr>
                </thead>
                <tbody>
                  {[...data]
                    .sort((a, b) => b.bids - a.bids)
                    .slice(0, 10)
                    .map((s) => (
                      <tr key={s.supplier_id}>
                        <td>
                          <Link
                            className="clip"
                            to="/suppliers/$id"
                            params={{ id: String(s.supplier_id) }}
                            title={s.name}
                          >
                            {s.name}
                          </Link>
                        </td>
                        <td className="right muted">{count(s.bids)}</td>
                        <td className="right muted">
                          {money(s.low, currency)} – {money(s.high, currency)}
                        </td>
                        <td className="right">
                          <Position value={s.position} />
                        </td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Await>
    </Card>
  );
}
