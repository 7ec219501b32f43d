/**
 * Shapes of the REST API, by the names of the pages. They come from schema.d.ts, which `npm run api` makes of what a
 * running server says of itself; here they are only narrowed, where a text is one of a few words.
 * Money and quantities are decimal strings; shares are numbers (0.18 = 18 %).
 */
import type { components } from './schema';

type Schemas = components['schemas'];
/** The server writes every member, one without a value as null. */
type Whole<T> = T extends object ? { [K in keyof T]-?: Whole<T[K]> } : T;
type Shape<Name extends keyof Schemas, Narrowed = object> = Omit<Whole<Schemas[Name]>, keyof Narrowed> & Narrowed;

export type Money = string;

export interface List<T> {
  data: T[];
  next_cursor: string | null;
}

export type Session = Shape<'identity_session_view'>;
export type User = Shape<'identity_member'>;
export type AuditEvent = Shape<'identity_audit_event'>;
export type ApiKey = Shape<'identity_api_key'>;
export type CreatedApiKey = Shape<'identity_created_api_key'>;
export type Mfa = Shape<'identity_mfa_view'>;
export type MfaSetup = Shape<'identity_mfa_setup'>;
export type RecoveryCodes = Shape<'identity_recovery_codes'>;
export type SecurityPolicy = Shape<'identity_security_policy'>;

export type Overview = Shape<'insight_overview'>;
export type Item = Shape<'insight_item_page'>;
export type ItemRow = Shape<'catalog_item_summary'>;
export type Facet = Shape<'catalog_facet'>;
export type PriceRow = Shape<'catalog_price_row'>;
export type SupplierRow = Shape<'catalog_supplier_summary'>;
export type SupplierItem = Shape<'catalog_supplier_item'>;
export type Supplier = Shape<'catalog_supplier_detail'>;

export type Benchmark = Shape<'market_benchmark_view'>;
export type History = Shape<'market_history_view'>;
export type Forecast = Shape<'insight_item_forecast'>;
export type QuantityCurve = Shape<'market_curve_view'>;
export type ItemSupplier = Shape<'market_item_supplier'>;

export type Mapping = Schemas['ingest_mapping_input'];
export type UploadState =
  | 'pending'
  | 'validating'
  | 'mapping'
  | 'ready'
  | 'processing'
  | 'completed'
  | 'partial'
  | 'failed';
export type Quality = Shape<'ingest_quality_report'>;
export type Upload = Shape<'ingest_upload_view', { state: UploadState }>;
export type Preview = Shape<'ingest_preview_view'>;
export type QuarantinedRow = Shape<'ingest_quarantine_view', { state: 'open' | 'fixed' | 'dismissed' }>;
export type Match = Shape<'ingest_match_view', { kind: 'item' | 'supplier' }>;

export type VerdictName = 'fair' | 'high' | 'very_high' | 'low' | 'suspiciously_low' | 'too_little_data';
export type Reason = Shape<'sourcing_reason'>;
export type Quote = Shape<'sourcing_judged_quote', { verdict: VerdictName }>;
export type VerdictLine = Shape<
  'sourcing_judged_line',
  { source: 'model' | 'benchmark' | 'none'; reasons: Reason[]; quotes: Quote[] }
>;
export type Bidder = Shape<'sourcing_judged_bidder'>;
export type Verdict = Shape<'sourcing_verdict', { bidders: Bidder[]; lines: VerdictLine[] }>;
export type VerdictRow = Shape<'sourcing_verdict_summary'>;

type Metrics = Record<string, number | null> | null;
export type ModelRow = Shape<'models_model_view', { metrics: Metrics }>;
export type CurrentModel = Shape<'models_current_view', { metrics: Metrics }>;

export type Job = Shape<
  'jobs_job_view',
  {
    state: 'queued' | 'running' | 'succeeded' | 'failed' | 'revoked';
    progress: { share?: number; step?: string } | null;
  }
>;
export type AlertKind =
  | 'price_change'
  | 'market_change'
  | 'supplier_position'
  | 'verdict_excess'
  | 'model_coverage'
  | 'model_age'
  | 'data_age';
export type Alert = Shape<'watch_alert_view', { kind: AlertKind; state: 'open' | 'acknowledged' | 'resolved' }>;
export type AlertRule = Shape<'watch_rule_view', { kind: AlertKind }>;
export type Export = Shape<'reports_export_view', { state: 'waiting' | 'ready' | 'failed' }>;
export type Datasets = Shape<'reports_dataset_list'>;

export type AnomalyState = 'open' | 'dismissed' | 'confirmed';
export type Anomaly = Shape<'insight_anomaly_view', { state: AnomalyState }>;
export type AnomalySummary = Shape<'insight_anomaly_summary'>;

export type Calibration = Shape<'insight_calibration_view'>;
export type CalibrationReport = NonNullable<Calibration['report']>;
export type CoverageRow = Shape<'insight_coverage_row'>;
export type VersionAccuracy = Shape<'insight_version_accuracy'>;
export type Drift = Shape<'insight_drift_view'>;
export type DriftReport = NonNullable<Drift['report']>;
export type DriftGroup = Shape<'insight_drift_group'>;

export type Queues = Shape<'jobs_queues_view'>;
export type Schedule = Shape<'jobs_schedule_view', { catch_up: 'all' | 'latest' | 'none' }>;

export type ModelComparison = Shape<'models_model_comparison', { features: ComparedFeatures }>;
export type ComparedVersion = Shape<'models_compared_version'>;
export type ComparedFigure = Shape<'models_compared_figure'>;
export type ComparedCategory = Shape<'models_compared_category'>;
export type ComparedParameter = Shape<'models_compared_parameter'>;
export type ComparedFeature = Shape<'models_compared_feature', { change: 'added' | 'removed' | 'kept' }>;
export type ComparedFeatures = Shape<'models_compared_features', { list: ComparedFeature[] }>;
export type ModelFile = Shape<'models_model_file'>;
export type Promotion = Shape<'models_promotion'>;
export type AnswerDifferences = Shape<'models_answer_differences'>;
export type ServedModel = Shape<'serving_model_view'>;
export type ServedVersion = Shape<'serving_version_view'>;
export type PartCostModel = Shape<'models_part_cost_model_view', { metrics: Metrics }>;
export type PartForm = Shape<'models_part_form'>;
export type PartTable = Shape<'models_table_view'>;
export type ShouldCostState = Shape<
  'models_should_cost_state',
  { model: PartCostModel | null; versions: PartCostModel[] }
>;
export type TableReading = Shape<'models_table_reading'>;
export type TakenTable = Shape<'models_taken_table'>;
export type ShouldCost = Shape<'models_should_cost_response'>;
export type PartCost = Shape<'models_part_cost'>;
