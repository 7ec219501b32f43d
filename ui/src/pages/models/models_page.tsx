import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { BrainCircuit } from 'lucide-react';
import { get, Problem } from '../../api/client';
import type { Calibration, CurrentModel, List, ModelRow } from '../../api/types';
import { day, moment, month, share } from '../../shared/format';
import { Await, Bones, Card, Empty, PageHead, Scroll, Tile, Tiles, Trouble } from '../../shared/furniture';
import { AccuracyChart } from './accuracy_chart';
import { Coverage, Importance, Reliability } from './calibration';
import { Compare } from './compare';
import { DriftCard } from './drift';
import { states } from './states';
import { Uploaded } from './uploaded';

export function ModelsPage() {
  const current = useQuery({ queryKey: ['model'], queryFn: () => get<CurrentModel>('/models/current'), retry: false });
  const none = current.error instanceof Problem && current.error.status === 404;
  return (
    <>
      <PageHead title="Models" text="How well fair prices are predicted, on prices the model had not seen." />
      <div className="stack">
        {none ? (
          <Card>
            <Empty icon={<BrainCircuit size={28} strokeWidth={1.5} />} title="No model trained yet">
              Fair prices come from like-for-like percentiles until then. An operator trains one with{' '}
              <span className="mono">pricing-ctl train</span>.
            </Empty>
          </Card>
        ) : current.error ? (
          <Trouble error={current.error} retry={() => current.refetch()} />
        ) : !current.data ? (
          <Bones rows={8} height={26} />
        ) : (
          <>
            <Current m={current.data} />
            <Measured m={current.data} />
            <DriftCard />
          </>
        )}
        <Versions />
        <Uploaded />
      </div>
    </>
  );
}

function metric(m: CurrentModel, name: string): number | null {
  return m.metrics?.[name] ?? null;
}

function Current({ m }: { m: CurrentModel }) {
  const coverage = metric(m, 'coverage_90');
  const good = coverage !== null && coverage >= 0.88 && coverage <= 0.92;
  return (
    <>
      <Tiles>
        <Tile label="Version in use" value={m.version} hint={`prices until ${day(m.trained_until)}`} />
        <Tile
          label="90 % interval covers"
          value={share(coverage, 1)}
          tone={coverage === null ? undefined : good ? 'fair' : 'over'}
          hint={good ? 'as promised, 88 to 92 %' : 'should be 88 to 92 %'}
        />
        <Tile
          label="Typical error, low bid"
          value={share(metric(m, 'low_ours'), 1)}
          hint="half of the predictions are closer"
        />
        <Tile label="Within ± 10 %, whole proposals" value={share(metric(m, 'totals_10_ours'), 1)} />
      </Tiles>
      <Card title="Against simpler ways to guess" aside="smaller errors are better" flush>
        {m.table?.length ? (
          <Scroll label="Accuracy">
            <table className="plain">
              <thead>
                <tr>
                  <th>Measure</th>
                  <th className="right">This model</th>
                  <th className="right">Own estimate</th>
                  <th className="right">Trailing median</th>
                  <th className="right">Weighted median</th>
                </tr>
              </thead>
              <tbody>
                {m.table.map((r) => (
                  <tr key={r.measure}>
                    <td>{r.measure}</td>
                    <td className="right strong">{share(r.ours, 1)}</td>
                    <td className="right muted">{share(r.estimate, 1)}</td>
                    <td className="right muted">{share(r.trailing_median, 1)}</td>
                    <td className="right muted">{share(r.kernel_median, 1)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        ) : (
          <Empty title="Not compared yet">An evaluation puts the baselines beside this model.</Empty>
        )}
      </Card>
    </>
  );
}

/** What was measured on the newest year by a model that had not seen it. */
function Measured({ m }: { m: CurrentModel }) {
  const calibration = useQuery({
    queryKey: ['calibration'],
    queryFn: () => get<Calibration>('/models/calibration'),
  });
  return (
    <Await of={calibration} rows={8} height={26}>
      {(c) => (
        <>
          <div className="grid two">
            <Card title="Typical error over versions" aside="to the lowest bid; lower is better">
              <AccuracyChart versions={c.versions} />
            </Card>
            <Card title="Do intervals cover what they say?" aside={c.report ? tested(c.report) : undefined}>
              <Reliability report={c.report} coverage={c.report?.overall.coverage_90 ?? metric(m, 'coverage_90')} />
            </Card>
          </div>
          {c.report && (
            <div className="grid wide">
              <Coverage report={c.report} />
              <Importance report={c.report} />
            </div>
          )}
        </>
      )}
    </Await>
  );
}

const tested = (r: { tested_from: string; tested_to: string }) =>
  `on prices of ${month(r.tested_from)} to ${month(r.tested_to)}`;

function Versions() {
  const models = useQuery({ queryKey: ['models'], queryFn: () => get<List<ModelRow>>('/models') });
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const { left, right } = search;
  const navigate = useNavigate();
  const chosen = [left, right].filter((v) => v !== undefined);
  // A third choice takes the place of the one on the left; of two, the older is on the left.
  const toggle = (version: string) => {
    const age = (v: string) => models.data?.data.find((m) => m.version === v)?.id ?? 0;
    const next = chosen.includes(version) ? chosen.filter((v) => v !== version) : [...chosen.slice(-1), version];
    const [a, b] = next.sort((x, y) => age(x) - age(y));
    navigate({ to: '/models', search: { ...search, left: a, right: b }, replace: true, resetScroll: false });
  };
  const comparable = (models.data?.data.length ?? 0) > 1;
  return (
    <>
      <Card title="Versions" aside={comparable && 'choose two to compare them below'} flush>
        <Await of={models} rows={4}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title="No versions" />
            ) : (
              <Scroll label="Versions">
                <table className="plain">
                  <thead>
                    <tr>
                      {comparable && (
                        <th style={{ width: 20 }}>
                          <span className="visually-hidden">Compare</span>
                        </th>
                      )}
                      <th>Version</th>
                      <th>State</th>
                      <th>Learned until</th>
                      <th className="right spare">Made</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.map((m) => (
                      <tr key={m.id}>
                        {comparable && (
                          <td>
                            <Checkbox
                              size="xs"
                              aria-label={`Compare ${m.version}`}
                              checked={chosen.includes(m.version)}
                              onChange={() => toggle(m.version)}
                            />
                          </td>
                        )}
                        <td className="strong number">{m.version}</td>
                        <td>
                          <span className={`chip ${states[m.state]?.[1] ?? ''}`} style={{ paddingLeft: 8 }}>
                            {states[m.state]?.[0] ?? m.state}
                          </span>
                        </td>
                        <td className="muted">{day(m.trained_until)}</td>
                        <td className="right muted spare">{moment(m.created_at)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )
          }
        </Await>
      </Card>
      {models.data && models.data.data.length > 0 && <Compare name="price" to="/models" versions={models.data.data} />}
    </>
  );
}
