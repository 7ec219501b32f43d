import { useCallback } from 'react';
import type { CalibrationReport, CoverageRow } from '../../api/types';
import { Chart, type Ink } from '../../shared/chart';
import { axis, tooltip } from '../../shared/chart_style';
import { count, share } from '../../shared/format';
import { Card, Empty, Scroll } from '../../shared/furniture';

const promised = { low: 0.88, high: 0.92 };
const tone_of = (coverage: number) =>
  coverage >= promised.low && coverage <= promised.high ? 'fair' : coverage < promised.low ? 'over' : 'under';
const word_of = (coverage: number) =>
  coverage >= promised.low && coverage <= promised.high
    ? 'as promised'
    : coverage < promised.low
      ? 'too narrow'
      : 'wider than needed';

/** A half circle from 70 to 100 %: where the 90 % interval should be, and where it is. */
export function CoverageDial({ coverage }: { coverage: number | null }) {
  const from = 0.7;
  const at = (v: number) => {
    const angle = Math.PI * (1 - (Math.min(1, Math.max(from, v)) - from) / (1 - from));
    return { x: 100 + 80 * Math.cos(angle), y: 96 - 80 * Math.sin(angle) };
  };
  const arc = (a: number, b: number) => {
    const p = at(a);
    const q = at(b);
    return `M ${p.x} ${p.y} A 80 80 0 0 1 ${q.x} ${q.y}`;
  };
  const needle = coverage === null ? null : at(coverage);
  const text =
    coverage === null
      ? 'not measured yet'
      : `${share(coverage, 1)} of bids lie inside the 90 % interval, ${word_of(coverage)}`;
  return (
    <svg viewBox="0 0 200 122" role="img" aria-label={text} style={{ width: 200, maxWidth: '100%', flex: 'none' }}>
      <path d={arc(from, 1)} fill="none" stroke="var(--line)" strokeWidth={12} strokeLinecap="round" />
      <path d={arc(promised.low, promised.high)} fill="none" stroke="var(--fair)" strokeWidth={12} />
      {needle && <circle cx={needle.x} cy={needle.y} r={8} fill="var(--accent)" stroke="var(--card)" strokeWidth={3} />}
      <text x={100} y={88} textAnchor="middle" fontSize={28} fontWeight={600} fill="var(--text)">
        {coverage === null ? '–' : share(coverage, 1)}
      </text>
      <text x={100} y={112} textAnchor="middle" fontSize={12} fill="var(--text-2)">
        {coverage === null ? 'not measured yet' : word_of(coverage)}
      </text>
    </svg>
  );
}

export function Reliability({ report, coverage }: { report: CalibrationReport | null; coverage: number | null }) {
  return (
    <div style={{ display: 'flex', flexWrap: 'wrap', gap: 16, alignItems: 'center', minHeight: 290 }}>
      <div style={{ display: 'grid', justifyItems: 'center', gap: 6 }}>
        <CoverageDial coverage={coverage} />
        <span className="faint">should be 88 to 92 %</span>
      </div>
      <div style={{ flex: '1 1 220px', minWidth: 200 }}>
        {report && report.reliability.length > 0 ? (
          <ReliabilityChart report={report} />
        ) : (
          <Empty title="Not measured yet">It is, a few minutes after a model is trained.</Empty>
        )}
      </div>
    </div>
  );
}

