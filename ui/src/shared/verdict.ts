import type { Quote, VerdictLine, VerdictName } from '../api/types';
import { plural, to_number } from './format';

/** Over is red, fair is green, under is blue, unknown is grey; the word and the icon say the same. */
export type Tone = 'over' | 'fair' | 'under' | 'unknown';

export const verdict_words: Record<VerdictName, string> = {
  very_high: 'Very high',
  high: 'High',
  fair: 'Fair',
  low: 'Low',
  suspiciously_low: 'Suspiciously low',
  too_little_data: 'Too little data',
};

export const verdict_tones: Record<VerdictName, Tone> = {
  very_high: 'over',
  high: 'over',
  fair: 'fair',
  low: 'under',
  suspiciously_low: 'under',
  too_little_data: 'unknown',
};

export const verdict_order = Object.keys(verdict_words) as VerdictName[];

export function verdict_text(name: VerdictName, bids?: number): string {
  if (name === 'too_little_data' && bids !== undefined) return `Too little data (${plural(bids, 'bid')})`;
  return verdict_words[name] ?? name;
}

/** The quote of a line that costs most above fair; a line without a fair price has its first quote. */
export function worst_quote(line: VerdictLine, supplier?: string): Quote | undefined {
  const quotes = supplier ? line.quotes.filter((q) => q.supplier === supplier) : line.quotes;
  return quotes.reduce<Quote | undefined>(
    (worst, q) => (!worst || excess_of(q) > excess_of(worst) ? q : worst),
    undefined,
  );
}

export function excess_of(quote: Quote | undefined): number {
  return to_number(quote?.excess) ?? Number.NEGATIVE_INFINITY;
}

export function money_found(lines: VerdictLine[], supplier?: string): number {
  return lines.reduce((sum, line) => {
    const quote = worst_quote(line, supplier);
    const over = quote?.verdict === 'high' || quote?.verdict === 'very_high';
    return sum + (over ? Math.max(0, to_number(quote?.excess) ?? 0) : 0);
  }, 0);
}
