import { Button, Modal, NumberInput, SegmentedControl, Select, Switch, TextInput } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { BellPlus } from 'lucide-react';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import { get, write } from '../../api/client';
import type { Alert, AlertKind, AlertRule, List, Overview } from '../../api/types';
import { moment, money } from '../../shared/format';
import { Bones, Card, Empty, PageHead, Scroll, Trouble } from '../../shared/furniture';
import { happened, kept, kinds, limit_of } from './kinds';

const states: Record<Alert['state'], [string, string]> = {
  open: ['Open', 'over'],
  acknowledged: ['Noted', 'accent'],
  resolved: ['No longer so', 'fair'],
};

export function AlertsPage() {
  const [adding, add] = useState(false);
  // What is watched stands below the inbox, so it waits to know where that ends.
  const [inbox_there, set_inbox_there] = useState(false);
  return (
    <>
      <PageHead
        title="Alerts"
        text="What moved, what is dear, what has grown old. Looked for after every load and training."
      >
        <Button onClick={() => add(true)} leftSection={<BellPlus size={16} />}>
          Watch something
        </Button>
      </PageHead>
      <div className="stack">
        <Inbox there={() => set_inbox_there(true)} />
        {inbox_there && <Rules />}
      </div>
      <Modal
        opened={adding}
        onClose={() => add(false)}
        title={<b>Watch something</b>}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <NewRule done={() => add(false)} />
      </Modal>
    </>
  );
}

function useCurrency() {
  const { data } = useQuery({ queryKey: ['overview'], queryFn: () => get<Overview>('/overview') });
  return data?.currency ?? 'USD';
}

