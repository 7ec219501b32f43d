import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { FileUp } from 'lucide-react';
import { get } from '../../api/client';
import type { List, ServedModel, ServedVersion } from '../../api/types';
import { bytes, count, moment, share } from '../../shared/format';
import { Await, Card, Empty, Scroll } from '../../shared/furniture';
import { Compare } from './compare';
import { states } from './states';

/** Models that were uploaded; one of them is chosen, and two of its versions stand side by side. All in the address. */
export function Uploaded() {
  const models = useQuery({
    queryKey: ['served models'],
    queryFn: () => get<List<ServedModel>>('/served-models'),
  });
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const all = models.data?.data ?? [];
  const chosen = all.find((m) => m.name === search.model) ?? (all.length === 1 ? all[0] : undefined);
  const choose = (model: string) =>
    navigate({
      to: '/models',
      search: { ...search, model, first: undefined, second: undefined },
      replace: true,
      resetScroll: false,
    });
  return (
    <>
      <Card title="Uploaded models" aside={all.length > 1 && 'choose one to see its versions'} flush>
        <Await of={models} rows={3}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty icon={<FileUp size={28} strokeWidth={1.5} />} title="No model was uploaded">
                Forests of XGBoost and LightGBM are served once their file is sent to{' '}
                <span className="mono">POST /api/v1/models/NAME/versions</span>.
              </Empty>
            ) : (
              <Scroll label="Uploaded models">
                <table className="plain">
                  <thead>
                    <tr>
                      <th>Name</th>
                      <th>In use</th>
                      <th>Challenger</th>
                      <th>Shadow</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.map((m) => (
                      <tr key={m.name}>
                        <td className="strong" style={{ overflowWrap: 'anywhere', minWidth: 110 }}>
                          {data.length === 1 ? (
                            m.name
                          ) : (
                            <button
                              type="button"
                              className="link"
                              aria-pressed={m === chosen}
                              onClick={() => choose(m.name)}
                            >
                              {m.name}
                            </button>
                          )}
                        </td>
                        <td className="number">{m.loaded ? version(m.current_version) : 'unloaded'}</td>
                        <td className="number muted">
                          {version(m.challenger_version)}
                          {m.challenger_version !== null && `, ${share(m.challenger_share)}`}
                        </td>
                        <td className="number muted">{version(m.shadow_version)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )
          }
        </Await>
      </Card>
      {chosen && <Versions key={chosen.name} model={chosen} />}
      {!chosen && search.model && models.data && (
        <Card>
          <Empty title={`There is no model “${search.model}”`}>
            {all.length > 0 ? 'Choose one of the list above.' : 'It may have been of another organization.'}
          </Empty>
        </Card>
      )}
    </>
  );
}

const version = (v: number | null) => (v === null ? '–' : `version ${v}`);

function state_of(v: ServedVersion, m: ServedModel): string {
  if (v.current) return 'promoted';
  if (v.version === m.challenger_version) return 'challenger';
  if (v.version === m.shadow_version) return 'shadow';
  return 'idle';
}

function Versions({ model }: { model: ServedModel }) {
  const versions = useQuery({
    queryKey: ['served models', model.name],
    queryFn: () => get<List<ServedVersion>>(`/models/${encodeURIComponent(model.name)}/versions`),
  });
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const { first, second } = search;
  const picked = [first, second].filter((v) => v !== undefined);
  // A third choice takes the place of the one on the left; of two, the older is on the left.
  const toggle = (v: string) => {
    const next = picked.includes(v) ? picked.filter((one) => one !== v) : [...picked.slice(-1), v];
    const [a, b] = next.sort((x, y) => Number(x) - Number(y));
    navigate({
      to: '/models',
      search: { ...search, model: model.name, first: a, second: b },
      replace: true,
      resetScroll: false,
    });
  };
  const comparable = (versions.data?.data.length ?? 0) > 1;
  return (
    <>
      <Card title={`Versions of ${model.name}`} aside={comparable && 'choose two to compare them below'} flush>
        <Await of={versions} rows={3}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title="No versions" />
            ) : (
              <Scroll label={`Versions of ${model.name}`}>
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
                      <th>Format</th>
                      <th className="right">Trees</th>
                      <th className="right spare">Size</th>
                      <th className="right spare">Uploaded</th>
                    </tr>
                  </thead>
                  <tbody>
                    {data.map((v) => {
                      const [name, tone] = states[state_of(v, model)];
                      return (
                        <tr key={v.version}>
                          {comparable && (
                            <td>
                              <Checkbox
                                size="xs"
                                aria-label={`Compare ${model.name} ${v.version}`}
                                checked={picked.includes(String(v.version))}
                                onChange={() => toggle(String(v.version))}
                              />
                            </td>
                          )}
                          <td className="strong number">{v.version}</td>
                          <td>
                            <span className={`chip ${tone}`} style={{ paddingLeft: 8 }}>
                              {name}
                            </span>
                          </td>
                          <td className="muted">{v.format}</td>
                          <td className="right number muted">{count(v.trees)}</td>
                          <td className="right number muted spare">{bytes(v.bytes)}</td>
                          <td className="right muted spare">{moment(v.created_at)}</td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </Scroll>
            )
          }
        </Await>
      </Card>
      {versions.data && versions.data.data.length > 0 && (
        <Compare
          name={model.name}
          to="/models"
          at={['first', 'second']}
          comes_with="upload"
          versions={versions.data.data.map((v) => ({ version: String(v.version), state: state_of(v, model) }))}
        />
      )}
    </>
  );
}
