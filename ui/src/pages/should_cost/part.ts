/** A part as the form holds it, as the server is asked about it, and as the address keeps it. */
import type { PartCost, PartForm, PartTable, ShouldCost } from '../../api/types';
import { day, money, quantity, signed_money } from '../../shared/format';
import { decimal_of } from '../../shared/paste';

export interface BillRow {
  component: string;
  quantity: string;
}

export interface Described {
  facts: Record<string, string>;
  bill: BillRow[];
  supplier: string;
  quantities: string;
  annual_usage: string;
  minimum_order: string;
  quote: string;
}

export interface Asked {
  facts: { name: string; value: string }[];
  bill: { component: string; quantity: number }[];
  supplier?: string;
  quantities: string[];
  annual_usage?: number;
  minimum_order?: number;
}

export const nothing_said: Described = {
  facts: {},
  bill: [],
  supplier: '',
  quantities: '1, 10, 100',
  annual_usage: '',
  minimum_order: '',
  quote: '',
};

export const quantities_max = 20;
const address_max = 6_000;

/** A model of before forms were kept: its table still says which columns there are. */
export function form_of(form: PartForm | null, table: PartTable | null): PartForm {
  return (
    form ?? {
      terms: ['quantity', 'supplier', 'annual usage', 'minimum order', 'bill'].map((means) => ({
        column: means,
        means,
      })),
      measures: (table?.measures ?? []).map((name) => ({ name, low: 0, usual: 0, high: 0, parts: 0 })),
      labels: (table?.labels ?? []).map((name) => ({ name, values: [], more: true, parts: 0 })),
      components: [],
      suppliers: [],
      example: null,
    }
  );
}

export function example_of(form: PartForm): Described | null {
  const e = form.example;
  return (
    e && {
      ...nothing_said,
      facts: Object.fromEntries(e.facts.map((f) => [f.name, f.value])),
      bill: e.bill.map((b) => ({ component: b.component, quantity: String(b.quantity) })),
      supplier: e.supplier,
      quantities: e.quantities.join(', '),
    }
  );
}

/** "1, 10; 100" → ["1", "10", "100"]; null when one is no quantity above zero, or there are too many. */
export function quantities_of(text: string): string[] | null {
  const all = text.split(/[\s,;]+/).filter(Boolean);
  const read = all.map(decimal_of).filter((q): q is string => q !== null && Number(q) > 0);
  if (read.length !== all.length || read.length === 0 || read.length > quantities_max) return null;
  return [...new Set(read)].sort((a, b) => Number(a) - Number(b));
}

/** What to ask, or what is wrong by the name of the field. */
export function ask_of(d: Described, form: PartForm): { asked?: Asked; wrong: Record<string, string> } {
  const wrong: Record<string, string> = {};
  const measures = new Set(form.measures.map((m) => m.name));
  const number = (text: string, field: string) => {
    const read = decimal_of(text);
    if (read === null) wrong[field] = 'must be a number';
    else if (Number(read) < 0) wrong[field] = 'must not be below zero';
    return Number(read);
  };
  const facts = Object.entries(d.facts)
    .map(([name, value]) => ({ name, value: value.trim() }))
    .filter((f) => f.value !== '')
    .map((f) => {
      if (!measures.has(f.name)) return f;
      const read = decimal_of(f.value);
      if (read === null) wrong[`fact ${f.name}`] = 'must be a number';
      return { name: f.name, value: read ?? '' };
    });
  const bill = d.bill
    .filter((b) => b.component.trim() !== '')
    .map((b, i) => ({
      component: b.component.trim(),
      quantity: b.quantity.trim() === '' ? 1 : number(b.quantity, `bill ${i}`),
    }));
  const quantities = quantities_of(d.quantities);
  if (!quantities) wrong.quantities = `numbers above zero with commas between, at most ${quantities_max}`;
  if (facts.length === 0 && bill.length === 0) wrong.part = 'Say at least one thing about the part.';
  const quote = d.quote.trim() === '' ? null : number(d.quote, 'quote');
  const asked: Asked = { facts, bill, quantities: quantities ?? [] };
  if (d.supplier.trim()) asked.supplier = d.supplier.trim();
  if (d.annual_usage.trim()) asked.annual_usage = number(d.annual_usage, 'annual usage');
  if (d.minimum_order.trim()) asked.minimum_order = number(d.minimum_order, 'minimum order');
  if (quote === 0) wrong.quote ??= 'must be above zero';
  return Object.keys(wrong).length > 0 ? { wrong } : { asked, wrong };
}

/** For the address; undefined when it would grow too long for one. */
export function to_address(d: Described): string | undefined {
  const text = JSON.stringify(d);
  return text.length > address_max ? undefined : text;
}