function useRefresh() {
  const queries = useQueryClient();
  return () =>
    Promise.all(['alerts', 'alert-rules', 'overview'].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

function Inbox({ there }: { there: () => void }) {
  const currency = useCurrency();
  const refresh = useRefresh();
  const [state, set_state] = useState<Alert['state']>('open');
  const alerts = useInfiniteQuery({
    queryKey: ['alerts', state],
    queryFn: ({ pageParam }) => get<List<Alert>>('/alerts', { state, limit: 50, cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 5_000,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once, when the first answer is drawn
  useEffect(() => {
    if (!alerts.isPending) there();
  }, [alerts.isPending]);
  const note = useMutation({
    mutationFn: (id: number) => write('POST', `/alerts/${id}/acknowledge`),
    onSettled: refresh,
  });
  const rows = alerts.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Card
      title="Inbox"
      flush
      aside={
        <SegmentedControl
          size="xs"
          aria-label="State"
          data={Object.entries(states).map(([value, [label]]) => ({ value, label }))}
          value={state}
          onChange={(v) => set_state(v as Alert['state'])}
        />
      }
    >
      {(alerts.error || note.error) && (
        <div style={{ padding: 20 }}>
          <Trouble error={alerts.error ?? note.error} />
        </div>
      )}
      {alerts.isPending && <Bones rows={4} height={40} />}
      {alerts.data && rows.length === 0 && (
        <Empty title={state === 'open' ? 'Nothing needs you' : 'None'}>
          Alerts are raised when a rule below is true, and resolve when it no longer is.
        </Empty>
      )}
      {rows.length > 0 && (
        <Scroll label="Alerts">
          <table className="plain">
            <thead>
              <tr>
                <th>What</th>
                <th>Rule</th>
                <th className="right">A year’s money</th>
                <th>Since</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {rows.map((a) => (
                <tr key={a.id}>
                  <td>
                    <Subject of={a} /> <span className="muted">{happened(a, currency)}</span>
                  </td>
                  <td className="muted">{a.rule}</td>
                  <td className="right num">{a.money === null ? '–' : money(a.money, currency)}</td>
                  <td className="muted">{moment(a.raised_at)}</td>
                  <td className="right">
                    {a.state === 'open' ? (
                      <Button
                        size="compact-xs"
                        variant="default"
                        loading={note.isPending && note.variables === a.id}
                        onClick={() => note.mutate(a.id)}
                      >
                        Take note
                      </Button>
                    ) : (
                      <span className={`chip ${states[a.state][1]}`}>{states[a.state][0]}</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {alerts.hasNextPage && (
        <div style={{ padding: 16, textAlign: 'center' }}>
          <Button
            variant="default"
            size="xs"
            loading={alerts.isFetchingNextPage}
            onClick={() => alerts.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      )}
    </Card>
  );
}

function Subject({ of: a }: { of: Alert }): ReactNode {
  if (a.item_id !== null)
    return (
      <Link className="link strong" to="/items/$id" params={{ id: String(a.item_id) }}>
        {a.title}
      </Link>
    );
  if (a.supplier_id !== null)
    return (
      <Link className="link strong" to="/suppliers/$id" params={{ id: String(a.supplier_id) }}>
        {a.title}
      </Link>
    );
  if (a.verdict_id !== null)
    return (
      <Link className="link strong" to="/judge/$id" params={{ id: String(a.verdict_id) }}>
        {a.title}
      </Link>
    );
  return <span className="strong">{a.title}</span>;
}

function Rules() {
  const currency = useCurrency();
  const refresh = useRefresh();
  const rules = useQuery({
    queryKey: ['alert-rules'],
    queryFn: () => get<List<AlertRule>>('/alert-rules', { limit: 200 }),
  });
  const change = useMutation({
    mutationFn: (r: { id: number; enabled: boolean }) => write('PATCH', `/alert-rules/${r.id}`, { enabled: r.enabled }),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (id: number) => write('DELETE', `/alert-rules/${id}`),
    onSettled: refresh,
  });
  const trouble = rules.error ?? change.error ?? remove.error;
  return (
    <Card title="What is watched" flush>
      {trouble && (
        <div style={{ padding: 20 }}>
          <Trouble error={trouble} />
        </div>
      )}
      {rules.isPending && <Bones rows={4} height={40} />}
      {rules.data?.data.length === 0 && (
        <Empty title="Nothing yet">The usual rules are made with the first load of prices.</Empty>
      )}
      {rules.data && rules.data.data.length > 0 && (
        <Scroll label="Rules">
          <table className="plain">
            <thead>
              <tr>
                <th>Rule</th>
                <th>Watches</th>
                <th className="right">Threshold</th>
                <th className="right">Open</th>
                <th>On</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {rules.data.data.map((r) => (
                <tr key={r.id}>
                  <td className="strong">{r.name}</td>
                  <td className="muted">{kinds[r.kind].label}</td>
                  <td className="right num">{limit_of(r.kind, r.threshold, currency)}</td>
                  <td className="right num">{r.open_alerts}</td>
                  <td>
                    <Switch
                      size="xs"
                      aria-label={`${r.name}: on`}
                      checked={r.enabled}
                      onChange={(e) => change.mutate({ id: r.id, enabled: e.currentTarget.checked })}
                    />
                  </td>
                  <td className="right">
                    <Button
                      size="compact-xs"
                      variant="default"
                      loading={remove.isPending && remove.variables === r.id}
                      onClick={() => remove.mutate(r.id)}
                    >
                      Delete
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  );
}

function NewRule({ done }: { done: () => void }) {
  const refresh = useRefresh();
  const currency = useCurrency();
  const [kind, set_kind] = useState<AlertKind>('price_change');
  const [threshold, set_threshold] = useState<number | string>(kinds.price_change.usual);
  const { label, asks, unit } = kinds[kind];
  const save = useMutation({
    mutationFn: async (body: Record<string, unknown>) => {
      await write('POST', '/alert-rules', body);
      await write('POST', '/alerts/evaluate');
    },
    onSuccess: () => {
      void refresh();
      done();
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const name = String(new FormData(e.currentTarget).get('name') ?? '').trim();
    save.mutate({
      name: name || `${label} ${asks} ${limit_of(kind, kept(kind, Number(threshold)), currency)}`,
      kind,
      threshold: kept(kind, Number(threshold)),
    });
  };
  return (
    <form onSubmit={submit} className="stack" style={{ gap: 14 }}>
      <Select
        label="What"
        data={Object.entries(kinds).map(([value, k]) => ({ value, label: k.label }))}
        value={kind}
        onChange={(v) => {
          if (!v) return;
          set_kind(v as AlertKind);
          set_threshold(kinds[v as AlertKind].usual);
        }}
        allowDeselect={false}
        data-autofocus
      />
      <NumberInput
        label={asks[0].toUpperCase() + asks.slice(1)}
        suffix={unit === 'share' ? ' %' : unit === 'days' ? ' days' : ` ${currency}`}
        value={threshold}
        onChange={set_threshold}
        min={0}
        required
      />
      <TextInput name="name" label="Name" placeholder="As you would say it" maxLength={120} />
      {save.error && <Trouble error={save.error} />}
      <div className="row">
        <span style={{ flex: 1 }} />
        <Button variant="default" onClick={done}>
          Cancel
        </Button>
        <Button type="submit" loading={save.isPending} disabled={!(Number(threshold) > 0)}>
          Watch it
        </Button>
      </div>
    </form>
  );
}
