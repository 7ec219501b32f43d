/** A small line without axes; the number beside it carries the value. */
export function Sparkline({ values, width = 96, height = 24 }: { values: number[]; width?: number; height?: number }) {
  const good = values.filter((v) => Number.isFinite(v));
  if (good.length < 2) return <span className="faint">–</span>;
  const low = Math.min(...good);
  const reach = Math.max(...good) - low || 1;
  const points = good.map((v, i) => [
    2 + (i / (good.length - 1)) * (width - 5),
    height - 3 - ((v - low) / reach) * (height - 6),
  ]);
  const [x, y] = points[points.length - 1];
  return (
    <svg width={width} height={height} aria-hidden style={{ display: 'block' }}>
      <polyline
        points={points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(' ')}
        fill="none"
        stroke="var(--text-3)"
        strokeWidth="1.4"
        strokeLinejoin="round"
      />
      <circle cx={x} cy={y} r="2.2" fill="var(--accent)" />
    </svg>
  );
}
