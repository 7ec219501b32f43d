import { Button, Select, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, write } from '../../api/client';
import type { List, User } from '../../api/types';
import { useSession } from '../../app/session';
import { day } from '../../shared/format';
import { Await, Card, Scroll, Trouble } from '../../shared/furniture';

const roles = ['admin', 'manager', 'analyst', 'buyer', 'viewer', 'supplier'];

export function Users() {
  const users = useQuery({ queryKey: ['users'], queryFn: () => get<List<User>>('/users') });
  return (
    <div className="stack">
      <Card title="Users" flush>
        <Await of={users} rows={4}>
          {({ data }) => <Table users={data} />}
        </Await>
      </Card>
      <Card title="Add somebody">
        <Add />
      </Card>
    </div>
  );
}

function Table({ users }: { users: User[] }) {
  const queries = useQueryClient();
  const { user: me } = useSession();
  const change = useMutation({
    mutationFn: (p: { id: number; role?: string; disabled?: boolean }) =>
      write('PATCH', `/users/${p.id}`, { role: p.role, disabled: p.disabled }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['users'] }),
  });
  return (
    <>
      {change.error && (
        <div style={{ padding: 20 }}>
          <Trouble error={change.error} />
        </div>
      )}
      <Scroll label="Users">
        <table className="plain">
          <thead>
            <tr>
              <th>Name</th>
              <th>E-mail</th>
              <th>Role</th>
              <th>Since</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {users.map((u) => (
              <tr key={u.id} style={{ opacity: u.disabled ? 0.7 : 1 }}>
                <td className="strong">{u.name}</td>
                <td className="muted">{u.email}</td>
                <td>
                  <Select
                    size="xs"
                    w={120}
                    aria-label={`Role of ${u.name || u.email}`}
                    data={roles}
                    value={u.role}
                    allowDeselect={false}
                    disabled={u.id === me.id}
                    onChange={(role) => role && change.mutate({ id: u.id, role })}
                  />
                </td>
                <td className="muted">{day(u.created_at)}</td>
                <td className="right">
                  {u.id !== me.id && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() => change.mutate({ id: u.id, disabled: !u.disabled })}
                    >
                      {u.disabled ? 'Let in again' : 'Lock out'}
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

function Add() {
  const queries = useQueryClient();
  const [role, set_role] = useState<string | null>('buyer');
  const add = useMutation({
    mutationFn: (p: Record<string, unknown>) => write<User & { generated_password?: string }>('POST', '/users', p),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['users'] }),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = e.currentTarget;
    const data = new FormData(form);
    add.mutate({ name: data.get('name'), email: data.get('email'), role }, { onSuccess: () => form.reset() });
  };
  return (
    <form onSubmit={submit}>
      <div className="row" style={{ alignItems: 'flex-end' }}>
        <TextInput label="Name" name="name" required withAsterisk={false} style={{ flex: '1 1 160px' }} />
        <TextInput
          label="E-mail"
          name="email"
          type="email"
          required
          withAsterisk={false}
          style={{ flex: '1 1 200px' }}
        />
        <Select label="Role" data={roles} value={role} onChange={set_role} allowDeselect={false} w={130} />
        <Button type="submit" loading={add.isPending}>
          Add
        </Button>
      </div>
      {add.data?.generated_password && (
        <div className="notice" role="status" style={{ marginTop: 14 }}>
          The password of {add.data.email}, shown only now: <b className="mono">{add.data.generated_password}</b>
        </div>
      )}
      {add.error && (
        <div style={{ marginTop: 14 }}>
          <Trouble error={add.error} />
        </div>
      )}
    </form>
  );
}
