import { Button, Modal, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Download, FileSpreadsheet } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { get, write } from '../../api/client';
import type { Datasets, Export, List } from '../../api/types';
import { bytes, count, moment } from '../../shared/format';
import { Bones, Card, Empty, PageHead, Scroll, Trouble } from '../../shared/furniture';

const states: Record<Export['state'], [string, string]> = {
  waiting: ['Being written', 'accent'],
  ready: ['Ready', 'fair'],
  failed: ['Failed', 'over'],
};

export function ExportsPage() {
  const [asking, ask] = useState(false);
  return (
    <>
      <PageHead
        title="Exports"
        text="Your prices, and what follows from them, as files for a spreadsheet or another system."
      >
        <Button onClick={() => ask(true)} leftSection={<FileSpreadsheet size={16} />}>
          New export
        </Button>
      </PageHead>
      <Files ask={() => ask(true)} />
      <Modal
        opened={asking}
        onClose={() => ask(false)}
        title={<b>New export</b>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Order done={() => ask(false)} />
      </Modal>
    </>
  );
}

function useDatasets() {
  return useQuery({ queryKey: ['datasets'], queryFn: () => get<Datasets>('/exports/datasets'), staleTime: Infinity });
}

function Files({ ask }: { ask: () => void }) {
  const queries = useQueryClient();
  const datasets = useDatasets();
  const files = useInfiniteQuery({
    queryKey: ['exports'],
    queryFn: ({ pageParam }) => get<List<Export>>('/exports', { limit: 50, cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: (q) =>
      q.state.data?.pages.some((p) => p.data.some((e) => e.state === 'waiting')) ? 1_000 : false,
  });
  const remove = useMutation({
    mutationFn: (id: number) => write('DELETE', `/exports/${id}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ['exports'] }),
  });
  const rows = files.data?.pages.flatMap((page) => page.data) ?? [];
  const title_of = (name: string) => datasets.data?.datasets.find((d) => d.name === name)?.title ?? name;
  return (
    <Card title="Files" flush>
      {(files.error || remove.error) && (
        <div style={{ padding: 20 }}>
          <Trouble error={files.error ?? remove.error} />
        </div>
      )}
      {files.isPending && <Bones rows={4} height={40} />}
      {files.data && rows.length === 0 && (
        <Empty title="No file yet">
          Every observed price, items with their benchmarks, suppliers, the index, or all of it as one workbook.{' '}
          <button type="button" className="link" onClick={ask}>
            Write the first one
          </button>
        </Empty>
      )}
      {rows.length > 0 && (
        <Scroll label="Exports">
          <table className="plain">
            <thead>
              <tr>
                <th>What</th>
                <th>Asked</th>
                <th>State</th>
                <th className="right">Rows</th>
                <th className="right">Size</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {rows.map((e) => (
                <tr key={e.id}>
                  <td>
                    <span className="strong">{title_of(e.dataset)}</span>{' '}
                    <span className="faint">{e.format.toUpperCase()}</span> <Narrowed by={e} />
                  </td>
                  <td className="muted">{moment(e.created_at)}</td>
                  <td>
                    <span className={`chip ${states[e.state][1]}`}>{states[e.state][0]}</span>
                    {e.error && <div className="muted">{e.error}</div>}
                  </td>
                  <td className="right num">{e.state === 'ready' ? count(e.rows) : '–'}</td>
                  <td className="right num">{e.state === 'ready' ? bytes(e.bytes) : '–'}</td>
                  <td className="right">
                    <div className="row" style={{ justifyContent: 'flex-end', gap: 8 }}>
                      {e.state === 'ready' && (
                        <Button
                          size="compact-xs"
                          component="a"
                          href={`/api/v1/exports/${e.id}/file`}
                          leftSection={<Download size={13} />}
                        >
                          Download
                        </Button>
                      )}
                      {e.state !== 'waiting' && (
                        <Button
                          size="compact-xs"
                          variant="default"
                          loading={remove.isPending && remove.variables === e.id}
                          onClick={() => remove.mutate(e.id)}
                        >
                          Delete
                        </Button>
                      )}
                    </div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {files.hasNextPage && (
        <div style={{ padding: 16, textAlign: 'center' }}>
          <Button variant="default" size="xs" loading={files.isFetchingNextPage} onClick={() => files.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </Card>
  );
}

function Narrowed({ by }: { by: Export }) {
  const { from, until } = (by.filter ?? {}) as { from?: string | null; until?: string | null };
  if (!from && !until) return null;
  return <span className="faint">{`${from ? `from ${from}` : ''} ${until ? `before ${until}` : ''}`.trim()}</span>;
}

function Order({ done }: { done: () => void }) {
  const queries = useQueryClient();
  const datasets = useDatasets();
  const [name, set_name] = useState('report');
  const [format, set_format] = useState('csv');
  const chosen = datasets.data?.datasets.find((d) => d.name === name);
  const order = useMutation({
    mutationFn: (body: Record<string, unknown>) => write('POST', '/exports', body),
    onSuccess: () => {
      queries.invalidateQueries({ queryKey: ['exports'] });
      done();
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const data = new FormData(e.currentTarget);
    const filter = { from: data.get('from') || null, until: data.get('until') || null };
    order.mutate({
      dataset: name,
      format: chosen?.formats.includes(format) ? format : chosen?.formats[0],
      ...(chosen?.is_filtered ? { filter } : {}),
    });
  };
  return (
    <form onSubmit={submit} className="stack" style={{ gap: 14 }}>
      <Select
        label="What"
        description={chosen?.about}
        data={datasets.data?.datasets.map((d) => ({ value: d.name, label: d.title })) ?? []}
        value={name}
        onChange={(v) => v && set_name(v)}
        allowDeselect={false}
        data-autofocus
      />
      {chosen && chosen.formats.length > 1 && (
        <SegmentedControl
          aria-label="Format"
          data={[
            { value: 'csv', label: 'CSV (gzip)' },
            { value: 'xlsx', label: 'Excel' },
          ]}
          value={format}
          onChange={set_format}
        />
      )}
      {chosen?.is_filtered && (
        <div className="row" style={{ gap: 12 }}>
          <TextInput type="date" name="from" label="From" style={{ flex: 1 }} />
          <TextInput type="date" name="until" label="Before" style={{ flex: 1 }} />
        </div>
      )}
      {(order.error || datasets.error) && <Trouble error={order.error ?? datasets.error} />}
      <div className="row">
        <span style={{ flex: 1 }} />
        <Button variant="default" onClick={done}>
          Cancel
        </Button>
        <Button type="submit" loading={order.isPending} disabled={!chosen}>
          Write it
        </Button>
      </div>
    </form>
  );
}
