import { Button, MultiSelect, NumberInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, write } from '../../api/client';
import type { ApiKey, CreatedApiKey, List } from '../../api/types';
import { useSession } from '../../app/session';
import { day, moment } from '../../shared/format';
import { Await, Card, Empty, Scroll, Trouble } from '../../shared/furniture';

export function ApiKeys() {
  const keys = useQuery({ queryKey: ['api-keys'], queryFn: () => get<List<ApiKey>>('/api-keys', { limit: 100 }) });
  return (
    <>
      <Card title="API keys" flush>
        <Await of={keys} rows={3}>
          {({ data }) => (data.length === 0 ? <Empty title="No program has a key yet" /> : <Table keys={data} />)}
        </Await>
      </Card>
      <Card title="Make a key">
        <Make />
      </Card>
    </>
  );
}

function Table({ keys }: { keys: ApiKey[] }) {
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: (id: number) => write('DELETE', `/api-keys/${id}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ['api-keys'] }),
  });
  return (
    <>
      {revoke.error && <Trouble error={revoke.error} />}
      <Scroll label="API keys">
        <table className="plain">
          <thead>
            <tr>
              <th>Name</th>
              <th>Key</th>
              <th>May</th>
              <th>Acts for</th>
              <th>Ends</th>
              <th>Last used</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {keys.map((k) => (
              <tr key={k.id} style={{ opacity: k.active ? 1 : 0.7 }}>
                <td className="strong">{k.name}</td>
                <td className="mono muted">{k.shown}…</td>
                <td className="muted">{k.permissions.join(', ')}</td>
                <td className="muted">{k.user}</td>
                <td className="muted">{k.active ? day(k.expires_at) : 'ended'}</td>
                <td className="muted">{k.last_used_at ? moment(k.last_used_at) : 'never'}</td>
                <td className="right">
                  {k.active && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Revoke ${k.name}`}
                      onClick={() => revoke.mutate(k.id)}
                    >
                      Revoke
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Make() {
  const queries = useQueryClient();
  const { permissions } = useSession();
  const [chosen, set_chosen] = useState<string[]>([]);
  const make = useMutation({
    mutationFn: (p: Record<string, unknown>) => write<CreatedApiKey>('POST', '/api-keys', p),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['api-keys'] }),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    const data = new FormData(form);
    make.mutate(
      { name: data.get('name'), permissions: chosen, expires_in_days: Number(data.get('days')) },
      {
        onSuccess: () => {
          form.reset();
          set_chosen([]);
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <div className="row" style={{ alignItems: 'flex-end' }}>
        <TextInput
          label="Name"
          name="name"
          required
          withAsterisk={false}
          maxLength={100}
          style={{ flex: '1 1 160px' }}
        />
        <MultiSelect
          label="Permissions"
          data={permissions.filter((p) => !p.startsWith('api_key.'))}
          value={chosen}
          onChange={set_chosen}
          searchable
          style={{ flex: '2 1 260px' }}
        />
        <NumberInput label="Days" name="days" defaultValue={90} min={1} max={366} w={90} />
        <Button type="submit" loading={make.isPending} disabled={chosen.length === 0}>
          Make
        </Button>
      </div>
      {make.data && (
        <div className="notice" role="status" style={{ marginTop: 14 }}>
          The key “{make.data.name}”, shown only now: <b className="mono">{make.data.secret}</b>
        </div>
      )}
      {make.error && (
        <div style={{ marginTop: 14 }}>
          <Trouble error={make.error} />
        </div>
      )}
    </form>
  );
}
