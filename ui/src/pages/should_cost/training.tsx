import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, TriangleAlert } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { get, write } from '../../api/client';
import type { Job, List, PartCostModel } from '../../api/types';
import { useSession } from '../../app/session';
import { count, moment, share } from '../../shared/format';
import { Card, Tile, Tiles, Trouble } from '../../shared/furniture';

const is_open = (j: Job | undefined) => j?.state === 'queued' || j?.state === 'running';

/** The newest training: asked again each second while it waits or runs; its end renews what is shown. */
export function useTraining() {
  const queries = useQueryClient();
  const may_see = useSession().permissions.includes('job.read');
  const jobs = useQuery({
    queryKey: ['part training'],
    enabled: may_see,
    queryFn: () => get<List<Job>>('/jobs', { kind: 'train_part_costs', limit: 1 }),
    refetchInterval: (q) => (is_open(q.state.data?.data[0]) ? 1_000 : false),
  });
  const job = jobs.data?.data[0];
  const was_open = useRef(false);
  const open = is_open(job);
  useEffect(() => {
    if (was_open.current && !open) queries.invalidateQueries({ queryKey: ['should-cost'] });
    was_open.current = open;
  }, [open, queries]);
  return { job, open };
}

export function Train({ busy }: { busy: boolean }) {
  const queries = useQueryClient();
  const train = useMutation({
    mutationFn: () => write('POST', '/should-cost/train'),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['part training'] }),
  });
  return (
    <>
      <Button variant="default" loading={train.isPending} disabled={busy} onClick={() => train.mutate()}>
        Learn again
      </Button>
      {train.error && <Trouble error={train.error} />}
    </>
  );
}

export function Progress({ job, in_use }: { job: Job; in_use: boolean }) {
  const waits = job.state === 'queued';
  const done = Math.round((job.progress?.share ?? 0) * 100);
  return (
    <Card title="Learning what parts cost" aside={waits ? 'waits for a worker' : (job.progress?.step ?? 'begun')}>
      <div
        className="bar"
        role="progressbar"
        aria-label="Learning what parts cost"
        aria-valuenow={done}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <i style={{ width: `${Math.max(done, 2)}%` }} />
      </div>
      <p className="faint" style={{ margin: '10px 0 0' }}>
        {waits
          ? job.error
            ? `It will be tried again: ${job.error}`
            : 'It begins as soon as a worker is free.'
          : `${done} %. You may leave this page${in_use ? '; the version in use answers until then' : ', it goes on'}.`}
      </p>
    </Card>
  );
}

/** A training that failed, or whose model was not taken: what happened and what to do. */
export function Outcome({ job, newest, in_use }: { job?: Job; newest?: PartCostModel; in_use: boolean }) {
  const kept = in_use ? ' The version in use stays.' : '';
  if (job?.state === 'failed')
    return (
      <div className="problem" role="alert">
        <b>The last training failed</b>
        <span>
          {job.error}.{kept}
        </span>
        <span className="faint">
          Bring a table with more rows, or see{' '}
          <Link className="link" to="/work" search={{ job: String(job.id) }}>
            the task
          </Link>
          .
        </span>
      </div>
    );
  if (newest?.state !== 'rejected') return null;
  return (
    <div className="problem" role="status">
      <b>
        <TriangleAlert size={15} aria-hidden style={{ verticalAlign: '-2px' }} /> Version {newest.version} was not taken
      </b>
      <span>
        {newest.metrics?.tested_quotes
          ? 'On parts that it had not seen it was no nearer than the usual cost of a part.'
          : 'There were too few parts to test it on.'}
        {kept}
      </span>
      <span className="faint">
        Bring more parts, or columns that tell dear parts from cheap ones: a weight, a length, a material.
      </span>
    </div>
  );
}

export function Result({ model }: { model: PartCostModel }) {
  const m = model.metrics ?? {};
  const coverage = m.coverage_90 ?? null;
  const good = coverage !== null && coverage >= 0.86 && coverage <= 0.94;
  const less = m.rmsle && m.rmsle_usual ? 1 - m.rmsle / m.rmsle_usual : null;
  return (
    <Tiles>
      <Tile
        label="Version in use"
        value={model.version}
        tone="range"
        hint={`made ${moment(model.created_at)}`}
        full={model.created_at}
      />
      <Tile
        label="Typical error"
        value={share(m.typical_error, 1)}
        hint={`on ${count(m.tested_quotes)} quotes of parts it had not seen`}
      />
      <Tile
        label="Error against the usual cost"
        value={
          less === null ? (
            '–'
          ) : (
            <span className={less > 0 ? 'fair' : 'over'}>
              <CircleCheck size={18} aria-hidden style={{ verticalAlign: '-2px' }} /> {share(Math.abs(less))}{' '}
              {less > 0 ? 'less' : 'more'}
            </span>
          )
        }
        hint={`${(m.rmsle ?? 0).toFixed(3)} against ${(m.rmsle_usual ?? 0).toFixed(3)}, root mean square of the log`}
      />
      <Tile
        label="90 % interval covers"
        value={share(coverage, 1)}
        tone={coverage === null ? undefined : good ? 'fair' : 'over'}
        hint={good ? 'as promised' : 'should be about 90 %'}
      />
    </Tiles>
  );
}
