import { describe, expect, it } from 'vitest';
import { against_fair, bytes, money, money_per_unit, share, signed_money, signed_share } from './format';

describe('money', () => {
  it('shows cents below a thousand and whole units above', () => {
    expect(money('45.5', 'USD')).toBe('$45.50');
    expect(money('12400.49', 'USD')).toBe('$12,400');
    expect(money('0.0123', 'USD')).toBe('$0.0123');
  });
  it('keeps every digit in full', () => expect(money('12400.4925', 'USD', 'full')).toBe('$12,400.4925'));
  it('names the unit', () => expect(money_per_unit('45.50', 'USD', 'Ft')).toBe('$45.50 / Ft'));
  it('draws a dash for nothing', () => {
    expect(money(null, 'USD')).toBe('–');
    expect(money_per_unit('x', 'USD', 'Ft')).toBe('–');
  });
  it('signs differences with a true minus', () => {
    expect(signed_money('-12', 'USD')).toBe('−$12.00');
    expect(signed_money('12', 'USD')).toBe('+$12.00');
    expect(signed_money('0', 'USD')).toBe('$0.00');
  });
});

describe('shares', () => {
  it('says over, under or at fair', () => {
    expect(against_fair('118', '100')).toBe('+18 % over fair');
    expect(against_fair('750', '100')).toBe('7.5 × fair');
    expect(against_fair('120000', '100')).toBe('1,200 × fair');
    expect(against_fair('88', '100')).toBe('−12 % under fair');
    expect(against_fair('100.2', '100')).toBe('at fair');
    expect(against_fair('100', null)).toBe('no fair price known');
  });
  it('has no signed zero', () => expect(signed_share(-0.001)).toBe('0 %'));
  it('rounds', () => expect(share(0.8996, 1)).toBe('90.0 %'));
});

it('writes sizes', () => {
  expect(bytes(999)).toBe('999 B');
  expect(bytes(1_500_000)).toBe('1.5 MB');
});
