import type { Alert, AlertKind } from '../../api/types';
import { count, money, share, signed_share } from '../../shared/format';

interface Kind {
  label: string;
  /** What its threshold asks for. */
  asks: string;
  unit: 'share' | 'money' | 'days';
  usual: number;
}

export const kinds: Record<AlertKind, Kind> = {
  price_change: { label: 'An item’s price', asks: 'moves in a year by at least', unit: 'share', usual: 25 },
  market_change: { label: 'The market index', asks: 'moves in three months by at least', unit: 'share', usual: 5 },
  supplier_position: { label: 'A supplier', asks: 'is dearer than others by at least', unit: 'share', usual: 33 },
  verdict_excess: {
    label: 'A judged proposal',
    asks: 'is above fair prices by at least',
    unit: 'money',
    usual: 10_000,
  },
  model_coverage: { label: 'The price model’s 90 % interval', asks: 'covers less than', unit: 'share', usual: 88 },
  model_age: { label: 'The price model', asks: 'has seen no price for', unit: 'days', usual: 180 },
  data_age: { label: 'The newest price', asks: 'is older than', unit: 'days', usual: 60 },
};

/** The threshold behind what people type. */
export const kept = (kind: AlertKind, entered: number) => (kinds[kind].unit === 'share' ? entered / 100 : entered);

export function limit_of(kind: AlertKind, threshold: number, currency: string): string {
  const { unit } = kinds[kind];
  if (unit === 'money') return money(threshold, currency);
  return unit === 'days' ? `${count(threshold)} days` : share(threshold, kind === 'model_coverage' ? 1 : 0);
}

/** "12 % dearer than a year before" */
export function happened(a: Pick<Alert, 'kind' | 'value'>, currency: string): string {
  switch (a.kind) {
    case 'price_change':
      return `${signed_share(a.value)} within a year`;
    case 'market_change':
      return `${signed_share(a.value, 1)} within three months`;
    case 'supplier_position':
      return `${share(a.value)} dearer than the median bid`;
    case 'verdict_excess':
      return `${money(a.value, currency)} above fair prices`;
    case 'model_coverage':
      return `its 90 % interval covers ${share(a.value, 1)}`;
    case 'model_age':
      return `knows no price of the last ${count(a.value)} days`;
    default:
      return `is ${count(a.value)} days old`;
  }
}
