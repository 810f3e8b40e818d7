// JSON of `size` orders read, grouped by customer, and written sorted.
import { digest, seeded, times } from './seeded.mjs';

const byCents = (a, b) => b.cents - a.cents || (a.customer < b.customer ? -1 : 1);

export function handler({ seed, size }) {
  const random = seeded(seed);
  const orders = times(size, () => ({
    customer: `c${random(50)}`,
    cents: random(100_000),
    open: random(2) === 1,
  }));
  const sums = new Map();
  for (const { customer, cents, open } of JSON.parse(JSON.stringify(orders))) {
    if (!open) continue;
    const one = sums.get(customer) ?? { customer, orders: 0, cents: 0 };
    sums.set(customer, { customer, orders: one.orders + 1, cents: one.cents + cents });
  }
  const told = [...sums.values()];
  told.sort(byCents);
  return { customers: told.length, digest: digest(JSON.stringify(told)) };
}
