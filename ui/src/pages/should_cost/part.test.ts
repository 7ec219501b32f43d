import { describe, expect, test } from 'vitest';
import type { PartCost, PartForm, ShouldCost } from '../../api/types';
import {
  ask_of,
  cause,
  example_of,
  form_of,
  from_address,
  nothing_said,
  quantities_of,
  quote_tone,
  reasons_text,
  steps_of,
  to_address,
} from './part';

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
  test('steps add up to the cost', () => {
    expect(steps_of(cost).reduce((sum, s) => sum + Number(s.money), 0)).toBeCloseTo(12.5);
  });
  test('reasons are copied with their sum and where they come from', () => {
    const answer: ShouldCost = {
      model_version: '2026-01-02.1',
      snapshot: 'ab'.repeat(32),
      currency: 'USD',
      costs: [cost],
      unknown: ['Colour=red'],
    };
    const text = reasons_text(answer, cost, new Date('2026-01-03T12:00:00Z'));
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
