// What the people of mix.yml choose.
const { randomUUID } = require('node:crypto');

const words = ['pipe', 'concrete', 'asphalt', 'sign', 'guard', 'seed', 'mix', 'class', 'base', 'paint'];
const any = (list) => list[Math.floor(Math.random() * list.length)];

module.exports = {
  async pickWord(context) {
    context.vars.word = any(words);
  },

  // Ten lines of one bidder, a fifth above the usual price.
  async proposal(request, context) {
    request.json = {
      name: `Load ${randomUUID()}`,
      lines: context.vars.judged.map((item) => ({
        item_id: item.id,
        unit: item.unit,
        quantity: '25',
        prices: [{ supplier: 'Bidder', price: (Number(item.median_price) * 1.2).toFixed(2) }],
      })),
    };
  },

  // A file that nobody has sent before.
  async file(request) {
    const name = randomUUID();
    const rows = Array.from({ length: 20 }, (_, n) => `2024-03-${String(n + 1).padStart(2, '0')},Gravel ${name},t,${10 + n},${8 + (n % 5)}.50,Supplier ${n}`);
    request.body = `date,item,unit,quantity,price,supplier\n${rows.join('\n')}\n`;
  },
};
