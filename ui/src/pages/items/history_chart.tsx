import { useCallback } from 'react';
import type { History } from '../../api/types';
import { Chart, type Ink } from '../../shared/chart';
import { axis, band, grid, time_axis, tooltip } from '../../shared/chart_style';
import { day, money, quantity } from '../../shared/format';
import { IntervalBar } from '../../shared/interval_bar';

/** Bids as dots, the monthly median in its half band, and what the model expects next. */
export function HistoryChart({ history, currency, unit }: { history: History; currency: string; unit: string }) {
  const option = useCallback(
    (ink: Ink) => {
      const prices = history.points
        .map((p) => p[1])
        .filter((v) => v > 0)
        .sort((a, b) => a - b);
      const top = prices[Math.floor((prices.length - 1) * 0.985)] * 1.35; // a few wild bids must not flatten the rest
      const last = history.points.reduce((m, p) => (p[0] > m ? p[0] : m), history.points[0][0]);
      const p = history.prediction;
      const wins = history.points.filter((q) => q[3] === 1);
      const others = history.points.filter((q) => q[3] !== 1);
      const dots = { type: 'scatter', symbolSize: 5, large: history.points.length > 3000, emphasis: { scale: 1.6 } };
      return {
        grid: { ...grid, top: 36, right: 20 },
        legend: {
          data: ['Low bid', 'Other bids', 'Monthly median'],
          left: 0,
          top: 0,
          itemWidth: 10,
          itemHeight: 8,
          textStyle: { color: ink.text, fontSize: 12 },
        },
        tooltip: tooltip(ink, {
          trigger: 'item',
          formatter: (e: { data: [string, number, number] }) =>
            `${day(e.data[0])}<br/><b>${money(e.data[1], currency)} / ${unit}</b>${e.data[2] ? `<br/>${quantity(e.data[2])} ${unit}` : ''}`,
        }),
        dataZoom: [{ type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false }],
        xAxis: time_axis(ink),
        yAxis: axis(ink, {
          type: 'value',
          min: 0,
          max: Number.isFinite(top) ? Number(top.toPrecision(2)) : undefined,
          splitNumber: 4,
          axisLabel: { color: ink.faint, fontSize: 11, formatter: (v: number) => money(v, currency, 'compact') },
        }),
        series: [
          ...band(
            'Half of bids',
            ink.band_soft,
            history.monthly.map((m) => [m.month, m.q25, m.q75]),
          ),
          { ...dots, name: 'Other bids', data: others, itemStyle: { color: ink.faint, opacity: 0.32 } },
          { ...dots, name: 'Low bid', data: wins, itemStyle: { color: ink.fair, opacity: 0.7 } },
          {
            type: 'line',
            name: 'Monthly median',
            symbol: 'none',
            smooth: 0.15,
            data: history.monthly.map((m) => [m.month, m.median]),
            color: ink.accent,
            lineStyle: { width: 2 },
            z: 5,
            silent: true,
          },
          ...(p
            ? [
                {
                  type: 'scatter',
                  name: 'Expected',
                  data: [[last, p.expected, 0]],
                  symbolSize: 10,
                  z: 9,
                  itemStyle: { color: ink.accent, borderColor: ink.card, borderWidth: 2 },
                },
              ]
            : []),
        ],
      };
    },
    [history, currency, unit],
  );
  const p = history.prediction;
  return (
    <>
      <Chart
        height={p ? 290 : 330}
        option={option}
        label={`${history.points.length} bids over time with the monthly median`}
      />
      {p && (
        <div className="row" style={{ marginTop: 10 }}>
          <span className="faint" style={{ whiteSpace: 'nowrap' }}>
            The model expects now
          </span>
          <span className="strong number">{money(p.expected, currency)}</span>
          <span style={{ flex: '1 1 110px', minWidth: 80 }}>
            <IntervalBar interval={p} currency={currency} />
          </span>
          <span className="faint number">
            {money(p.low90, currency)} – {money(p.high90, currency)}
          </span>
        </div>
      )}
    </>
  );
}
