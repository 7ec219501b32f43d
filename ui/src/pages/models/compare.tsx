import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { ArrowLeftRight, CircleCheck, Equal, TrendingUp, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { get } from '../../api/client';
import type {
  ComparedCategory,
  ComparedFigure,
  ComparedParameter,
  ComparedVersion,
  ModelComparison,
} from '../../api/types';
import { count, day, moment, plural, share, signed_share } from '../../shared/format';
import { Bones, Card, Empty, Scroll, ShowAll, Trouble } from '../../shared/furniture';
import { Features } from './compare_features';
import { Answers, Files, Promotions } from './compare_files';
import { states } from './states';

interface Version {
  version: string;
  state: string;
}

interface Pair {
  left?: string;
  right?: string;
}

/** Two versions side by side; which ones is in the address, under two words of it: `at`. */
export function Compare(p: {
  name: string;
  to: '/models' | '/should-cost';
  versions: Version[];
  at?: [string, string];
  comes_with?: string;
}) {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const [of_left, of_right] = p.at ?? ['left', 'right'];
  const { [of_left]: left, [of_right]: right } = search;
  const choose = (next: Pair) => {
    const chosen = { left, right, ...next };
    navigate({
      to: p.to,
      search: { ...search, [of_left]: chosen.left, [of_right]: chosen.right },
      replace: true,
      resetScroll: false,
    });
  };
  const data = p.versions.map((v) => ({
    value: v.version,
    label: `${v.version} · ${states[v.state]?.[0] ?? v.state}`,
  }));
  const known = (version: string | undefined) => (data.some((d) => d.value === version) ? version : null);
  const asked = !!left && !!right;
  const same = asked && left === right;
  const compared = useQuery({
    queryKey: ['compare', p.name, left, right],
    enabled: asked && !same,
    retry: false,
    queryFn: () => get<ModelComparison>(`/models/${encodeURIComponent(p.name)}/compare`, { left, right }),
  });
  return (
    <Card
      title="Compare two versions"
      aside={
        p.versions.length > 1 && (
          <button
            type="button"
            className="link"
            onClick={() => choose({ left: p.versions[1].version, right: p.versions[0].version })}
          >
            The newest two
          </button>
        )
      }
      flush
    >
      {p.versions.length < 2 && !asked ? (
        <Empty title="There is one version only">A second one comes with the next {p.comes_with ?? 'training'}.</Empty>
      ) : (
        <>
          <div className="row" style={{ padding: '4px 20px 14px', alignItems: 'flex-end', gap: 10 }}>
            <Select
              label="Left"
              placeholder="Choose a version"
              searchable
              style={{ flex: '1 1 200px' }}
              data={data}
              value={known(left)}
              onChange={(v) => choose({ left: v ?? undefined })}
            />
            <button
              type="button"
              className="pick"
              style={{ marginBottom: 5 }}
              aria-label="Swap the two versions"
              disabled={!left && !right}
              onClick={() => choose({ left: right, right: left })}
            >
              <ArrowLeftRight size={15} aria-hidden />
            </button>
            <Select
              label="Right"
              placeholder="Choose another one"
              searchable
              style={{ flex: '1 1 200px' }}
              data={data}
              value={known(right)}
              onChange={(v) => choose({ right: v ?? undefined })}
            />
          </div>
          {!asked ? (
            <Empty title="Choose two versions">
              Their figures, parameters, features and data are held against each other.
            </Empty>
          ) : same ? (
            <Empty title="This is one and the same version">Choose another one on one of the sides.</Empty>
          ) : compared.error ? (
            <div style={{ padding: '0 20px 14px' }}>
              <Trouble error={compared.error} retry={() => compared.refetch()} />
            </div>
          ) : compared.data ? (
            <Sides c={compared.data} />
          ) : (
            <div style={{ padding: '0 20px' }}>
              <Bones rows={8} />
            </div>
          )}
        </>
      )}
    </Card>
  );
}

function Sides({ c }: { c: ModelComparison }) {
  return (
    <div className="stack" style={{ gap: 22 }} data-testid="comparison">
      <div className="grid two" style={{ padding: '0 20px', gap: '20px 40px' }}>
        <Side v={c.left} side="Left" />
        <Side v={c.right} side="Right" />
      </div>
      {c.left.file && c.right.file && <Files left={c.left.file} right={c.right.file} />}
      {c.answers && <Answers a={c.answers} />}
      {c.figures.length > 0 && <LikeForLike c={c} />}
      <Figures c={c} />
      {c.categories.length > 0 && <Categories c={c} />}
      <Parameters rows={c.parameters} />
      <Features f={c.features} />
    </div>
  );
}

/** Only with the same test lines do differences speak of the models alone. */
function LikeForLike({ c }: { c: ModelComparison }) {
  const lines = c.figures.find((f) => f.name === 'lines' || f.name === 'tested_quotes')?.left ?? null;
  return (
    <div className="row" style={{ padding: '0 20px', flexWrap: 'nowrap', alignItems: 'flex-start', gap: 12 }}>
      <span className={`chip ${c.same_test_lines ? 'fair' : 'over'}`} style={{ flex: 'none' }}>
        {c.same_test_lines ? <CircleCheck size={13} aria-hidden /> : <TriangleAlert size={13} aria-hidden />}
        {c.same_test_lines ? 'Like for like' : 'Not like for like'}
      </span>
      <span className="muted">
        {c.same_test_lines
          ? `Both were tested on the same ${lines === null ? 'lines' : plural(lines, 'line')}.`
          : c.same_data
            ? 'Both learned from the same data, but were not tested on the same lines: a difference in the figures is partly one of the test.'
            : c.left.file
              ? 'The figures came with the files. Nothing says that both were tested on the same lines (metadata: snapshot, metrics.lines).'
              : 'Each was tested on what was newest when it was made, and their data differ. A difference in the figures is partly one of the test; the simpler ways to guess below tell how hard each was.'}
      </span>
    </div>
  );
}

function Side({ v, side }: { v: ComparedVersion; side: string }) {
  const [name, tone] = states[v.state] ?? [v.state, ''];
  return (
    <section aria-label={`${side} version`}>
      <div className="row" style={{ marginBottom: 10 }}>
        <span className="faint">{side}</span>
        <b>{v.version}</b>
        <span className={`chip ${tone}`} style={{ paddingLeft: 8 }}>
          {name}
        </span>
      </div>
      <dl className="facts">
        <dt>{v.file ? 'Uploaded' : 'Made'}</dt>
        <dd title={v.created_at}>
          {moment(v.created_at)}
          {v.uploaded_by && `, by ${v.uploaded_by}`}
        </dd>
        {!v.file && v.promoted_at && (
          <>
            <dt>In use since</dt>
            <dd title={v.promoted_at}>{moment(v.promoted_at)}</dd>
          </>
        )}
        {v.trained_until && (
          <>
            <dt>Learned from prices until</dt>
            <dd title={v.trained_until}>{day(v.trained_until)}</dd>
          </>
        )}
        {v.tested_from && v.tested_to && (
          <>
            <dt>Tested on prices of</dt>
            <dd>
              {day(v.tested_from)} – {day(v.tested_to)}
            </dd>
          </>
        )}
        <dt>Data snapshot</dt>
        <dd className="mono" style={{ overflowWrap: 'anywhere' }} title={v.snapshot}>
          {v.snapshot ? v.snapshot.slice(0, 16) : 'not kept'}
        </dd>
        {v.file && (
          <>
            <dt>Taken into use</dt>
            <dd>
              <Promotions of={v.promotions} />
            </dd>
          </>
        )}
      </dl>
      <p className="muted" style={{ margin: '10px 0 0' }}>
        {v.why}.
      </p>
    </section>
  );
}

function Better({ best, c }: { best: string | null; c: ModelComparison }) {
  if (best === 'equal')
    return (
      <span className="chip" title="No difference">
        <Equal size={13} aria-hidden /> equal
      </span>
    );
  if (best !== 'left' && best !== 'right') return <span className="visually-hidden">neither is better</span>;
  return (
    <span className="chip fair" title={`Version ${c[best].version}`}>
      <TrendingUp size={13} aria-hidden /> {best} better
    </span>
  );
}

function figure(value: number | null, unit: string): string {
  if (value === null) return '–';
  if (unit === 'share') return share(value, 1);
  if (unit === 'count') return count(value);
  if (unit === 'seconds') return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  return Math.abs(value) >= 1000 ? count(value) : value.toFixed(3);
}

/** A difference of shares, in percentage points. */
const points = (v: number) => signed_share(v, 1).replace(' %', ' pts');

function difference(f: ComparedFigure): string {
  if (f.difference === null) return '–';
  const sign = f.difference > 0 ? '+' : f.difference < 0 ? '−' : '';
  const size = Math.abs(f.difference);
  if (f.unit === 'share') return points(f.difference);
  return `${sign}${figure(size, f.unit)}`;
}

function Figures({ c }: { c: ModelComparison }) {
  const own = c.figures.filter((f) => !f.baseline);
  const baselines = c.figures.filter((f) => f.baseline);
  const [all, set_all] = useState(false);
  const row = (f: ComparedFigure) => (
    <tr key={f.name}>
      <td style={{ minWidth: 130 }}>{f.label}</td>
      <td className={`right ${f.best === 'left' ? 'strong' : 'muted'}`}>{figure(f.left, f.unit)}</td>
      <td className={`right ${f.best === 'right' ? 'strong' : 'muted'}`}>{figure(f.right, f.unit)}</td>
      <td className="right muted spare">{difference(f)}</td>
      <td>
        <Better best={f.best} c={c} />
      </td>
    </tr>
  );
  if (c.figures.length === 0) return <Empty title="Neither version kept figures" />;
  return (
    <Scroll label="Figures side by side">
      <table className="plain">
        <thead>
          <tr>
            <th>Measure</th>
            <th className="right">Left</th>
            <th className="right">Right</th>
            <th className="right spare">Difference</th>
            <th>Better</th>
          </tr>
        </thead>
        <tbody>
          {own.map(row)}
          {baselines.length > 0 && (
            <tr>
              <td colSpan={5}>
                <button type="button" className="link" aria-expanded={all} onClick={() => set_all(!all)}>
                  {all ? 'Hide simpler ways to guess' : 'Show simpler ways to guess, on the same lines'}
                </button>
              </td>
            </tr>
          )}
          {all && baselines.map(row)}
        </tbody>
      </table>
    </Scroll>
  );
}

function Categories({ c }: { c: ModelComparison }) {
  const most = 12;
  const [all, set_all] = useState(false);
  const rows = all ? c.categories : c.categories.slice(0, most);
  return (
    <section>
      <h3 className="section" style={{ padding: '0 20px' }}>
        By category, largest difference of the error first
      </h3>
      <Scroll label="Categories side by side">
        <table className="plain">
          <thead>
            <tr>
              <th rowSpan={2}>Category</th>
              <th rowSpan={2} className="right spare">
                Lines
              </th>
              <th colSpan={3} scope="colgroup" className="right">
                Typical error
              </th>
              <th colSpan={3} scope="colgroup" className="right">
                90 % interval covers
              </th>
            </tr>
            <tr>
              {['error', 'coverage'].map((of) =>
                ['Left', 'Right', 'Difference'].map((side) => (
                  <th key={of + side} className="right">
                    {side}
                  </th>
                )),
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <Category key={r.name} r={r} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {c.categories.length > most && (
        <div style={{ padding: '10px 20px 0' }}>
          <ShowAll all={all} set={set_all}>
            Show all {count(c.categories.length)} categories
          </ShowAll>
        </div>
      )}
    </section>
  );
}

function Category({ r }: { r: ComparedCategory }) {
  const lines = [r.left_lines, r.right_lines].map((n) => (n === null ? '–' : count(n)));
  return (
    <tr>
      <td>{r.name}</td>
      <td className="right muted spare">{lines[0] === lines[1] ? lines[0] : lines.join(' | ')}</td>
      <Shares left={r.left_error} right={r.right_error} best={r.best_error} />
      <Shares left={r.left_coverage} right={r.right_coverage} best={r.best_coverage} />
    </tr>
  );
}

/** Both sides and their difference; the better one bold, with a tick that is also said. */
function Shares(p: { left: number | null; right: number | null; best: string | null }) {
  const unlike = share(p.left, 1) !== share(p.right, 1);
  return (
    <>
      {(['left', 'right'] as const).map((side) => (
        <td key={side} className={`right ${unlike && p.best === side ? 'strong' : 'muted'}`}>
          {unlike && p.best === side && (
            <>
              <CircleCheck size={14} className="fair" style={{ verticalAlign: -2, marginRight: 5 }} aria-hidden />
              <span className="visually-hidden">better: </span>
            </>
          )}
          {share(p[side], 1)}
        </td>
      ))}
      <td className="right muted">{p.left === null || p.right === null ? '–' : points(p.right - p.left)}</td>
    </>
  );
}

/** A value as JSON, which writes 0.12 as 1.2E-1. */
function plain(json: string | null): string {
  if (json === null) return 'none';
  return Number.isFinite(Number(json)) ? String(Number(json)) : json;
}

function Parameters({ rows }: { rows: ComparedParameter[] }) {
  const differing = rows.filter((r) => r.differs);
  const alike = rows.filter((r) => !r.differs);
  return (
    <section style={{ padding: '0 20px' }}>
      <h3 className="section">Parameters</h3>
      {rows.length === 0 && <p className="muted flat">Neither version kept its parameters.</p>}
      {rows.length > 0 && differing.length === 0 && <p className="muted flat">They are the same.</p>}
      {differing.length > 0 && (
        <dl className="facts">
          {differing.map((r) => [
            <dt key={r.name} className="mono">
              {r.name}
            </dt>,
            <dd key={`${r.name} values`}>
              {plain(r.left)} → <b>{plain(r.right)}</b>
            </dd>,
          ])}
        </dl>
      )}
      {alike.length > 0 && (
        <p className="faint" style={{ margin: '8px 0 0', overflowWrap: 'anywhere' }}>
          The same: {alike.map((r) => `${r.name} ${plain(r.left)}`).join(', ')}
        </p>
      )}
    </section>
  );
}
