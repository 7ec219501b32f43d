import { ArrowDown, ArrowUp, ChevronsDown, ChevronsUp, CircleCheck, CircleHelp } from 'lucide-react';
import type { VerdictName } from '../api/types';
import { verdict_text, verdict_tones } from './verdict';

const icons: Record<VerdictName, typeof ArrowUp> = {
  very_high: ChevronsUp,
  high: ArrowUp,
  fair: CircleCheck,
  low: ArrowDown,
  suspiciously_low: ChevronsDown,
  too_little_data: CircleHelp,
};

export function VerdictChip({ verdict, bids }: { verdict: VerdictName; bids?: number }) {
  const Icon = icons[verdict] ?? CircleHelp;
  return (
    <span className={`chip ${verdict_tones[verdict] ?? 'unknown'}`}>
      <Icon size={13} strokeWidth={2.4} aria-hidden />
      {verdict_text(verdict, bids)}
    </span>
  );
}
