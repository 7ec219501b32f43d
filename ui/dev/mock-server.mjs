// Plays pricing-web with made-up data and serves dist/, for work on looks alone: node dev/mock-server.mjs [port]
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const port = Number(process.argv[2] ?? 8090);
const dist = new URL('../dist/', import.meta.url).pathname;
let seed = 7;
const random = () => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
};
const wave = (n) => Array.from({ length: n }, (_, i) => i);
const m = (v) => v.toFixed(2);
const month = (i) => `${2019 + Math.floor(i / 12)}-${String((i % 12) + 1).padStart(2, '0')}-01`;
const names = [
  'Sewer, Cl A, 12 inch, Tr Det B',
  'HMA, 4EML',
  'Concrete Pavement, Nonreinf, 9 inch',
  'Curb and Gutter, Conc, Det F4',
  'Pavt Mrkg, Waterborne, 4 inch, White',
  'Guardrail, Type MGS-8',
  'Excavation, Earth',
  'Aggregate Base, 6 inch',
  'Dr Structure Cover, Type B',
  'Erosion Control, Silt Fence',
  'Sidewalk, Conc, 4 inch',
  'Barricade, Type III, High Intensity',
];
const units = ['Ft', 'Ton', 'Syd', 'Ft', 'Ft', 'Ft', 'Cyd', 'Syd', 'Ea', 'Ft', 'Sft', 'Ea'];
const suppliers = [
  'North Shore Paving',
  'Lakeland Builders',
  'Two Rivers Excavating',
  'Copper Country Concrete',
  'Grand Line Traffic',
];
const items = wave(400).map((i) => {
  const base = 5 + random() * 120;
  return {
    id: i + 1,
    name: i < 12 ? names[i] : `${names[i % 12]}, Modified ${Math.floor(i / 12)}`,
    unit: units[i % 12],
    category: ['Drainage', 'Paving', 'Traffic'][i % 3],
    observations: 40 + Math.floor(random() * 5000),
    suppliers: 3 + Math.floor(random() * 40),
    last_on: '2026-09-04',
    median_price: m(base),
    last_price: m(base * (0.9 + random() * 0.3)),
    spend: m(base * 100000 * random()),
    sparkline: wave(24).map((k) => base * (0.8 + k * 0.01 + random() * 0.1)),
  };
});
const list = (data) => ({ data, next_cursor: null });
const session = {
  user: { id: 1, email: 'admin@example.org', name: 'Administrator' },
  organization: { id: 1, name: 'Demonstration', slug: 'demo', currency: 'USD' },
  role: 'admin',
  permissions: ['*'],
  csrf_token: 'x',
  mfa_setup_needed: false,
};
let signed_in = false;
const index = wave(84).map((i) => ({
  month: month(i),
  market: 1 + i * 0.006 + Math.sin(i / 5) * 0.02,
  market_lower: 0.97 + i * 0.006,
  market_upper: 1.03 + i * 0.0062,
  own: i % 13 === 12 ? null : 1 + i * 0.0052 + Math.cos(i / 4) * 0.025,
}));
const overview = {
  currency: 'USD',
  as_of: '2026-09-04',
  items: 24118,
  suppliers: 1204,
  events: 8122,
  observations: 2391420,
  spend: '18342110422.10',
  uploads_in_progress: 1,
  open_matches: 3,
  open_quarantine: 14,
  spend_by_month: [],
  index,
  top_movers: wave(7).map((i) => ({
    item_id: i + 1,
    name: names[i],
    unit: units[i],
    change: [0.42, 0.31, -0.22, 0.19, -0.16, 0.14, 0.11][i],
    from: '41.20',
    to: '58.50',
    bids: 120,
  })),
  suppliers_off_usual: suppliers.map((name, i) => ({
    supplier_id: i + 1,
    name,
    bids: 320 - i * 40,
    position: [0.18, -0.14, 0.11, -0.09, 0.02][i],
  })),
  model: { version: '3', trained_until: '2026-06-30', coverage: 0.903, mdape_low: 0.238, mdape_estimate: 0.304 },
  latest_findings: [
    {
      verdict_id: 1,
      name: 'M-28 resurfacing, letting 2609',
      created_at: '2026-09-04T10:00:00Z',
      lines: 12,
      excess: '48210.40',
      worst: 'very_high',
    },
    {
      verdict_id: 1,
      name: 'Bridge approach',
      created_at: '2026-08-30T10:00:00Z',
      lines: 88,
      excess: '9120.00',
      worst: 'high',
    },
  ],
};
const verdict = () => {
  const factors = [1.01, 1.32, 0.96, 1.04, 1.8, 0.99, 0.4, 1.08, 1.02, 1.15, 0.93, 1];
  const lines = wave(12).map((i) => {
    const e = Number(items[i].median_price);
    const q = 50 * (i + 1);
    const say = (f) =>
      i === 9 ? 'too_little_data' : f > 1.6 ? 'very_high' : f > 1.25 ? 'high' : f < 0.5 ? 'suspiciously_low' : 'fair';
    return {
      line: i + 1,
      description: names[i],
      unit: units[i],
      quantity: String(q),
      item_id: i + 1,
      match_score: 1,
      expected: m(e),
      low90: m(e * 0.65),
      low50: m(e * 0.86),
      high50: m(e * 1.15),
      high90: m(e * 1.48),
      source: 'model',
      effective_n: 32.5,
      bids: i === 9 ? 3 : 214,
      note: null,
      reasons: [
        { name: 'usual', label: 'Usual price of the item', money: m(e * 0.9), share: 0.9 },
        { name: 'quantity', label: 'Small quantity', money: m(e * 0.16), share: 0.16 },
        { name: 'season', label: 'Season', money: m(-e * 0.06), share: -0.06 },
      ],
      quotes: suppliers.slice(0, 2).map((supplier, k) => {
        const f = factors[(i + k * 5) % 12];
        return {
          supplier,
          price: m(e * f),
          verdict: say(f),
          ratio: f,
          excess: m((f - 1) * e * q),
          tail_probability: 0.021,
        };
      }),
    };
  });
  return {
    id: 1,
    name: 'M-28 resurfacing, letting 2609',
    on: '2026-09-04',
    currency: 'USD',
    model_version: '3',
    model_available: true,
    notice: null,
    bidders: suppliers.slice(0, 2).map((supplier, i) => ({
      supplier,
      supplier_id: i + 1,
      total: m(214000 + i * 18200),
      expected_total: '201000.00',
      low90_total: '182000.00',
      high90_total: '219000.00',
      rank: i + 1,
      excess: m(13000 + i * 18200),
      unbalanced: i
        ? {
            score: 0.3,
            flags: [
              { line: 5, reason: 'Priced 80 % over fair where the quantity is likely to grow', money: '4120.00' },
            ],
            rank_reversal: true,
            note: 'A tenth more of line 5 would cost more than the lead over the other bidder.',
          }
        : { score: 0, flags: [], rank_reversal: false, note: null },
    })),
    lines,
  };
};
const upload = {
  id: 1,
  file_name: 'bids-2024.csv',
  bytes: 5400000,
  state: 'partial',
  kind: 'bid',
  rows_in: 50214,
  loaded: 50012,
  quarantined: 14,
  duplicates: 180,
  awaiting: 8,
  progress: 1,
  error: null,
  quality: {
    score: 96,
    grade: 'A',
    dimensions: [
      { name: 'completeness', weight: 0.3, score: 99, lost_cells: 12, examples: ['row 12: no price'] },
      { name: 'validity', weight: 0.3, score: 93, lost_cells: 2, examples: [] },
    ],
  },
  detected: { format: 'CSV', encoding: 'UTF-8' },
  mapping_id: 1,
  mapping: null,
  created_at: '2026-09-04T10:00:00Z',
  started_at: null,
  finished_at: null,
  allowed_moves: [],
};
const history = () => ({
  points: wave(900).map((i) => [
    month(Math.floor(i / 11)),
    50 * (0.7 + random() * 0.6 + i * 0.0004),
    10 + random() * 900,
    1 + (i % 5),
    1,
    1,
  ]),
  monthly: wave(82).map((i) => ({
    month: month(i),
    low: 30,
    q25: 42 + i * 0.2,
    median: 50 + i * 0.2 + random() * 5,
    q75: 60 + i * 0.2,
    high: 90,
    bids: 11,
  })),
  prediction: { expected: 66, low90: 44, low50: 57, high50: 76, high90: 98 },
});
const benchmark = {
  as_of: '2026-09-04',
  quantity: '120',
  unit: 'Ft',
  currency: 'USD',
  q05: '38.10',
  q25: '47.20',
  median: '56.80',
  q75: '66.10',
  q95: '92.40',
  effective_n: 61.2,
  bids: 814,
  newest_on: '2026-09-04',
  slope: -0.16,
  note: null,
};
const supplier = (i) => ({
  id: i + 1,
  name: suppliers[i % 5],
  bids: 8120 - i * 30,
  wins: 900,
  win_rate: 0.11,
  position: [0.04, -0.06, 0.11, 0, -0.12][i % 5],
  spread: 0.21,
  last_on: '2026-09-04',
});
const routes = [
  ['/auth/me', () => (signed_in ? session : null)],
  [
    '/auth/login',
    () => {
      signed_in = true;
      return session;
    },
  ],
  [
    '/auth/logout',
    () => {
      signed_in = false;
      return {};
    },
  ],
  ['/auth/mfa', () => ({ enabled: false, required: false, recovery_codes_left: 0 })],
  ['/security-policy', () => ({ mfa_required: false })],
  ['/api-keys', () => list([])],
  ['/overview', () => overview],
  ['/items/facets', () => ({ units: [{ value: 'Ft', count: 4000 }], categories: [{ value: 'Paving', count: 1200 }] })],
  [
    /^\/items\/\d+\/prices/,
    () =>
      list(
        wave(30).map((i) => ({
          observed_on: '2026-09-04',
          price: m(50 + i),
          quantity: '120.0000',
          amount: null,
          currency: 'USD',
          kind: 1,
          rank: (i % 4) + 1,
          supplier_id: 1,
          supplier: suppliers[i % 5],
          event_id: 1,
          event: '2609-014',
          upload_id: 1,
          source_row: 1200 + i,
        })),
      ),
  ],
  [/^\/items\/\d+\/history/, history],
  [
    /^\/items\/\d+\/quantity-curve/,
    () => ({
      slope: -0.16,
      reference_quantity: 120,
      points: wave(7).map((i) => ({
        quantity: 10 * 3 ** i,
        median: 90 * 0.85 ** i,
        q25: 75 * 0.85 ** i,
        q75: 110 * 0.85 ** i,
        bids: 40,
      })),
    }),
  ],
  [
    /^\/items\/\d+\/suppliers/,
    () =>
      list(
        wave(5).map((i) => ({
          supplier_id: i + 1,
          name: suppliers[i],
          bids: 40,
          position: [0.2, 0.05, -0.1, 0, 0.31][i],
          low: '40',
          high: '80',
          last_on: '2026-09-04',
        })),
      ),
  ],
  [
    /^\/items\/\d+$/,
    (p) => {
      const i = items[Number(p.split('/')[2]) - 1];
      return {
        ...i,
        code: '4020033',
        aliases: ['SEWER CL A 12 IN'],
        statistics: {
          observations: 4210,
          bids: 3980,
          suppliers: 88,
          first_on: '2014-01-10',
          last_on: '2026-09-04',
          spend: i.spend,
        },
        benchmark,
      };
    },
  ],
  [
    '/items',
    (_p, q) =>
      list(
        items
          .filter((i) => i.name.toLowerCase().includes((q.get('search') ?? '').toLowerCase()))
          .slice(0, Number(q.get('limit') ?? 50)),
      ),
  ],
  [
    /^\/suppliers\/\d+$/,
    () => ({
      ...supplier(0),
      cheap_items: wave(6).map((i) => ({ item_id: i + 1, name: names[i], position: -0.2 + i * 0.02, bids: 30 })),
      dear_items: wave(6).map((i) => ({ item_id: i + 1, name: names[i + 5], position: 0.3 - i * 0.03, bids: 30 })),
      by_year: wave(8).map((i) => ({ year: 2018 + i, bids: 800 + i * 40, wins: 100 + i * 3 })),
    }),
  ],
  ['/suppliers', () => list(wave(60).map(supplier))],
  [/^\/verdicts\/\d+$/, verdict],
  [/^\/verdicts\/(file|text)/, verdict],
  [
    '/verdicts',
    (_p, _q, method) =>
      method === 'POST'
        ? verdict()
        : list([{ id: 1, name: verdict().name, created_at: '2026-09-04T10:00:00Z', total_excess: '48210.40' }]),
  ],
  [
    /^\/uploads\/\d+\/quarantine/,
    () =>
      list(
        wave(3).map((i) => ({
          row_number: 812 + i,
          column: 'price',
          reason: '“n/a” is not a number.',
          raw: ['2024-03-01', names[i], 'n/a'],
          state: 'open',
        })),
      ),
  ],
  [/^\/uploads\/\d+\/quality/, () => upload.quality],
  [
    /^\/uploads\/2\/preview/,
    () => ({
      columns: ['Date', 'Item', 'Unit', 'Qty', 'Price', 'Vendor'],
      rows: wave(5).map((i) => ['2024-03-01', names[i], units[i], '120', '45.50', suppliers[i]]),
      suggestion: {
        columns: {
          observed_on: 'Date',
          item_name: 'Item',
          unit: 'Unit',
          quantity: 'Qty',
          price: 'Price',
          supplier: 'Vendor',
        },
        constants: {},
        date_format: 'YYYY-MM-DD',
      },
      fields: [
        ['observed_on', 'Date', true],
        ['item_name', 'Item', true],
        ['unit', 'Unit', false],
        ['quantity', 'Quantity', false],
        ['price', 'Unit price', true],
        ['supplier', 'Supplier', false],
      ].map(([name, label, required]) => ({ name, label, required, kind: 'text' })),
    }),
  ],
  [
    '/uploads/2',
    () => ({
      ...upload,
      id: 2,
      state: 'mapping',
      rows_in: 0,
      loaded: 0,
      quarantined: 0,
      duplicates: 0,
      awaiting: 0,
      quality: null,
    }),
  ],
  [/^\/uploads\/\d+$/, () => upload],
  [
    '/uploads',
    () => list([upload, { ...upload, id: 2, file_name: 'quotes.xlsx', state: 'processing', progress: 0.42 }]),
  ],
  [
    '/matches',
    () =>
      list(
        wave(3).map((i) => ({
          id: i + 1,
          kind: 'item',
          source_text: 'SEWER CLASS A 12 IN TRENCH DETAIL B',
          unit: 'Ft',
          rows: 14,
          candidates: wave(3).map((k) => ({ id: k + 1, name: names[k], score: 0.91 - k * 0.1 })),
          state: 'pending',
          chosen_id: null,
          decided_at: null,
        })),
      ),
  ],
  [
    '/models/current',
    () => ({
      version: '3',
      trained_until: '2026-06-30',
      metrics: { coverage: 0.903, mdape_low: 0.238 },
      table: [
        {
          measure: 'Typical error against the low bid',
          ours: 0.238,
          estimate: 0.304,
          trailing_median: 0.268,
          kernel_median: 0.253,
        },
      ],
    }),
  ],
  ['/served-models', () => list([])],
  [
    '/models',
    () =>
      list([
        {
          id: 3,
          version: '3',
          state: 'promoted',
          trained_until: '2026-06-30',
          metrics: {},
          created_at: '2026-09-04T10:00:00Z',
          promoted_at: null,
        },
      ]),
  ],
  [
    '/users',
    () =>
      list([
        {
          id: 1,
          email: 'admin@example.org',
          name: 'Administrator',
          role: 'admin',
          created_at: '2026-01-04T10:00:00Z',
          disabled: false,
        },
      ]),
  ],
  ['/audit', () => list([])],
];
const types = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html' };

createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const send = (status, body) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (url.pathname.startsWith('/api/v1')) {
    const path = url.pathname.slice(7);
    const found = routes.find(([p]) => (typeof p === 'string' ? p === path : p.test(path)));
    const body = found?.[1](path, url.searchParams, request.method);
    return body
      ? send(200, body)
      : send(found ? 401 : 404, { code: 'none', message: 'Not here.', details: [], request_id: 'r-1' });
  }
  const path = extname(url.pathname) ? normalize(url.pathname) : 'index.html';
  try {
    const body = readFileSync(join(dist, path));
    response
      .writeHead(200, {
        'content-type': types[extname(path)] ?? 'application/octet-stream',
        'content-security-policy':
          "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; object-src 'none'",
      })
      .end(body);
  } catch {
    response.writeHead(404).end();
  }
}).listen(port, '127.0.0.1');