function ReliabilityChart({ report }: { report: CalibrationReport }) {
  const option = useCallback(
    (ink: Ink) => {
      const percent = { color: ink.faint, fontSize: 11, formatter: (v: number) => share(v) };
      const name = { nameTextStyle: { color: ink.faint, fontSize: 11 }, nameLocation: 'middle' as const };
      return {
        grid: { left: 30, right: 12, top: 10, bottom: 22, containLabel: true },
        tooltip: tooltip(ink, {
          trigger: 'item',
          formatter: (e: { data: [number, number] }) =>
            `Should cover ${share(e.data[0])}<br/><b>covers ${share(e.data[1], 1)}</b>`,
        }),
        xAxis: axis(ink, {
          type: 'value',
          min: 0,
          max: 1,
          interval: 0.5,
          axisLabel: percent,
          ...name,
          name: 'interval says',
          nameGap: 26,
        }),
        yAxis: axis(ink, {
          type: 'value',
          min: 0,
          max: 1,
          interval: 0.5,
          axisLabel: percent,
          ...name,
          name: 'covers',
          nameGap: 40,
        }),
        series: [
          {
            type: 'line',
            data: [
              [0, 0],
              [1, 1],
            ],
            symbol: 'none',
            silent: true,
            color: ink.faint,
            lineStyle: { width: 1, type: 'dashed' },
          },
          {
            type: 'line',
            name: 'Covers',
            data: report.reliability.map((p) => [p.nominal, p.observed]),
            color: ink.accent,
            symbol: 'circle',
            symbolSize: 7,
            lineStyle: { width: 2 },
          },
        ],
      };
    },
    [report],
  );
  const words = report.reliability.map((p) => `${share(p.nominal)}: ${share(p.observed, 1)}`).join(', ');
  return <Chart height={280} option={option} label={`Coverage promised and measured: ${words}`} />;
}

export function Coverage({ report }: { report: CalibrationReport }) {
  const parts: [string, CoverageRow[]][] = [
    ['By quantity', report.by_size],
    ['By category', report.by_category],
  ];
  return (
    <Card
      title="Where intervals hold"
      aside={`${count(report.overall.bids)} bids on ${count(report.lines)} lines`}
      flush
    >
      <Scroll label="Coverage by group">
        <table className="plain">
          <thead>
            <tr>
              <th>Group</th>
              <th className="right">Bids</th>
              <th className="right spare">Typical error</th>
              <th className="right spare">50 % covers</th>
              <th className="right">90 % covers</th>
              <th aria-label="Against the promise" />
            </tr>
          </thead>
          <tbody>
            <Row row={{ ...report.overall, name: 'All prices' }} strong />
            {parts.map(
              ([title, rows]) =>
                rows.length > 0 && [
                  <tr key={title}>
                    <td colSpan={6} className="faint">
                      {title}
                    </td>
                  </tr>,
                  ...rows.map((r) => <Row key={title + r.name} row={r} />),
                ],
            )}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}

function Row({ row: r, strong }: { row: CoverageRow; strong?: boolean }) {
  return (
    <tr>
      <td className={strong ? 'strong' : undefined}>{r.name}</td>
      <td className="right muted">{count(r.bids)}</td>
      <td className="right muted spare">{share(r.typical_error, 1)}</td>
      <td className="right muted spare">{share(r.coverage_50)}</td>
      <td className="right strong">{share(r.coverage_90, 1)}</td>
      <td>
        <span className={`chip ${tone_of(r.coverage_90)}`} style={{ paddingLeft: 8 }}>
          {word_of(r.coverage_90)}
        </span>
      </td>
    </tr>
  );
}

export function Importance({ report }: { report: CalibrationReport }) {
  const most = Math.max(...report.importance.map((r) => r.share), 0.01);
  return (
    <Card title="What moves prices" aside="share of all moves">
      {report.importance.length === 0 ? (
        <Empty title="Not measured yet" />
      ) : (
        <div className="stack" style={{ gap: 14 }}>
          {report.importance.map((r) => (
            <div key={r.name}>
              <div className="row" style={{ marginBottom: 5 }}>
                <span>{r.label}</span>
                <span style={{ marginLeft: 'auto' }} className="number strong">
                  {share(r.share)}
                </span>
              </div>
              <div className="bar" aria-hidden>
                <i style={{ width: `${(r.share / most) * 100}%` }} />
              </div>
              <span className="faint">moves a price by {share(r.typical_change, 1)}, up or down</span>
            </div>
          ))}
        </div>
      )}
    </Card>
  );
}
