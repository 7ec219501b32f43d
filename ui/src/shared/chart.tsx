import { useComputedColorScheme } from '@mantine/core';
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import { useEffect, useRef } from 'react';

export interface Ink {
  text: string;
  faint: string;
  line: string;
  card: string;
  accent: string;
  band: string;
  band_soft: string;
  over: string;
  fair: string;
  under: string;
  unknown: string;
}

function ink_of(element: Element): Ink {
  const style = getComputedStyle(element);
  const v = (name: string) => style.getPropertyValue(name).trim();
  return {
    text: v('--text-2'),
    faint: v('--text-3'),
    line: v('--line'),
    card: v('--card'),
    accent: v('--accent'),
    band: v('--band'),
    band_soft: v('--band-soft'),
    over: v('--over'),
    fair: v('--fair'),
    under: v('--under'),
    unknown: v('--unknown'),
  };
}

/** A chart drawn after the page stands: the library is fetched apart, the place is kept, the words say what it shows. */
export function Chart(p: {
  height: number;
  label: string;
  option: (ink: Ink, narrow: boolean) => EChartsCoreOption;
  on_point?: (event: { data: unknown; seriesName?: string }) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const { option, on_point } = p;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new scheme needs new ink
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let chart: EChartsType | undefined;
    let gone = false;
    const draw = () => chart?.setOption(option(ink_of(element), element.clientWidth < 520), { notMerge: true });
    const observer = new ResizeObserver(() => {
      chart?.resize();
    });
    import('./echarts').then(({ echarts }) => {
      if (gone) return;
      chart = echarts.init(element, undefined, { renderer: 'canvas' });
      draw();
      if (on_point) chart.on('click', (e) => on_point(e as { data: unknown }));
      observer.observe(element);
    });
    return () => {
      gone = true;
      observer.disconnect();
      chart?.dispose();
    };
  }, [option, on_point, scheme]);
  return <div ref={host} className="chart" style={{ height: p.height }} role="img" aria-label={p.label} />;
}