/** What an address says of a part; null for anything that was not written by to_address. */
export function from_address(text: string | undefined): Described | null {
  if (!text) return null;
  try {
    const read = JSON.parse(text) as Partial<Described> | null;
    if (!read || typeof read !== 'object') return null;
    const word = (v: unknown, none = '') => (typeof v === 'string' || typeof v === 'number' ? String(v) : none);
    const facts = read.facts && typeof read.facts === 'object' ? read.facts : {};
    return {
      facts: Object.fromEntries(Object.entries(facts).map(([k, v]) => [k, word(v)])),
      bill: (Array.isArray(read.bill) ? read.bill : []).map((b) => ({
        component: word(b?.component),
        quantity: word(b?.quantity, '1'),
      })),
      supplier: word(read.supplier),
      quantities: word(read.quantities, nothing_said.quantities),
      annual_usage: word(read.annual_usage),
      minimum_order: word(read.minimum_order),
      quote: word(read.quote),
    };
  } catch {
    return null;
  }
}

const causes: Record<string, string> = {
  quantity: 'Quantity',
  'annual usage': 'Annual usage',
  'minimum order': 'Minimum order',
  'price brackets': 'Price brackets',
  day: 'When it is quoted',
  bill_lines: 'Lines of the bill',
  pieces: 'Pieces in the bill',
  other: 'Smaller causes together',
  'how usual it is': 'How usual the part is',
  'all of it together': 'All of it together',
};

/** "Material=steel" → "Material: steel"; of what is not known to the model. */
export function cause(name: string): string {
  if (causes[name]) return causes[name];
  const at = name.indexOf('=');
  if (at <= 0) return name;
  const column = name.slice(0, at);
  const value = name.slice(at + 1);
  if (column === 'supplier') return value ? `Supplier ${value}` : 'No supplier named';
  if (column === 'component') return `Component ${value}`;
  return `${column}: ${value}`;
}

/** A cause as it concerns this part: "Length 200", or "Material is not steel" of one in brass. */
export function cause_of(name: string, asked: Asked): string {
  const fact = (column: string) => asked.facts.find((f) => f.name === column)?.value;
  const value = fact(name);
  if (value !== undefined) return `${name} ${value}`;
  if (causes[name] && name !== 'other') return causes[name];
  const at = name.indexOf('=');
  if (at <= 0) return `${name} not said`;
  const column = name.slice(0, at);
  const word = name.slice(at + 1);
  if (column === 'component') {
    const line = asked.bill.find((b) => b.component === word);
    return line ? `${quantity(line.quantity)} × ${word}` : `No ${word} in the bill`;
  }
  if (column === 'supplier')
    return word === (asked.supplier ?? '') ? cause(name) : `Supplier is not ${word || 'unknown'}`;
  return fact(column) === word ? `${column}: ${word}` : `${column} is not ${word}`;
}

/**
 * From a usual part to this one, in cents (hundredths of them where a piece costs less than one unit of money). Each step
 * is the difference of two rounded running totals, so that what is shown adds up to the cost to the last digit.
 */
export function steps_of(cost: PartCost, asked: Asked) {
  const scale = Number(cost.cost) < 1 ? 10_000 : 100;
  const last = cost.drivers.length - 1;
  const parts = [
    { name: 'base', label: 'A usual part in the table', money: cost.base },
    ...cost.drivers.map((d, i) => ({
      ...d,
      // A column may be called so too; what is left over comes last.
      label: d.name === 'other' && i === last ? causes.other : cause_of(d.name, asked),
    })),
  ];
  let total = 0;
  let shown = 0;
  return parts.map((p) => {
    total += Number(p.money);
    const step = Math.round(total * scale) - shown;
    shown += step;
    return { ...p, money: step / scale };
  });
}

/** What the steps come to, and so the cost as it is shown beside them. */
export const together = (steps: { money: number }[]) =>
  Math.round(steps.reduce((sum, s) => sum + s.money, 0) * 10_000) / 10_000;

/** The reasons as text that can be sent to a supplier or kept with an order. */
export function reasons_text(answer: ShouldCost, cost: PartCost, asked: Asked, on: Date): string {
  const c = answer.currency;
  const steps = steps_of(cost, asked);
  const [base, ...rest] = steps;
  return [
    `Should cost at ${cost.quantity} pieces: ${money(together(steps), c, 'full')} each`,
    `90 % of quotes: ${money(cost.low90, c, 'full')} to ${money(cost.high90, c, 'full')}`,
    '',
    `${base.label}: ${money(base.money, c, 'full')}`,
    ...rest.map((s) => `${s.label}: ${signed_money(s.money, c, 'full')}`),
    `Together: ${money(together(steps), c, 'full')}`,
    ...(answer.unknown.length > 0 ? ['', `Not known to the model: ${answer.unknown.map(cause).join(', ')}`] : []),
    '',
    `Model ${answer.model_version}, data ${answer.snapshot.slice(0, 12)}, ${day(on.toISOString())}`,
  ].join('\n');
}

/** Where a quote lies in the interval. */
export function quote_tone(quote: number, cost: PartCost): 'over' | 'fair' | 'under' {
  if (quote > Number(cost.high90)) return 'over';
  return quote < Number(cost.low90) ? 'under' : 'fair';
}
