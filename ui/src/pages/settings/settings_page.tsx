import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { get } from '../../api/client';
import type { AuditEvent, List } from '../../api/types';
import { useSession } from '../../app/session';
import { moment } from '../../shared/format';
import { Await, Card, Empty, PageHead, Scroll } from '../../shared/furniture';
import { ApiKeys } from './api_keys';
import { Security } from './security';
import { Users } from './users';

export function SettingsPage() {
  const { tab } = useSearch({ strict: false }) as { tab?: string };
  const navigate = useNavigate();
  const { permissions, mfa_setup_needed } = useSession();
  return (
    <>
      <PageHead title="Settings" />
      <Tabs
        value={mfa_setup_needed ? 'security' : (tab ?? 'users')}
        onChange={(t) => navigate({ to: '/settings', search: { tab: t ?? undefined }, replace: true })}
        keepMounted={false}
      >
        <Tabs.List mb="lg">
          <Tabs.Tab value="users">Users and roles</Tabs.Tab>
          <Tabs.Tab value="security">Security</Tabs.Tab>
          <Tabs.Tab value="audit">Audit</Tabs.Tab>
          <Tabs.Tab value="api">API</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="users">
          <Users />
        </Tabs.Panel>
        <Tabs.Panel value="security">
          <Security />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <Audit />
        </Tabs.Panel>
        <Tabs.Panel value="api">
          <div className="stack">
            <Card title="API">
              <p style={{ margin: 0 }}>
                Everything these pages do is open to your own programs.{' '}
                <a className="link" href="/api/docs">
                  Read the API documentation
                </a>
              </p>
            </Card>
            {permissions.includes('api_key.read') && <ApiKeys />}
          </div>
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function Audit() {
  const events = useQuery({ queryKey: ['audit'], queryFn: () => get<List<AuditEvent>>('/audit', { limit: 100 }) });
  return (
    <Card title="Who changed what" flush>
      <Await of={events} rows={8}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="Nothing has been changed yet" />
          ) : (
            <Scroll label="Audit">
              <table className="plain">
                <thead>
                  <tr>
                    <th>When</th>
                    <th>Who</th>
                    <th>What</th>
                    <th>On</th>
                    <th>Request</th>
                  </tr>
                </thead>
                <tbody>
                  {data.map((e) => (
                    <tr key={e.id}>
                      <td className="number" title={e.at}>
                        {moment(e.at)}
                      </td>
                      <td>{e.user ?? '–'}</td>
                      <td className="strong">{e.action}</td>
                      <td className="muted">
                        {e.subject_type} {e.subject_id}
                      </td>
                      <td className="mono muted">{e.request_id ?? '–'}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Await>
    </Card>
  );
}
