import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { get, write } from '../../api/client';
import type { Upload } from '../../api/types';
import { bytes, count, moment, plural } from '../../shared/format';
import { Bones, Card, PageHead, Trouble } from '../../shared/furniture';
import { is_busy, LoadProgress, LoadState } from './load_state';
import { MappingStep } from './mapping_step';
import { QualityReport } from './quality_report';
import { Quarantine } from './quarantine';

export function LoadPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const queries = useQueryClient();
  const upload = useQuery({
    queryKey: ['upload', id],
    queryFn: () => get<Upload>(`/uploads/${id}`),
    refetchInterval: (q) => (is_busy(q.state.data) ? 1000 : false),
  });
  const start = useMutation({
    mutationFn: () => write<Upload>('POST', `/uploads/${id}/start`),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['upload', id] }),
  });
  const back = { to: '/loads', label: 'Loads' };
  if (upload.error && !upload.data)
    return (
      <>
        <PageHead title="File" back={back} />
        <Trouble error={upload.error} retry={() => upload.refetch()} />
      </>
    );
  if (!upload.data)
    return (
      <>
        <PageHead title="…" back={back} />
        <Bones rows={8} height={26} />
      </>
    );
  const u = upload.data;
  const over = u.state === 'completed' || u.state === 'partial' || u.state === 'failed';
  const facts = [bytes(u.bytes), u.detected?.format, u.detected?.encoding, `sent ${moment(u.created_at)}`]
    .filter(Boolean)
    .join(' · ');
  return (
    <>
      <PageHead title={u.file_name} text={facts} back={back}>
        <LoadState state={u.state} />
        {u.state === 'ready' && (
          <Button loading={start.isPending} onClick={() => start.mutate()}>
            Load the rows
          </Button>
        )}
      </PageHead>
      <div className="stack">
        {u.error && (
          <div className="problem" role="alert">
            <b>{u.state === 'failed' ? 'The file was not loaded' : 'Something needs a look'}</b>
            <span>{u.error}</span>
          </div>
        )}
        {start.error && <Trouble error={start.error} retry={() => start.mutate()} />}
        {(u.state === 'processing' || u.state === 'validating') && (
          <Card title="In progress" aside="kept safe if you leave this page">
            <LoadProgress upload={u} />
          </Card>
        )}
        {(over || u.state === 'processing') && <Reconcile u={u} />}
        {u.state === 'mapping' && <MappingStep upload={u} />}
        {u.awaiting > 0 && (
          <div className="notice">
            {plural(u.awaiting, 'row')} wait for a decision about what they name.{' '}
            <Link className="link" to="/loads/review">
              Review matches
            </Link>
          </div>
        )}
        {u.quarantined > 0 && <Quarantine upload={u} />}
        {over && u.state !== 'failed' && <QualityReport upload={u} />}
      </div>
    </>
  );
}

/** Rows in = loaded + set aside + duplicates + waiting, always; the sum is shown, not claimed. */
function Reconcile({ u }: { u: Upload }) {
  const parts = [
    ['Loaded', u.loaded],
    ['Set aside', u.quarantined],
    ['Duplicates', u.duplicates],
    ['Waiting', u.awaiting],
  ] as const;
  const sum = parts.reduce((n, [, v]) => n + v, 0);
  const exact = sum === u.rows_in;
  return (
    <Card
      title="Where every row went"
      aside={
        <span className={exact ? 'fair' : 'muted'} data-testid="reconcile">
          {count(sum)} of {count(u.rows_in)} {exact ? '✓ adds up' : 'so far'}
        </span>
      }
    >
      <dl className="tiles" style={{ margin: 0, boxShadow: 'none' }}>
        <div className="tile">
          <dt>Rows in</dt>
          <dd>{count(u.rows_in)}</dd>
        </div>
        {parts.map(([label, v]) => (
          <div className="tile" key={label}>
            <dt>{label}</dt>
            <dd className={v === 0 ? 'unknown' : ''}>{count(v)}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
