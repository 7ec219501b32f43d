import { Button, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, write } from '../../api/client';
import type { List, QuarantinedRow, Upload } from '../../api/types';
import { count, plural } from '../../shared/format';
import { Await, Card, Empty, Scroll, Trouble } from '../../shared/furniture';

/** Rows that could not be read, each with its reason and a place to mend it. */
export function Quarantine({ upload }: { upload: Upload }) {
  const rows = useQuery({
    queryKey: ['quarantine', upload.id, upload.quarantined],
    queryFn: () => get<List<QuarantinedRow>>(`/uploads/${upload.id}/quarantine`, { limit: 100 }),
  });
  const [mending, set_mending] = useState<number | null>(null);
  return (
    <Card title="Rows set aside" aside={`${plural(upload.quarantined, 'row')}, nothing is lost`} flush>
      <Await of={rows} rows={4}>
        {({ data }) => {
          const open = data.filter((r) => r.state === 'open');
          return open.length === 0 ? (
            <Empty title="Every row has been dealt with" />
          ) : (
            <Scroll label="Rows set aside">
              <table className="plain">
                <thead>
                  <tr>
                    <th className="right">Row</th>
                    <th>Why</th>
                    <th>Content</th>
                    <th />
                  </tr>
                </thead>
                <tbody>
                  {open.map((r) => (
                    <Row
                      key={r.row_number}
                      row={r}
                      upload={upload}
                      mending={mending === r.row_number}
                      mend={set_mending}
                    />
                  ))}
                </tbody>
              </table>
            </Scroll>
          );
        }}
      </Await>
    </Card>
  );
}

function Row({
  row,
  upload,
  mending,
  mend,
}: {
  row: QuarantinedRow;
  upload: Upload;
  mending: boolean;
  mend: (n: number | null) => void;
}) {
  const queries = useQueryClient();
  const [cells, set_cells] = useState(row.raw);
  const act = useMutation({
    mutationFn: (what: 'fix' | 'dismiss') =>
      write('POST', `/uploads/${upload.id}/quarantine/${row.row_number}/${what}`, what === 'fix' ? { cells } : {}),
    onSuccess: () => {
      mend(null);
      queries.invalidateQueries({ queryKey: ['quarantine', upload.id] });
      queries.invalidateQueries({ queryKey: ['upload', String(upload.id)] });
    },
  });
  if (mending)
    return (
      <tr>
        <td className="right">{count(row.row_number)}</td>
        <td colSpan={3}>
          <div className="over" style={{ fontSize: 13, marginBottom: 6 }}>
            {row.column ? `${row.column}: ` : ''}
            {row.reason}
          </div>
          <div className="row">
            {cells.map((c, i) => (
              <TextInput
                key={i}
                size="xs"
                w={150}
                aria-label={`Cell ${i + 1} of row ${row.row_number}`}
                value={c}
                onChange={(e) => set_cells(cells.map((old, n) => (n === i ? e.currentTarget.value : old)))}
              />
            ))}
          </div>
          <div className="row" style={{ marginTop: 8 }}>
            <Button size="xs" loading={act.isPending} onClick={() => act.mutate('fix')}>
              Load this row
            </Button>
            <Button size="xs" variant="subtle" color="gray" onClick={() => mend(null)}>
              Leave it
            </Button>
          </div>
          {act.error && <Trouble error={act.error} />}
        </td>
      </tr>
    );
  return (
    <tr>
      <td className="right">{count(row.row_number)}</td>
      <td>
        <span className="strong">{row.column}</span> {row.reason}
      </td>
      <td>
        <span className="clip mono muted" style={{ maxWidth: 380 }} title={row.raw.join(' | ')}>
          {row.raw.join(' | ')}
        </span>
      </td>
      <td className="right">
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => mend(row.row_number)}
          aria-label={`Fix row ${row.row_number}`}
        >
          Fix
        </Button>{' '}
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          loading={act.isPending}
          onClick={() => act.mutate('dismiss')}
          aria-label={`Dismiss row ${row.row_number}`}
        >
          Dismiss
        </Button>
      </td>
    </tr>
  );
}
