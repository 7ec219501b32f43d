import { useCallback } from 'react';
import type { Forecast, History } from '../../api/types';
import { Chart, type Ink } from '../../shared/chart';
import { axis, band, grid, time_axis, tooltip } from '../../shared/chart_style';
import { day, money, month, quantity, to_number } from '../../shared/format';
import { IntervalBar } from '../../shared/interval_bar';

/** Bids as dots, the monthly median in its half band, what the model expects now, and the coming months as a fan. */
export function HistoryChart({
  history,
  forecast,
  currency,
  unit,
}: {
  history: History;
  forecast?: Forecast;
  currency: string;
  unit: string;
}) {
  const option = useCallback(
    (ink: Ink) => {
      const prices = history.points
        .map((p) => p[1])
        .filter((v) => v > 0)
        .sort((a, b) => a - b);
      const fan = fan_of(history, forecast);
      const ahead = Math.max(0, ...fan.map((f) => f.mean));
      // A few wild bids must not flatten the rest.
      const top = Math.max(prices[Math.floor((prices.length - 1) * 0.985)] * 1.35, ahead * 1.5);
      // biome-ignore lint/complexity/useMathMinMax: these are dates as text
      const last = history.points.reduce((m, p) => (p[0] > m ? p[0] : m), history.points[0][0]);
      const p = history.prediction;
      const wins = history.points.filter((q) => q[3] === 1);
      const others = history.points.filter((q) => q[3] !== 1);
      const dots = { type: 'scatter', symbolSize: 5, large: history.points.length > 3000, emphasis: { scale: 1.6 } };
      return {
        grid: { ...grid, top: 36, right: 20 },
        legend: {
          data: ['Low bid', 'Other bids', 'Monthly median', ...(fan.length ? ['Forecast'] : [])],
          left: 0,
          top: 0,
          itemWidth: 10,
          itemHeight: 8,
          textStyle: { color: ink.text, fontSize: 12 },
        },
        tooltip: tooltip(ink, {
          trigger: 'item',
          formatter: (e: { seriesName: string; data: [string, number, number] }) =>
            e.seriesName === 'Forecast'
              ? forecast_words(fan, e.data[0], currency, unit)
              : `${day(e.data[0])}<br/><b>${money(e.data[1], currency)} / ${unit}</b>${e.data[2] ? `<br/>${quantity(e.data[2])} ${unit}` : ''}`,
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
          ...(fan.length
            ? [
                ...band(
                  '90 % of forecasts',
                  ink.band_soft,
                  fan.map((f) => [f.month, f.low90, f.high90]),
                ),
                ...band(
                  '80 % of forecasts',
                  ink.band,
                  fan.map((f) => [f.month, f.low80, f.high80]),
                ),
                {
                  type: 'line',
                  name: 'Forecast',
                  symbol: 'circle',
                  symbolSize: 5,
                  data: fan.map((f) => [f.month, f.mean, 0]),
                  color: ink.accent,
                  lineStyle: { width: 2, type: 'dashed' },
                  z: 6,
                },
              ]
            : []),
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
    [history, forecast, currency, unit],
  );
  const p = history.prediction;
  return (
    <>
      <Chart
        height={p ? 290 : 330}
        option={option}
        label={`${history.points.length} bids over time with the monthly median${forecast ? ` and the forecast of ${forecast.months.length} months` : ''}`}
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

interface FanMonth {
  month: string;
  mean: number;
  low80: number;
  high80: number;
  low90: number;
  high90: number;
}

/** The fan begins at the newest median, where both bands have no width. */
function fan_of(history: History, forecast: Forecast | undefined): FanMonth[] {
  if (!forecast) return [];
  const n = (v: string) => to_number(v) ?? 0;
  const months = forecast.months.map((m) => ({
    month: m.month,
    mean: n(m.mean),
    low80: n(m.low80),
    high80: n(m.high80),
    low90: n(m.low90),
    high90: n(m.high90),
  }));
  const last = history.monthly.at(-1);
  if (!last) return months;
  const { month, median } = last;
  return [{ month, mean: median, low80: median, high80: median, low90: median, high90: median }, ...months];
}

function forecast_words(fan: FanMonth[], at: string, currency: string, unit: string): string {
  const f = fan.find((m) => m.month === at);
  if (!f) return '';
  return (
    `${month(f.month)}, forecast<br/><b>${money(f.mean, currency)} / ${unit}</b>` +
    `<br/>80 %: ${money(f.low80, currency)} – ${money(f.high80, currency)}` +
    `<br/>90 %: ${money(f.low90, currency)} – ${money(f.high90, currency)}`
  );
}
