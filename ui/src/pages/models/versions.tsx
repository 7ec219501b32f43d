import { Button, Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { get } from '../../api/client';
import type { List, ModelRow } from '../../api/types';
import { day, moment } from '../../shared/format';
import { Await, Card, Empty } from '../../shared/furniture';
import { Comparison } from './comparison';
import { StateChip } from './state_chip';

/** All versions, the newest first; two of them can be put side by side. The address keeps which. */
export function Versions() {
  const models = useQuery({ queryKey: ['models'], queryFn: () => get<List<ModelRow>>('/models') });
  const url = useSearch({ strict: false }) as { left?: string; right?: string };
  const navigate = useNavigate();
  const chosen = [url.left, url.right].filter((v): v is string => v !== undefined && v !== '');
  const choose = (versions: string[]) => {
    // The older one is on the left. A version that is not listed is as old as can be.
    const age = (v: string) => models.data?.data.find((m) => m.version === v)?.id ?? 0;
    const [left, right] = [...versions].sort((a, b) => age(a) - age(b));
    navigate({
      to: '/models',
      search: (old: Record<string, string | undefined>) => ({ ...old, left, right }),
      replace: true,
      resetScroll: false,
    });
  };
  // A third choice takes the place of the one that was chosen first.
  const toggle = (version: string) =>
    choose(chosen.includes(version) ? chosen.filter((v) => v !== version) : [...chosen.slice(-1), version]);
  const comparable = (models.data?.data.length ?? 0) > 1;
  return (
    <>
      <Card title="Versions" aside={comparable && <Hint chosen={chosen} clear={() => choose([])} />} flush>
        <Await of={models} rows={4}>
          {({ data }) =>
            data.length === 0 ? (
              <Empty title="No versions" />
            ) : (
              <div
                className="scroll"
                tabIndex={0}
                role="region"
                aria-label="Versions"
                style={{ maxHeight: 420, overflowY: 'auto' }}
              >
                <table className="plain">
                  <thead>
                    <tr>
                      {comparable && <th style={{ width: 20 }} aria-label="Compare" />}
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
                          <StateChip state={m.state} />
                        </td>
                        <td className="muted">{day(m.trained_until)}</td>
                        <td className="right muted spare">{moment(m.created_at)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )
          }
        </Await>
      </Card>
      {url.left && url.right && <Comparison left={url.left} right={url.right} close={() => choose([])} />}
    </>
  );
}

function Hint({ chosen, clear }: { chosen: string[]; clear: () => void }) {
  return (
    <span className="row">
      <span role="status">
        {chosen.length === 0 && 'choose two to compare'}
        {chosen.length === 1 && `choose one to compare with ${chosen[0]}`}
        {chosen.length === 2 && `${chosen[0]} and ${chosen[1]} are compared below`}
      </span>
      {chosen.length > 0 && (
        <Button size="compact-xs" variant="default" onClick={clear}>
          Clear
        </Button>
      )}
    </span>
  );
}
