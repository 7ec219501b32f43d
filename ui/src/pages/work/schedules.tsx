import { Button, Modal, Select, Switch, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, write } from '../../api/client';
import type { List, Schedule } from '../../api/types';
import { moment } from '../../shared/format';
import { Await, Card, Empty, Scroll, Trouble } from '../../shared/furniture';
import { kind_name } from './kinds';

const catch_up = [
  { value: 'latest', label: 'Once for all that was missed' },
  { value: 'all', label: 'Every missed run' },
  { value: 'none', label: 'Nothing' },
];
const kinds = ['refresh_market', 'train', 'export'];

type Change = Partial<Pick<Schedule, 'name' | 'rule' | 'time_zone' | 'catch_up' | 'enabled'>>;

export function Schedules() {
  const queries = useQueryClient();
  const schedules = useQuery({ queryKey: ['schedules'], queryFn: () => get<List<Schedule>>('/schedules') });
  const [edited, edit] = useState<Schedule | 'new' | null>(null);
  const act = useMutation({
    mutationFn: (p: { id: number; change?: Change }) =>
      p.change ? write('PATCH', `/schedules/${p.id}`, p.change) : write('POST', `/schedules/${p.id}/run`, {}),
    onSettled: () =>
      queries.invalidateQueries({ predicate: (q) => ['schedules', 'jobs'].includes(String(q.queryKey[0])) }),
  });
  return (
    <Card
      title="Schedules"
      flush
      aside={
        <Button size="xs" onClick={() => edit('new')}>
          Add a schedule
        </Button>
      }
    >
      {act.error && (
        <div style={{ padding: 20 }}>
          <Trouble error={act.error} />
        </div>
      )}
      <Await of={schedules} rows={3}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="Nothing runs by the clock yet">
              Nightly statistics and weekly training appear as soon as prices are loaded.
            </Empty>
          ) : (
            <Scroll label="Schedules">
              <table className="plain">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Does</th>
                    <th>When</th>
                    <th>Next</th>
                    <th>Last</th>
                    <th>On</th>
                    <th />
                  </tr>
                </thead>
                <tbody>
                  {data.map((s) => (
                    <tr key={s.id}>
                      <td>
                        <button type="button" className="link strong" onClick={() => edit(s)}>
                          {s.name}
                        </button>
                      </td>
                      <td className="muted">{kind_name(s.kind)}</td>
                      <td>
                        <span className="mono">{s.rule}</span> <span className="faint">{s.time_zone}</span>
                      </td>
                      <td className="muted">{s.enabled ? moment(s.next_due) : '–'}</td>
                      <td className="muted">{moment(s.last_due)}</td>
                      <td>
                        <Switch
                          size="sm"
                          aria-label={`${s.name} is on`}
                          checked={s.enabled}
                          onChange={() => act.mutate({ id: s.id, change: { enabled: !s.enabled } })}
                        />
                      </td>
                      <td className="right">
                        <Button
                          size="compact-xs"
                          variant="default"
                          loading={act.isPending && act.variables.id === s.id && !act.variables.change}
                          onClick={() => act.mutate({ id: s.id })}
                        >
                          Run now
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Await>
      <Modal
        opened={edited !== null}
        onClose={() => edit(null)}
        title={<b>{edited === 'new' ? 'Add a schedule' : edited?.name}</b>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {edited && <Editor of={edited === 'new' ? null : edited} done={() => edit(null)} />}
      </Modal>
    </Card>
  );
}

function Editor({ of, done }: { of: Schedule | null; done: () => void }) {
  const queries = useQueryClient();
  const [kind, set_kind] = useState(of?.kind ?? kinds[0]);
  const [missed, set_missed] = useState<string>(of?.catch_up ?? 'latest');
  const finish = {
    onSuccess: () => {
      queries.invalidateQueries({ queryKey: ['schedules'] });
      done();
    },
  };
  const save = useMutation({
    mutationFn: (p: Record<string, unknown>) =>
      of ? write('PATCH', `/schedules/${of.id}`, p) : write('POST', '/schedules', { ...p, kind }),
    ...finish,
  });
  const remove = useMutation({ mutationFn: () => write('DELETE', `/schedules/${of?.id}`), ...finish });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const data = new FormData(e.currentTarget);
    save.mutate({
      name: data.get('name'),
      rule: data.get('rule'),
      time_zone: data.get('time_zone') || 'UTC',
      catch_up: missed,
    });
  };
  return (
    <form onSubmit={submit} className="stack" style={{ gap: 14 }}>
      <TextInput label="Name" name="name" required withAsterisk={false} defaultValue={of?.name} maxLength={100} />
      {!of && (
        <Select
          label="Does"
          data={kinds.map((k) => ({ value: k, label: kind_name(k) }))}
          value={kind}
          onChange={(k) => k && set_kind(k)}
          allowDeselect={false}
        />
      )}
      <TextInput
        label="When"
        description="every 15 min, or a crontab: minute hour day month weekday, such as 0 2 * * mon-fri"
        name="rule"
        required
        withAsterisk={false}
        defaultValue={of?.rule ?? '0 2 * * *'}
        maxLength={200}
        className="mono"
      />
      <TextInput
        label="Time zone"
        description="Europe/Berlin, America/Detroit, UTC"
        name="time_zone"
        defaultValue={of?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone}
        maxLength={60}
      />
      <Select
        label="Missed while nothing ran"
        data={catch_up}
        value={missed}
        onChange={(v) => v && set_missed(v)}
        allowDeselect={false}
      />
      {(save.error || remove.error) && <Trouble error={save.error ?? remove.error} />}
      <div className="row">
        {of && !of.built_in && (
          <Button variant="light" color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            Delete
          </Button>
        )}
        <span style={{ flex: 1 }} />
        <Button variant="default" onClick={done}>
          Cancel
        </Button>
        <Button type="submit" loading={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  );
}
