import { CloseButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { CircleCheck, Equal, TriangleAlert } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { get } from '../../api/client';
import type { MetricDifference, VersionComparison, VersionFacts } from '../../api/types';
import { count, day, moment, plural, share } from '../../shared/format';
import { Bones, Card, Empty, Trouble } from '../../shared/furniture';
import { StateChip } from './state_chip';

/** Two versions of the price model side by side: how well, where, with what settings, from what data. */
export function Comparison({ left, right, close }: { left: string; right: string; close: () => void }) {
  const found = useQuery({
    queryKey: ['model comparison', left, right],
    queryFn: ({ signal }) => get<VersionComparison>('/models/price/compare', { left, right }, signal),
    retry: false,
  });
  const top = useRef<HTMLDivElement>(null);
  // The list of versions may be long: what was asked for comes into sight, also by a link.
  useEffect(() => {
    if (left && right) top.current?.scrollIntoView({ block: 'nearest' });
  }, [left, right]);
  return (
    <div ref={top} className="stack" style={{ scrollMargin: 64 }}>
      <Card
        title="Side by side"
        aside={<CloseButton size="sm" aria-label="Close the comparison" onClick={close} />}
        flush
      >
        {found.data ? (
          <Figures c={found.data} />
        ) : (
          <div style={{ padding: '0 20px 14px' }}>
            {found.error ? (
              <Trouble error={found.error} retry={() => found.refetch()} />
            ) : (
              <Bones rows={11} height={22} />
            )}
          </div>
        )}
      </Card>
      {found.data && <Categories c={found.data} />}
      {found.data && <Making c={found.data} />}
    </div>
  );
}

function Figures({ c }: { c: VersionComparison }) {
  return (
    <>
      <div style={{ padding: '0 20px 10px' }}>
        <LikeForLike c={c} />
      </div>
      {c.metrics.length === 0 ? (
        <Empty title="Neither version was measured" />
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Figures of both versions">
          <table className="plain compare">
            <thead>
              <tr>
                <th>
                  Measure
                  <span className="legend-better">
                    <CircleCheck size={12} aria-hidden /> better
                  </span>
                </th>
                <Head v={c.left} />
                <Head v={c.right} />
                <th className="right">Difference</th>
              </tr>
            </thead>
            <tbody>
              {c.metrics.map((m) => (
                <tr key={m.name}>
                  <td>
                    {m.label}
                    {m.target !== null && <span className="faint">, should be {share(m.target)}</span>}
                  </td>
                  <Sides m={m} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function Head({ v }: { v: VersionFacts }) {
  return (
    <th className="right" scope="col">
      <span className="version">{v.version}</span>
      <StateChip state={v.state} />
    </th>
  );
}

/** Left, right, difference: the better of the two bold, with a tick that is also said. */
function Sides({ m }: { m: MetricDifference }) {
  const text = { left: figure(m, m.left), right: figure(m, m.right) };
  const better = text.left === text.right ? null : m.better;
  return (
    <>
      {(['left', 'right'] as const).map((side) => (
        <td key={side} className={`right ${better === side ? 'strong' : 'muted'}`} title={full(m[side])}>
          {better === side && (
            <>
              <CircleCheck size={14} className="fair tick" aria-hidden />
              <span className="visually-hidden">better: </span>
            </>
          )}
          {text[side]}
        </td>
      ))}
      <td className="right muted">
        {difference(m)}
        {m.is_share && m.difference !== null && <span className="unit"> points</span>}
      </td>
    </>
  );
}

function figure(m: MetricDifference, v: number | null): string {
  if (v === null) return '–';
  return m.is_share ? share(v, 1) : of_digits(m, v);
}

/** Signed, of shares in percentage points. */
function difference(m: MetricDifference): string {
  if (m.difference === null) return '–';
  const size = Math.abs(m.difference);
  const text = m.is_share ? (size * 100).toFixed(1) : of_digits(m, size);
  if (Number(text) === 0) return text;
  return `${m.difference > 0 ? '+' : '−'}${text}`;
}

/** A count where both sides are whole, else three decimals on both sides. */
function of_digits(m: MetricDifference, v: number): string {
  return [m.left, m.right].every((n) => n === null || Number.isInteger(n)) ? count(v) : v.toFixed(3);
}

const full = (v: number | null) => (v === null ? undefined : String(v));

function LikeForLike({ c }: { c: VersionComparison }) {
  return (
    <div className="row" style={{ flexWrap: 'nowrap', alignItems: 'flex-start', gap: 12 }}>
      <span className={`chip ${c.like_for_like ? 'fair' : 'over'}`} style={{ flex: 'none' }}>
        {c.like_for_like ? <CircleCheck size={13} aria-hidden /> : <TriangleAlert size={13} aria-hidden />}
        {c.like_for_like ? 'Like for like' : 'Not like for like'}
      </span>
      <span className="muted">{words(c)}</span>
    </div>
  );
}

function words(c: VersionComparison): ReactNode {
  if (c.like_for_like) return <>Both were tested on the same {tested(c.left)}.</>;
  const so = 'Differences may come from the test lines as well as from the models.';
  if (c.same_test_lines === false)
    return (
      <>
        {c.left.version} was tested on {tested(c.left)}, {c.right.version} on {tested(c.right)}. {so} Shares of the
        trailing median’s error hold each version against a simple guess on its own lines.
      </>
    );
  return c.same_data === false
    ? `The versions learned from different data, and their test lines may differ. ${so}`
    : `What lines tested each version is not recorded. ${so}`;
}

function tested(v: VersionFacts): string {
  const lines = v.tested_lines === null ? 'lines' : plural(v.tested_lines, 'line');
  return v.tested_from ? `${lines} of ${day(v.tested_from)} to ${day(v.tested_until)}` : `${lines} of unknown days`;
}

function Categories({ c }: { c: VersionComparison }) {
  const only = [
    { version: c.left.version, names: c.categories_only_left },
    { version: c.right.version, names: c.categories_only_right },
  ].filter((o) => o.names.length > 0);
  return (
    <Card title="By category" aside="largest difference of the typical error first" flush>
      {c.categories.length === 0 ? (
        <Empty title="No category in common">
          {only.length > 0
            ? 'Each version reports the categories with the most bids of its own test year.'
            : 'Versions trained from now on report their ten largest categories.'}
        </Empty>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Both versions by category">
          <table className="plain compare">
            <thead>
              <tr>
                <th rowSpan={2}>Category</th>
                <th rowSpan={2} className="right spare">
                  Lines
                </th>
                <th colSpan={3} scope="colgroup" className="right group">
                  Typical error, to the lowest bid
                </th>
                <th colSpan={3} scope="colgroup" className="right group">
                  90 % interval covers
                </th>
              </tr>
              <tr>
                {['error', 'coverage'].map((of) => [
                  <th key={`${of} left`} className="right">
                    {c.left.version}
                  </th>,
                  <th key={`${of} right`} className="right">
                    {c.right.version}
                  </th>,
                  <th key={`${of} difference`} className="right">
                    Difference
                  </th>,
                ])}
              </tr>
            </thead>
            <tbody>
              {c.categories.map((r) => (
                <tr key={r.name}>
                  <td className="strong">{r.name}</td>
                  <td className="right muted spare">
                    {r.left_lines === r.right_lines
                      ? count(r.left_lines)
                      : `${count(r.left_lines)} / ${count(r.right_lines)}`}
                  </td>
                  <Sides m={r.mdape} />
                  <Sides m={r.coverage} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {only.map((o) => (
        <p key={o.version} className="muted" style={{ margin: 0, padding: '8px 20px' }}>
          Only in {o.version}: {o.names.join(', ')}
        </p>
      ))}
    </Card>
  );
}

/** What the versions were made of and with. */
function Making({ c }: { c: VersionComparison }) {
  const both = (of: (v: VersionFacts) => string | null) => ({ left: of(c.left), right: of(c.right) });
  const rows: { name: string; left: ReactNode; right: ReactNode; same: boolean | null }[] = [];
  const row = (name: string, of: (v: VersionFacts) => string | null, show: (text: string) => ReactNode = (t) => t) => {
    const { left, right } = both(of);
    if (!left && !right) return;
    const shown = (text: string | null) => (text ? show(text) : 'not known');
    rows.push({ name, left: shown(left), right: shown(right), same: left && right ? left === right : null });
  };
  row(
    'Data snapshot',
    (v) => v.snapshot,
    (t) => (
      <span className="mono" title={t}>
        {t.slice(0, 12)}
      </span>
    ),
  );
  row(
    'Learned from prices until',
    (v) => v.trained_until,
    (t) => <span title={t}>{day(t)}</span>,
  );
  row(
    'Tested on prices from',
    (v) => v.tested_from,
    (t) => <span title={t}>{day(t)}</span>,
  );
  row(
    'Tested on prices to',
    (v) => v.tested_until,
    (t) => <span title={t}>{day(t)}</span>,
  );
  row('Lines learned from', (v) => (v.trained_lines === null ? null : count(v.trained_lines)));
  row('Lines tested on', (v) => (v.tested_lines === null ? null : count(v.tested_lines)));
  row('Columns of the model', (v) => (v.features === null ? null : count(v.features)));
  row('Code version', (v) => v.code_version);
  for (const p of c.parameters) rows.push({ name: p.name, left: plain(p.left), right: plain(p.right), same: false });
  const moved = [
    { version: c.left.version, names: c.features.only_left },
    { version: c.right.version, names: c.features.only_right },
  ].filter((m) => m.names.length > 0);
  return (
    <Card title="Data, columns and parameters" flush>
      <div className="scroll" tabIndex={0} role="region" aria-label="What both versions were made of">
        <table className="plain compare">
          <thead>
            <tr>
              <th aria-label="What" />
              <th className="right">{c.left.version}</th>
              <th className="right">{c.right.version}</th>
              <th aria-label="Same or not" />
            </tr>
          </thead>
          <tbody>
            <tr>
              <td>Made</td>
              {[c.left, c.right].map((v) => (
                <td key={v.version} className="right" title={moment(v.created_at)}>
                  {day(v.created_at)}
                </td>
              ))}
              <td />
            </tr>
            {rows.map((r) => (
              <tr key={r.name}>
                <td>{r.name}</td>
                <td className={`right ${r.same === false ? 'strong' : ''}`}>{r.left}</td>
                <td className={`right ${r.same === false ? 'strong' : ''}`}>{r.right}</td>
                <td className="right">
                  <Same same={r.same} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div style={{ padding: '8px 20px' }} className="muted">
        {c.parameters.length === 0
          ? c.same_parameters > 0 && <>All {plural(c.same_parameters, 'parameter')} are the same. </>
          : c.same_parameters > 0 && <>{plural(c.same_parameters, 'other parameter')} the same. </>}
        {c.features.reordered && 'The columns are the same, in another order. '}
        {moved.map((m) => (
          <span key={m.version}>
            Columns only in {m.version}: {m.names.join(', ')}.{' '}
          </span>
        ))}
      </div>
    </Card>
  );
}

function Same({ same }: { same: boolean | null }) {
  if (same === null) return null;
  return same ? (
    <span className="faint row" style={{ justifyContent: 'flex-end', gap: 4, flexWrap: 'nowrap' }}>
      <Equal size={13} aria-hidden /> <span className="unit">same</span>
    </span>
  ) : (
    <span className="chip accent" style={{ paddingLeft: 8 }}>
      differs
    </span>
  );
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return 'not set';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
