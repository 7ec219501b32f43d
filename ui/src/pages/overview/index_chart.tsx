import { useCallback } from 'react';
import type { Overview } from '../../api/types';
import { Chart, type Ink } from '../../shared/chart';
import { axis, band, grid, time_axis, tooltip } from '../../shared/chart_style';

/** The own index against the market, with the band the market is known to. */
export function IndexChart({ index }: { index: Overview['index'] }) {
  const option = useCallback(
    (ink: Ink) => {
      const first = index[0];
      const of = (v: number | null, base: number | null) => (v === null || !base ? null : (v / base) * 100);
      const market = index.map((m) => [m.month, of(m.market, first.market)]);
      const own_first = index.find((m) => m.own !== null)?.own ?? null;
      const start = index.find((m) => m.own !== null);
      const own = index.map((m) => [
        m.month,
        of(m.own, own_first) === null ? null : (of(m.own, own_first)! * (start?.market ?? 1)) / first.market,
      ]);
      const line = { type: 'line', symbol: 'none', smooth: 0.15, emphasis: { disabled: true } };
      return {
        grid: { ...grid, top: 36 },
        legend: {
          data: ['Market', 'You'],
          left: 0,
          top: 0,
          itemWidth: 14,
          itemHeight: 2,
          icon: 'rect',
          textStyle: { color: ink.text, fontSize: 12 },
        },
        tooltip: tooltip(ink, {
          trigger: 'axis',
          valueFormatter: (v: unknown) => (typeof v === 'number' ? v.toFixed(1) : '–'),
        }),
        xAxis: time_axis(ink),
        yAxis: axis(ink, { type: 'value', scale: true, splitNumber: 4 }),
        series: [
          ...band(
            'Band',
            ink.band_soft,
            index.map((m) => [m.month, of(m.market_lower, first.market), of(m.market_upper, first.market)]),
          ),
          { ...line, name: 'Market', data: market, color: ink.faint, lineStyle: { width: 1.6, type: [5, 4] } },
          { ...line, name: 'You', data: own, color: ink.accent, lineStyle: { width: 2.2 }, connectNulls: true },
        ],
      };
    },
    [index],
  );
  const last = index[index.length - 1];
  return (
    <Chart
      height={270}
      option={option}
      label={`Price index by month until ${last.month}: market ${last.market.toFixed(2)}, own ${last.own?.toFixed(2) ?? 'unknown'}`}
    />
  );
}
