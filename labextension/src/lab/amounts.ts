/** Amounts as short texts in the user's language: counts, and costs in US dollars. */

const COUNT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

/** Short answers cost fractions of a cent. */
const COST = new Intl.NumberFormat(undefined, {
  style: 'currency',
  currency: 'USD',
  currencyDisplay: 'narrowSymbol',
  maximumFractionDigits: 4
});

export function shortNumber(count: number): string {
  return COUNT.format(count);
}

/** Write a cost in US dollars. */
export function shortCost(usd: number): string {
  return COST.format(usd);
}
