/** Shapes of the REST API. Money and quantities are decimal strings; shares are numbers (0.18 = 18 %). */
export type Money = string;

export interface List<T> {
  data: T[];
  next_cursor: string | null;
}

export interface Session {
  user: { id: number; email: string; name: string };
  organization: { id: number; name: string; slug: string; currency: string };
  role: string;
  permissions: string[];
  csrf_token: string;
}

export interface Overview {
  currency: string;
  as_of: string;
  items: number;
  suppliers: number;
  events: number;
  observations: number;
  spend: Money;
  uploads_in_progress: number;
  open_matches: number;
  open_quarantine: number;
  spend_by_month: { month: string; spend: Money }[];
  index: {
    month: string;
    market: number;
    market_lower: number | null;
    market_upper: number | null;
    own: number | null;
  }[];
  top_movers: {
    item_id: number;
    name: string;
    unit: string;
    change: number;
    from: Money;
    to: Money;
    bids: number;
  }[];
  suppliers_off_usual: { supplier_id: number; name: string; bids: number; position: number }[];
  model: {
    version: string;
    trained_until: string;
    coverage: number | null;
    mdape_low: number | null;
    mdape_estimate: number | null;
  } | null;
  latest_findings: {
    verdict_id: number;
    name: string;
    created_at: string;
    lines: number;
    excess: Money;
    worst: string;
  }[];
}

export interface ItemRow {
  id: number;
  name: string;
  unit: string;
  category: string | null;
  observations: number;
  suppliers: number;
  last_on: string | null;
  median_price: Money | null;
  last_price: Money | null;
  spend: Money | null;
  sparkline: number[];
}

export interface Facet {
  value: string;
  count: number;
}

export interface Benchmark {
  as_of: string;
  quantity: Money;
  unit: string;
  currency: string;
  q05: Money;
  q25: Money;
  median: Money;
  q75: Money;
  q95: Money;
  effective_n: number;
  bids: number;
  newest_on: string;
  slope: number;
  note: string | null;
}

export interface Item {
  id: number;
  name: string;
  unit: string;
  category: string | null;
  code: string | null;
  aliases: string[];
  statistics: {
    observations: number;
    bids: number;
    suppliers: number;
    first_on: string | null;
    last_on: string | null;
    spend: Money | null;
  };
  benchmark: Benchmark | null;
  why_no_benchmark?: string | null;
}

export interface PriceRow {
  observed_on: string;
  price: Money;
  quantity: Money | null;
  amount: Money | null;
  currency: string;
  kind: string | number;
  rank: number | null;
  supplier_id: number | null;
  supplier: string | null;
  event_id: number | null;
  event: string | null;
  upload_id: number | null;
  source_row: number | null;
}

export interface History {
  /** date, price, quantity, rank, supplier_id, event_id */
  points: [string, number, number, number | null, number | null, number | null][];
  monthly: { month: string; low: number; q25: number; median: number; q75: number; high: number; bids: number }[];
  prediction: { expected: number; low90: number; low50: number; high50: number; high90: number } | null;
}

export interface QuantityCurve {
  slope: number;
  reference_quantity: number | string;
  points: {
    quantity: number | string;
    median: number | string;
    q25: number | string;
    q75: number | string;
    bids: number;
  }[];
}

export interface ItemSupplier {
  supplier_id: number;
  name: string;
  bids: number;
  position: number | null;
  low: Money;
  high: Money;
  last_on: string;
}

export interface SupplierRow {
  id: number;
  name: string;
  bids: number;
  wins: number;
  win_rate: number | null;
  position: number | null;
  spread: number | null;
  last_on: string | null;
}

export interface SupplierItem {
  item_id: number;
  name: string;
  position: number;
  bids: number;
}

export interface Supplier extends SupplierRow {
  cheap_items: SupplierItem[];
  dear_items: SupplierItem[];
  by_year: { year: number; bids: number; wins: number }[];
}

export interface Mapping {
  name?: string;
  columns: Record<string, string>;
  constants: Record<string, string>;
  date_format?: string;
  decimal_mark?: string;
  kind?: string;
  estimate_suppliers?: string[];
  unpriced_units?: string[];
}

export type UploadState =
  | 'pending'
  | 'validating'
  | 'mapping'
  | 'ready'
  | 'processing'
  | 'completed'
  | 'partial'
  | 'failed';

