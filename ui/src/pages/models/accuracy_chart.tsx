import { useCallback } from 'react';
import type { VersionAccuracy } from '../../api/types';
import { Chart, type Ink } from '../../shared/chart';
import { axis, grid, tooltip } from '../../shared/chart_style';
import { share } from '../../shared/format';
import { Empty } from '../../shared/furniture';

type Guess = 'ours' | 'estimate' | 'last_price' | 'trailing_median' | 'kernel_median';

const guesses: { key: Guess; name: string; ink: (i: Ink) => string; dash?: string }[] = [
  { key: 'ours', name: 'This model', ink: (i) => i.accent },
  { key: 'estimate', name: 'Own estimate', ink: (i) => i.over },
  { key: 'kernel_median', name: 'Weighted median', ink: (i) => i.fair, dash: 'dashed' },
  { key: 'trailing_median', name: 'Trailing median', ink: (i) => i.unknown, dash: 'dashed' },
  { key: 'last_price', name: 'Last price', ink: (i) => i.faint, dash: 'dotted' },
];

/** Each version beside simpler ways to guess, on the same lines of its own newest year. */
export function AccuracyChart({ versions }: { versions: VersionAccuracy[] }) {
  const measured = versions.filter((v) => v.ours !== null);
  const option = useCallback(
    (ink: Ink, narrow: boolean) => {
      const drawn = guesses.filter((g) => measured.some((v) => v[g.key] !== null));
      return {
        grid: { ...grid, top: narrow ? 76 : 52, right: 20 },
        legend: {
          data: drawn.map((g) => g.name),
          left: 0,
          top: 0,
          itemWidth: 14,
          itemHeight: 8,
          textStyle: { color: ink.text, fontSize: 12 },
        },
        tooltip: tooltip(ink, {
          trigger: 'axis',
          valueFormatter: (v: number | null) => share(v, 1),
        }),
        xAxis: axis(ink, {
          type: 'category',
          data: measured.map((v) => v.version),
          splitLine: { show: false },
        }),
        yAxis: axis(ink, {
          type: 'value',
          min: 0,
          splitNumber: 4,
          axisLabel: { color: ink.faint, fontSize: 11, formatter: (v: number) => share(v) },
        }),
        series: drawn.map((g) => ({
          type: 'line',
          name: g.name,
          data: measured.map((v) => v[g.key]),
          color: g.ink(ink),
          symbol: 'circle',
          symbolSize: g.key === 'ours' ? 8 : 6,
          lineStyle: { width: g.key === 'ours' ? 2.5 : 1.5, type: g.dash ?? 'solid' },
          z: g.key === 'ours' ? 5 : 2,
        })),
      };
    },
    [measured],
  );
  if (measured.length === 0) return <Empty title="No version was measured yet" />;
  return (
    <Chart height={290} option={option} label={`Typical error of ${measured.length} versions against baselines`} />
  );
}
