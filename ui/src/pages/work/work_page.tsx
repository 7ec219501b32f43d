import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { get } from '../../api/client';
import type { Queues } from '../../api/types';
import { count, plural } from '../../shared/format';
import { Await, PageHead, Tile, Tiles } from '../../shared/furniture';
import { Jobs } from './jobs';
import { lasting } from './kinds';
import { Schedules } from './schedules';

export function WorkPage() {
  const { tab } = useSearch({ strict: false }) as { tab?: string };
  const navigate = useNavigate();
  return (
    <>
      <PageHead title="Background work" text="What the workers do, what waits for them, and what runs by the clock." />
      <div className="stack">
        <Waiting />
        <Tabs
          value={tab === 'schedules' ? 'schedules' : 'tasks'}
          onChange={(to) => navigate({ to: '/work', search: to === 'schedules' ? { tab: 'schedules' } : {} })}
          keepMounted={false}
        >
          <Tabs.List mb="md">
            <Tabs.Tab value="tasks">Tasks</Tabs.Tab>
            <Tabs.Tab value="schedules">Schedules</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="tasks">
            <Jobs />
          </Tabs.Panel>
          <Tabs.Panel value="schedules">
            <Schedules />
          </Tabs.Panel>
        </Tabs>
      </div>
    </>
  );
}

function Waiting() {
  const queues = useQuery({
    queryKey: ['queues'],
    queryFn: () => get<Queues>('/tasks/queues'),
    refetchInterval: 5_000,
  });
  return (
    <Await of={queues} rows={2} height={26}>
      {(now) => (
        <Tiles>
          {now.queues.map((q) => (
            <Tile
              key={q.name}
              label={`Queue ${q.name}`}
              value={count(q.jobs)}
              hint={q.jobs > 0 ? `the oldest waits ${lasting(q.oldest_s)}` : 'nothing waits'}
              full={plural(q.messages, 'message')}
            />
          ))}
          <Tile
            label="Set aside"
            value={count(now.dead_letters)}
            tone={now.dead_letters > 0 ? 'over' : undefined}
            hint={now.dead_letters > 0 ? 'messages that cannot be run' : 'every message could be run'}
          />
        </Tiles>
      )}
    </Await>
  );
}