export interface Quality {
  score: number;
  grade: string;
  dimensions: { name: string; weight: number; score: number; lost_cells: number; examples: string[] }[];
}

export interface Upload {
  id: number;
  file_name: string;
  bytes: number;
  state: UploadState;
  kind: string | null;
  rows_in: number;
  loaded: number;
  quarantined: number;
  duplicates: number;
  awaiting: number;
  progress: number;
  error: string | null;
  quality: Quality | null;
  detected: { format?: string; delimiter?: string; encoding?: string; header_row?: number } | null;
  mapping_id: number | null;
  mapping: Mapping | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  allowed_moves: string[];
}

export interface Preview {
  columns: string[];
  rows: string[][];
  suggestion: Mapping;
  fields: { name: string; label: string; required: boolean; kind: string }[];
}

export interface QuarantinedRow {
  row_number: number;
  column: string | null;
  reason: string;
  raw: string[];
  state: 'open' | 'fixed' | 'dismissed';
}

export interface Match {
  id: number;
  kind: 'item' | 'supplier';
  source_text: string;
  unit: string | null;
  rows: number;
  candidates: { id: number; name: string; score: number }[];
  state: string;
  chosen_id: number | null;
  decided_at: string | null;
}

export type VerdictName = 'fair' | 'high' | 'very_high' | 'low' | 'suspiciously_low' | 'too_little_data';

export interface Reason {
  name: string;
  label: string;
  money: Money | null;
  share: number | null;
}

export interface Quote {
  supplier: string;
  price: Money;
  verdict: VerdictName;
  ratio: number | null;
  excess: Money | null;
  tail_probability: number | null;
}

export interface VerdictLine {
  line: number | string;
  description: string;
  unit: string;
  quantity: Money;
  item_id: number | null;
  match_score: number | null;
  expected: Money | null;
  low90: Money | null;
  low50: Money | null;
  high50: Money | null;
  high90: Money | null;
  source: 'model' | 'benchmark' | 'none';
  effective_n: number | null;
  bids: number;
  note: string | null;
  reasons: Reason[];
  quotes: Quote[];
}

export interface Bidder {
  supplier: string;
  supplier_id: number | null;
  total: Money;
  expected_total: Money | null;
  low90_total: Money | null;
  high90_total: Money | null;
  rank: number;
  excess: Money | null;
  unbalanced: {
    score: number | null;
    flags: { line: number | string; reason: string; money: Money | null }[];
    rank_reversal: boolean;
    note: string | null;
  } | null;
}

export interface Verdict {
  id: number;
  name: string;
  on: string;
  currency: string;
  model_version: string | null;
  model_available: boolean;
  notice: string | null;
  bidders: Bidder[];
  lines: VerdictLine[];
}

export interface VerdictRow {
  id: number;
  name: string;
  on?: string;
  occurred_on?: string;
  total_excess?: Money | null;
  created_at: string;
}

export interface ModelRow {
  id: number;
  version: string | number;
  state: string;
  trained_until: string | null;
  metrics: Record<string, number | null> | null;
  created_at: string;
  promoted_at: string | null;
}

export interface CurrentModel {
  version: string | number;
  trained_until: string;
  metrics: Record<string, number | null>;
  table: {
    measure: string;
    ours: number | null;
    estimate: number | null;
    trailing_median: number | null;
    kernel_median: number | null;
  }[];
}

export interface User {
  id: number;
  email: string;
  name: string;
  role: string;
  created_at: string;
  disabled: boolean;
}

export interface AuditEvent {
  id: number;
  at: string;
  user: string | null;
  action: string;
  subject_type: string;
  subject_id: string | number | null;
  after: unknown;
  request_id: string | null;
}

export interface Job {
  id: number;
  kind: string;
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'revoked';
  attempts: number;
  payload: unknown;
  progress: { share?: number; step?: string } | null;
  result: unknown;
  error: string | null;
  task_id: string;
  stopping: boolean;
  created_at: string;
  run_after: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface Queues {
  queues: { name: string; messages: number; jobs: number; oldest_s: number }[];
  unacknowledged: number;
  parked: number;
  dead_letters: number;
}

export interface Schedule {
  id: number;
  name: string;
  kind: string;
  rule: string;
  time_zone: string;
  catch_up: 'all' | 'latest' | 'none';
  enabled: boolean;
  built_in: boolean;
  next_due: string;
  last_due: string | null;
}
