import { signed_share } from './format';

/** How far above or below fair, with a small bar from the middle. */
export function Position({ value }: { value: number | null }) {
  if (value === null || value === undefined) return <span className="faint">–</span>;
  const reach = Math.min(Math.abs(value) / 0.4, 1) * 24;
  const tone = Math.abs(value) < 0.03 ? 'unknown' : value > 0 ? 'over' : 'under';
  const words = Math.abs(value) < 0.005 ? 'at fair' : `${signed_share(value, 1)} ${value > 0 ? 'above' : 'below'} fair`;
  return (
    <span style={{ display: 'inline-flex', gap: 10, alignItems: 'center' }} title={words}>
      <svg width="52" height="10" aria-hidden>
        <line x1="26" x2="26" y1="0" y2="10" stroke="var(--line)" />
        <rect x={value > 0 ? 26 : 26 - reach} y="2" width={reach} height="6" rx="2" fill={`var(--${tone})`} />
      </svg>
      <span className="number" style={{ minWidth: 52, textAlign: 'right' }}>
        {signed_share(value)}
      </span>
    </span>
  );
}
