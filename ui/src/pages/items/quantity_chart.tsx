import { useCallback } from 'react';
import type { QuantityCurve } from '../../api/types';
import { Chart, type Ink } from '../../shared/chart';
import { axis, band, grid, tooltip } from '../../shared/chart_style';
import { money, quantity, to_number } from '../../shared/format';

export function QuantityChart({ curve, currency, unit }: { curve: QuantityCurve; currency: string; unit: string }) {
  const option = useCallback(
    (ink: Ink) => {
      const n = (v: number | string) => to_number(v) ?? 0;
      const points = curve.points.filter((p) => n(p.quantity) > 0);
      const label = { color: ink.faint, fontSize: 11, hideOverlap: true };
      return {
        grid,
        tooltip: tooltip(ink, {
          trigger: 'item',
          formatter: (e: { data: [number, number, number] }) =>
            `About ${quantity(e.data[0])} ${unit}<br/><b>${money(e.data[1], currency)}</b><br/>${quantity(e.data[2])} bids`,
        }),
        xAxis: axis(ink, {
          type: 'log',
          splitLine: { show: false },
          axisLabel: {
            ...label,
            formatter: (v: number) => Intl.NumberFormat(undefined, { notation: 'compact' }).format(v),
          },
        }),
        yAxis: axis(ink, {
          type: 'value',
          min: 0,
          splitNumber: 4,
          axisLabel: { ...label, formatter: (v: number) => money(v, currency, 'compact') },
        }),
        series: [
          ...band(
            'Half',
            ink.band_soft,
            points.map((p) => [String(n(p.quantity)), n(p.q25), n(p.q75)]),
          ),
          {
            type: 'line',
            data: points.map((p) => [n(p.quantity), n(p.median), p.bids]),
            color: ink.accent,
            symbol: 'circle',
            symbolSize: 7,
            lineStyle: { width: 2 },
          },
        ],
      };
    },
    [curve, currency, unit],
  );
  return <Chart height={330} option={option} label="Median price at each quantity" />;
}
