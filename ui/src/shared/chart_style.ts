import type { Ink } from './chart';

/** Quiet axes: hairlines across, no ticks, small grey figures. */
export function axis(ink: Ink, more: Record<string, unknown> = {}) {
  return {
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: ink.faint, fontSize: 11, hideOverlap: true },
    splitLine: { lineStyle: { color: ink.line, width: 1, opacity: 0.7 } },
    ...more,
  };
}

export function time_axis(ink: Ink) {
  return axis(ink, { type: 'time', splitLine: { show: false }, splitNumber: 6 });
}

export function tooltip(ink: Ink, more: Record<string, unknown> = {}) {
  return {
    backgroundColor: ink.card,
    borderColor: ink.line,
    textStyle: { color: ink.text, fontSize: 12 },
    padding: [8, 12],
    extraCssText: 'box-shadow: 0 6px 24px rgb(0 0 0 / 12%); border-radius: 8px;',
    confine: true,
    ...more,
  };
}

export const grid = { left: 4, right: 12, top: 14, bottom: 4, containLabel: true };

/** Two stacked series that shade from low to high. */
export function band(name: string, colour: string, rows: [string, number | null, number | null][]) {
  const quiet = {
    type: 'line',
    symbol: 'none',
    lineStyle: { opacity: 0 },
    silent: true,
    z: 1,
    emphasis: { disabled: true },
    tooltip: { show: false },
  };
  return [
    { ...quiet, name: `${name} low`, stack: name, stackStrategy: 'all', data: rows.map(([x, low]) => [x, low]) },
    {
      ...quiet,
      name,
      stack: name,
      stackStrategy: 'all',
      areaStyle: { color: colour, opacity: 1 },
      data: rows.map(([x, low, high]) => [x, low === null || high === null ? null : high - low]),
    },
  ];
}

export function escape_html(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
