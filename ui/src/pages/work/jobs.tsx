import { Button, Drawer, Progress, SegmentedControl } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { ListChecks } from 'lucide-react';
import { get, write } from '../../api/client';
import type { Job, List } from '../../api/types';
import { moment, share } from '../../shared/format';
import { Bones, Card, Empty, Scroll, Trouble } from '../../shared/furniture';
import { kind_name, lasting } from './kinds';

const states: Record<Job['state'], [string, string]> = {
  queued: ['Waiting', 'unknown'],
  running: ['Running', 'accent'],
  succeeded: ['Done', 'fair'],
  failed: ['Failed', 'over'],
  revoked: ['Stopped', 'unknown'],
};
const filters = [
  { value: '', label: 'All' },
  ...(['running', 'queued', 'failed', 'succeeded', 'revoked'] as const).map((s) => ({ value: s, label: states[s][0] })),
];

/** Finished at, else now, less the beginning of the last attempt. */
function runtime(job: Job): string {
  if (!job.started_at) return '–';
  const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
  return lasting(Math.max(0, (end - Date.parse(job.started_at)) / 1000));
}

export function Jobs() {
  const { state = '', job } = useSearch({ strict: false }) as { state?: string; job?: string };
  const navigate = useNavigate();
  const look = (next: Record<string, string>) => navigate({ to: '/work', search: { state, ...next } });
  const jobs = useInfiniteQuery({
    queryKey: ['jobs', state],
    queryFn: ({ pageParam }) => get<List<Job>>('/jobs', { state, limit: 50, cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 3_000,
  });
  const rows = jobs.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Card
      title="Tasks"
      flush
      aside={
        <SegmentedControl
          size="xs"
          data={filters}
          value={state}
          onChange={(value) => look({ state: value })}
          aria-label="State"
        />
      }
    >
      {jobs.error ? (
        <Trouble error={jobs.error} retry={() => jobs.refetch()} />
      ) : !jobs.data ? (
        <div style={{ padding: '0 20px' }}>
          <Bones rows={6} />
        </div>
      ) : rows.length === 0 ? (
        <Empty icon={<ListChecks size={28} strokeWidth={1.5} />} title="No such tasks">
          Loading a file, a schedule or a click on “Run now” begins one.
        </Empty>
      ) : (
        <Table rows={rows} on_open={(id) => look({ job: String(id) })} />
      )}
      {jobs.hasNextPage && (
        <div style={{ padding: 16, textAlign: 'center' }}>
          <Button variant="default" size="xs" loading={jobs.isFetchingNextPage} onClick={() => jobs.fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      )}
      <Drawer
        opened={Boolean(job)}
        onClose={() => look({})}
        position="right"
        size="lg"
        title={<b>Task {job}</b>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {job && rows.some((r) => String(r.id) === job) ? (
          <One job={rows.find((r) => String(r.id) === job) as Job} />
        ) : (
          <Empty title="Not among these tasks" />
        )}
      </Drawer>
    </Card>
  );
}

function State({ job }: { job: Job }) {
  const [label, tone] = job.stopping ? ['Stopping', 'unknown'] : states[job.state];
  return (
    <span className={`chip ${tone}`} style={{ paddingLeft: 8 }}>
      {label}
    </span>
  );
}

function Step({ job }: { job: Job }) {
  if (job.state === 'failed') return <span className="clip">{job.error}</span>;
  if (job.state !== 'running') return <span className="faint">{job.error ? 'will be tried again' : '–'}</span>;
  const done = job.progress?.share;
  if (done === undefined) return <span className="faint">begun</span>;
  return (
    <div className="row" style={{ flexWrap: 'nowrap', gap: 10 }}>
      <Progress value={done * 100} w={90} aria-label={`${share(done)} done`} />
      <span className="faint">{job.progress?.step ?? share(done)}</span>
    </div>
  );
}

function Table({ rows, on_open }: { rows: Job[]; on_open: (id: number) => void }) {
  return (
    <Scroll label="Tasks">
      <table className="plain">
        <thead>
          <tr>
            <th>Task</th>
            <th>State</th>
            <th>Progress</th>
            <th className="right">Took</th>
            <th className="right">Asked for</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((j) => (
            <tr key={j.id}>
              <td>
                <button type="button" className="link strong" onClick={() => on_open(j.id)}>
                  {kind_name(j.kind)}
                </button>
              </td>
              <td>
                <State job={j} />
              </td>
              <td style={{ maxWidth: 340 }}>
                <Step job={j} />
              </td>
              <td className="right muted">{runtime(j)}</td>
              <td className="right muted">{moment(j.created_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Text({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <section>
      <h3>{title}</h3>
      <pre className="data">{JSON.stringify(value, null, 2)}</pre>
    </section>
  );
}

function One({ job }: { job: Job }) {
  const queries = useQueryClient();
  const act = useMutation({
    mutationFn: (what: 'retry' | 'revoke') => write('POST', `/jobs/${job.id}/${what}`, {}),
    onSettled: () => queries.invalidateQueries({ queryKey: ['jobs'] }),
  });
  return (
    <div className="stack">
      <div className="row">
        <b>{kind_name(job.kind)}</b>
        <State job={job} />
        <span style={{ flex: 1 }} />
        {(job.state === 'queued' || job.state === 'running') && (
          <Button size="xs" color="red" variant="light" loading={act.isPending} onClick={() => act.mutate('revoke')}>
            Stop
          </Button>
        )}
        {(job.state === 'failed' || job.state === 'revoked') && (
          <Button size="xs" loading={act.isPending} onClick={() => act.mutate('retry')}>
            Run again
          </Button>
        )}
      </div>
      {act.error && <Trouble error={act.error} />}
      {job.error && <div className="notice">{job.error}</div>}
      <table className="plain">
        <tbody>
          {[
            ['Asked for', moment(job.created_at)],
            ['Began', moment(job.started_at)],
            ['Ended', moment(job.finished_at)],
            ['Took', runtime(job)],
            ['Attempts', String(job.attempts)],
          ].map(([name, value]) => (
            <tr key={name}>
              <td className="muted">{name}</td>
              <td className="right">{value || '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Text title="Arguments" value={job.payload} />
      <Text title="Progress" value={job.progress} />
      <Text title="Result" value={job.result} />
      <p className="faint">
        Celery id <span className="mono">{job.task_id}</span>
      </p>
    </div>
  );
}
