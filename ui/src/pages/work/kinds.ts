/** What people call the kinds of background work. */
const names: Record<string, string> = {
  evaluate_alerts: 'Look for alerts',
  check_drift: 'Check the model against new prices',
  find_anomalies: 'Look for strange prices',
  export: 'Write the report, or a file',
  import: 'Load a file',
  price_items: 'Price every item',
  train_part_costs: 'Learn what parts should cost',
  refresh_market: 'Statistics and index',
  train: 'Train the price model',
};
export const kind_name = (kind: string) => names[kind] ?? kind;

/** "4 s", "12 min", "3 h". */
export function lasting(seconds: number): string {
  if (seconds < 1) return '< 1 s';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
