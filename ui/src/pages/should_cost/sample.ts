/** A workshop's quotes, made up: metal by length and material, bends, nuts, a set-up shared by the quantity. */
export function sample_table(parts = 120): string {
  let seed = 11;
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * n);
  };
  const metals = [
    ['steel', 1],
    ['stainless', 2.4],
    ['brass', 1.7],
  ] as const;
  const out = ['Part,Supplier,Date,Quantity,Length,Diameter,Bends,Material,Finish,Bill,Unit cost'];
  for (let i = 0; i < parts; i += 1) {
    const length = 60 + random(480);
    const diameter = [6, 8, 10, 12, 16][random(5)];
    const bends = random(6);
    const [metal, dear] = metals[random(3)];
    const plated = random(4) === 0;
    const nuts = random(3);
    const supplier = ['Hillside Tubes', 'North Works', 'Ridge Metal'][i % 3];
    const day = `2025-${String(1 + (i % 9)).padStart(2, '0')}-${String(1 + (i % 28)).padStart(2, '0')}`;
    for (const quantity of [1, 10, 100]) {
      const made = 0.0011 * length * diameter * dear + 0.9 * bends + 1.4 * nuts + (plated ? 2.2 : 0) + 38 / quantity;
      const price = made * (0.95 + random(11) / 100) * (i % 3 === 2 ? 1.08 : 1);
      const bill = nuts > 0 ? `NUT-${diameter}*${nuts}` : '';
      out.push(
        [
          `T-${1001 + i}`,
          supplier,
          day,
          quantity,
          length,
          diameter,
          bends,
          metal,
          plated ? 'plated' : 'plain',
          bill,
          price.toFixed(2),
        ].join(','),
      );
    }
  }
  return out.join('\n');
}
