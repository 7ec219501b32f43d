import { describe, expect, test } from 'vitest';
import type { PartCost, PartForm, ShouldCost } from '../../api/types';
import {
  type Asked,
  ask_of,
  cause,
  cause_of,
  example_of,
  form_of,
  from_address,
  nothing_said,
  quantities_of,
  quote_tone,
  reasons_text,
  steps_of,
  to_address,
  together,
} from './part';
import { sample_table } from './sample';

const form: PartForm = {
  terms: [{ column: 'Part', means: 'part' }],
  measures: [{ name: 'Length', low: 50, usual: 200, high: 450, parts: 9 }],
  labels: [{ name: 'Material', values: [{ value: 'steel', parts: 5 }], more: false, parts: 9 }],
  components: [{ value: 'NUT', parts: 3 }],
  suppliers: [],
  example: {
    part: 'P-1',
    supplier: 'S-1',
    facts: [{ name: 'Length', value: '120' }],
    bill: [{ component: 'NUT', quantity: 2 }],
    quantities: [1, 10],
  },
};
const asked: Asked = {
  facts: [
    { name: 'Length', value: '200' },
    { name: 'Material', value: 'steel' },
  ],
  bill: [{ component: 'NUT', quantity: 2 }],
  quantities: ['10'],
};
const cost: PartCost = {
  quantity: '10',
  cost: '12.5',
  low90: '10',
  low50: '11.5',
  high50: '13.5',
  high90: '15',
  base: '9',
  drivers: [
    { name: 'Material=steel', money: '4' },
    { name: 'quantity', money: '-0.5' },
  ],
};

describe('what is asked', () => {
  test('quantities are numbers above zero, once each, ascending', () => {
    expect(quantities_of('100; 1, 10 10')).toEqual(['1', '10', '100']);
    expect(quantities_of('1, none')).toBeNull();
    expect(quantities_of('0')).toBeNull();
    expect(quantities_of(' ')).toBeNull();
    expect(quantities_of(Array.from({ length: 21 }, (_, i) => i + 1).join(','))).toBeNull();
  });
  test('an example becomes a request', () => {
    const example = example_of(form);
    expect(example && ask_of(example, form).asked).toEqual({
      facts: [{ name: 'Length', value: '120' }],
      bill: [{ component: 'NUT', quantity: 2 }],
      supplier: 'S-1',
      quantities: ['1', '10'],
    });
  });
  test('what is wrong is said by field', () => {
    const said = { ...nothing_said, facts: { Length: 'long', Material: '5' }, quantities: '-1', quote: 'dear' };
    expect(ask_of(said, form)).toEqual({
      wrong: {
        'fact Length': 'must be a number',
        quantities: 'numbers above zero with commas between, at most 20',
        quote: 'must be a number',
      },
    });
    expect(ask_of(nothing_said, form).wrong.part).toBeDefined();
  });
  test('an older model asks for the columns of its table', () => {
    const made = form_of(null, { measures: ['Length'], labels: ['Material'] } as never);
    expect(made.measures[0].name).toBe('Length');
    expect(made.labels[0].name).toBe('Material');
  });
});

describe('the address', () => {
  test('keeps a part', () => {
    const said = { ...nothing_said, facts: { Length: '12' }, quote: '4' };
    expect(from_address(to_address(said))).toEqual(said);
  });
  test('takes no rubbish', () => {
    expect(from_address('{"facts":')).toBeNull();
    expect(from_address('7')).toBeNull();
    expect(from_address('null')).toBeNull();
    expect(from_address('{"facts":{"a":{}},"bill":[null,7],"quantities":[]}')?.facts).toEqual({ a: '' });
    expect(to_address({ ...nothing_said, supplier: 'x'.repeat(10_000) })).toBeUndefined();
  });
});

describe('the answer', () => {
  test('causes read as words', () => {
    expect(cause('Material=steel')).toBe('Material: steel');
    expect(cause('component=NUT')).toBe('Component NUT');
    expect(cause('supplier=')).toBe('No supplier named');
    expect(cause('other')).toBe('Smaller causes together');
  });
  test('a cause says what the part is, or is not', () => {
    expect(cause_of('Length', asked)).toBe('Length 200');
    expect(cause_of('Width', asked)).toBe('Width not said');
    expect(cause_of('Material=steel', asked)).toBe('Material: steel');
    expect(cause_of('Material=brass', asked)).toBe('Material is not brass');
    expect(cause_of('component=NUT', asked)).toBe('2 × NUT');
    expect(cause_of('component=CAP', asked)).toBe('No CAP in the bill');
    expect(cause_of('supplier=S-1', asked)).toBe('Supplier is not S-1');
    expect(cause_of('supplier=', asked)).toBe('No supplier named');
    expect(cause_of('day', asked)).toBe('When it is quoted');
  });
  test('a column called “other” is not what is left over', () => {
    const drivers = [...cost.drivers, { name: 'other', money: '0.7' }, { name: 'other', money: '-0.7' }];
    const labels = steps_of({ ...cost, drivers }, asked).map((s) => s.label);
    expect(labels.slice(-2)).toEqual(['other not said', 'Smaller causes together']);
    const named = { ...asked, facts: [{ name: 'other', value: '3' }] };
    expect(steps_of({ ...cost, drivers }, named).at(-2)?.label).toBe('other 3');
  });
  test('steps as shown add up to the cost as shown', () => {
    const thirds = [1, 2, 3].map((n) => ({ name: `m${n}`, money: '1.333333' }));
    const steps = steps_of({ ...cost, base: '8.405001', cost: '12.405', drivers: thirds }, asked);
    expect(steps.every((s) => Number.isInteger(Math.round(s.money * 1e6) / 1e4))).toBe(true);
    expect(together(steps)).toBe(12.41);
    const cheap = steps_of(
      { ...cost, base: '0.02', cost: '0.03337', drivers: [{ name: 'm', money: '0.01337' }] },
      asked,
    );
    expect(together(cheap)).toBe(0.0334);
  });
  test('the sample is a table of quotes with everything a table may have', () => {
    const rows = sample_table(20).split('\n');
    expect(rows).toHaveLength(61);
    expect(rows.every((r) => r.split(',').length === 11)).toBe(true);
  });
  test('reasons are copied with their sum and where they come from', () => {
    const answer: ShouldCost = {
      model_version: '2026-01-02.1',
      snapshot: 'ab'.repeat(32),
      currency: 'USD',
      costs: [cost],
      unknown: ['Colour=red'],
    };
    const text = reasons_text(answer, cost, asked, new Date('2026-01-03T12:00:00Z'));
    expect(text).toContain('Material: steel: +$4.00');
    expect(text).toContain('Together: $12.50');
    expect(text).toContain('Not known to the model: Colour: red');
    expect(text).toContain('Model 2026-01-02.1, data abababababab');
  });
  test('a quote is judged by the 90 % band', () => {
    expect(quote_tone(16, cost)).toBe('over');
    expect(quote_tone(15, cost)).toBe('fair');
    expect(quote_tone(9, cost)).toBe('under');
  });
});
