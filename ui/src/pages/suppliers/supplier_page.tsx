import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useCallback } from 'react';
import { get } from '../../api/client';
import type { Supplier, SupplierItem } from '../../api/types';
import { Chart, type Ink } from '../../shared/chart';
import { axis, grid, tooltip } from '../../shared/chart_style';
import { count, day, share, signed_share } from '../../shared/format';
import { Bones, Card, Empty, PageHead, Tile, Tiles, Trouble } from '../../shared/furniture';
import { Position } from '../../shared/position';

export function SupplierPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const supplier = useQuery({ queryKey: ['supplier', id], queryFn: () => get<Supplier>(`/suppliers/${id}`) });
  const back = { to: '/suppliers', label: 'Suppliers' };
  if (supplier.error)
    return (
      <>
        <PageHead title="Supplier" back={back} />
        <Trouble error={supplier.error} retry={() => supplier.refetch()} />
      </>
    );
  if (!supplier.data)
    return (
      <>
        <PageHead title="…" back={back} />
        <Bones rows={8} height={26} />
      </>
    );
  const s = supplier.data;
  return (
    <>
      <PageHead title={s.name} back={back} text={s.last_on ? `Last bid ${day(s.last_on)}` : undefined} />
      <div className="stack">
        <Tiles>
          <Tile label="Against fair" value={signed_share(s.position, 1)} hint="mean of all bids" />
          <Tile label="Lowest bidder" value={share(s.win_rate)} hint={`${count(s.wins)} of ${count(s.bids)} bids`} />
          <Tile label="Spread" value={s.spread === null ? '–' : `± ${share(s.spread)}`} hint="how much bids vary" />
          <Tile label="Bids" value={count(s.bids)} />
        </Tiles>
        <Card title="Bids by year">
          <Years years={s.by_year} />
        </Card>
        <div className="grid two">
          <Card title="Where cheap" aside="below fair" flush>
            <Items rows={s.cheap_items} />
          </Card>
          <Card title="Where dear" aside="above fair" flush>
            <Items rows={s.dear_items} />
          </Card>
        </div>
      </div>
    </>
  );
}

function Items({ rows }: { rows: SupplierItem[] }) {
  if (rows.length === 0) return <Empty title="Nothing stands out">An item needs several bids to be compared.</Empty>;
  return (
    <div className="scroll">
      <table className="plain">
        <thead>
          <tr>
            <th>Item</th>
            <th className="right">Bids</th>
            <th className="right">Position</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 10).map((i) => (
            <tr key={i.item_id}>
              <td>
                <Link className="clip" to="/items/$id" params={{ id: String(i.item_id) }} title={i.name}>
                  {i.name}
                </Link>
              </td>
              <td className="right muted">{count(i.bids)}</td>
              <td className="right">
                <Position value={i.position} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Years({ years }: { years: Supplier['by_year'] }) {
  const option = useCallback(
    (ink: Ink) => {
      const bar = { type: 'bar', stack: 'bids', barMaxWidth: 34 };
      return {
        grid: { ...grid, top: 36 },
        legend: { left: 0, top: 0, itemWidth: 10, itemHeight: 8, textStyle: { color: ink.text, fontSize: 12 } },
        tooltip: tooltip(ink, { trigger: 'axis' }),
        xAxis: axis(ink, { type: 'category', data: years.map((y) => String(y.year)), splitLine: { show: false } }),
        yAxis: axis(ink, { type: 'value', splitNumber: 3 }),
        series: [
          { ...bar, name: 'Lowest', data: years.map((y) => y.wins), color: ink.accent },
          {
            ...bar,
            name: 'Other bids',
            data: years.map((y) => y.bids - y.wins),
            color: ink.band_soft,
            itemStyle: { borderRadius: [3, 3, 0, 0] },
          },
        ],
      };
    },
    [years],
  );
  return <Chart height={220} option={option} label="Bids and lowest bids by year" />;
}
