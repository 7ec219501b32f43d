import { Button } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Keyboard } from 'lucide-react';
import { get, write } from '../../api/client';
import type { List, Upload } from '../../api/types';
import { DropZone } from '../../shared/drop_zone';
import { bytes, count, moment } from '../../shared/format';
import { Await, Card, Empty, PageHead, Scroll, Trouble } from '../../shared/furniture';
import { is_busy, LoadProgress } from './load_state';

export function LoadsPage() {
  const navigate = useNavigate();
  const uploads = useQuery({
    queryKey: ['uploads'],
    queryFn: () => get<List<Upload>>('/uploads'),
    refetchInterval: (q) => (q.state.data?.data.some(is_busy) ? 1000 : false),
  });
  const send = useMutation({
    mutationFn: (file: File) => write<Upload>('POST', '/uploads', file, { file_name: file.name }),
    onSuccess: (u) => navigate({ to: '/loads/$id', params: { id: String(u.id) } }),
  });
  return (
    <>
      <PageHead title="Loads" text="Bring in bids, quotes and purchase orders. A row is never loaded twice.">
        <Button component={Link} to="/loads/review" variant="default" leftSection={<Keyboard size={15} />}>
          Review matches
        </Button>
      </PageHead>
      <div className="stack">
        <DropZone title="Drop a file, or click to choose one" busy={send.isPending} on_file={(f) => send.mutate(f)}>
          CSV, gzip CSV or XLSX. You confirm the columns before anything is kept.
        </DropZone>
        {send.error && <Trouble error={send.error} />}
        <Card title="Files" flush>
          <Await of={uploads} rows={6}>
            {({ data }) =>
              data.length === 0 ? (
                <Empty title="No file yet">
                  Drop your first one above. A few hundred rows are enough to see fair prices.
                </Empty>
              ) : (
                <Files rows={data} />
              )
            }
          </Await>
        </Card>
      </div>
    </>
  );
}

function Files({ rows }: { rows: Upload[] }) {
  return (
    <Scroll label="Files">
      <table className="plain">
        <thead>
          <tr>
            <th>File</th>
            <th style={{ minWidth: 150 }}>State</th>
            <th className="right">Rows</th>
            <th className="right">Loaded</th>
            <th className="right">Set aside</th>
            <th className="right">Duplicates</th>
            <th className="right">Waiting</th>
            <th className="right">Sent</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((u) => (
            <tr key={u.id}>
              <td>
                <Link className="clip strong" to="/loads/$id" params={{ id: String(u.id) }} title={u.file_name}>
                  {u.file_name}
                </Link>
                <span className="faint">{bytes(u.bytes)}</span>
              </td>
              <td>
                <LoadProgress upload={u} />
              </td>
              <td className="right">{count(u.rows_in)}</td>
              <td className="right">{count(u.loaded)}</td>
              <td className="right">{count(u.quarantined)}</td>
              <td className="right muted">{count(u.duplicates)}</td>
              <td className="right muted">{count(u.awaiting)}</td>
              <td className="right muted" title={u.created_at}>
                {moment(u.created_at)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
