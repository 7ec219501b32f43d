/** How numbers, money, dates and shares are written, everywhere the same. */
export type Numeric = string | number | null | undefined;

export function to_number(value: Numeric): number | null {
  if (value === null || value === undefined || value === '') return null;
  const n = Number(value);
  return Number.isFinite(n) ? n : null;
}

const formats = new Map<string, Intl.NumberFormat>();
function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.NumberFormat(undefined, options);
    formats.set(key, found);
  }
  return found;
}

const missing = '–';

/** Sensible digits: cents below a thousand, whole units above, `compact` for tiles. */
export function money(value: Numeric, currency: string, style: 'short' | 'full' | 'compact' = 'short'): string {
  const n = to_number(value);
  if (n === null) return missing;
  const size = Math.abs(n);
  const base: Intl.NumberFormatOptions = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' };
  if (style === 'compact' && size >= 10_000)
    return format({ ...base, notation: 'compact', maximumSignificantDigits: 3 }).format(n);
  if (style === 'full') return format({ ...base, minimumFractionDigits: 2, maximumFractionDigits: 4 }).format(n);
  const digits = size >= 1000 ? 0 : size !== 0 && size < 0.1 ? 4 : 2;
  return format({ ...base, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);
}

export function money_per_unit(value: Numeric, currency: string, unit: string | null | undefined): string {
  const text = money(value, currency);
  return text === missing || !unit ? text : `${text} / ${unit}`;
}

export function signed_money(value: Numeric, currency: string, style: 'short' | 'full' | 'compact' = 'short'): string {
  const n = to_number(value);
  if (n === null) return missing;
  if (n === 0) return money(0, currency, style);
  return `${n > 0 ? '+' : '−'}${money(Math.abs(n), currency, style)}`;
}

export function share(value: Numeric, digits = 0): string {
  const n = to_number(value);
  return n === null ? missing : `${(n * 100).toFixed(digits)} %`;
}

export function signed_share(value: Numeric, digits = 0): string {
  const n = to_number(value);
  if (n === null) return missing;
  const percent = (Math.abs(n) * 100).toFixed(digits);
  if (Number(percent) === 0) return `${percent} %`;
  return `${n > 0 ? '+' : '−'}${percent} %`;
}

/** "+18 % over fair", "−12 % under fair", "at fair", "7.5 × fair". */
export function against_fair(price: Numeric, expected: Numeric): string {
  const p = to_number(price);
  const e = to_number(expected);
  if (p === null || e === null || e <= 0) return 'no fair price known';
  const ratio = p / e - 1;
  if (Math.abs(ratio) < 0.005) return 'at fair';
  if (ratio >= 4) return `${(p / e).toLocaleString('en-US', { maximumFractionDigits: p / e < 20 ? 1 : 0 })} × fair`;
  return `${signed_share(ratio)} ${ratio > 0 ? 'over' : 'under'} fair`;
}

export function count(value: Numeric): string {
  const n = to_number(value);
  return n === null ? missing : format({ maximumFractionDigits: 0 }).format(n);
}

export function quantity(value: Numeric): string {
  const n = to_number(value);
  return n === null ? missing : format({ maximumFractionDigits: Math.abs(n) >= 100 ? 0 : 2 }).format(n);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const steps = ['kB', 'MB', 'GB', 'TB'];
  let n = value;
  let step = -1;
  while (n >= 1000 && step < steps.length - 1) {
    n /= 1000;
    step += 1;
  }
  return `${n < 10 ? n.toFixed(1) : n.toFixed(0)} ${steps[step]}`;
}

/** A plain date is read as that day, in no time zone. */
function date_of(iso: string): Date {
  return iso.length <= 10 ? new Date(`${iso.slice(0, 7)}-${iso.slice(8, 10) || '01'}T12:00:00`) : new Date(iso);
}

export function day(iso: string | null | undefined): string {
  if (!iso) return missing;
  return date_of(iso).toLocaleDateString(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
}

export function month(iso: string | null | undefined): string {
  if (!iso) return missing;
  return date_of(iso).toLocaleDateString(undefined, { year: 'numeric', month: 'short' });
}

export function moment(iso: string | null | undefined): string {
  if (!iso) return missing;
  return date_of(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
