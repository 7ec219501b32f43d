import { Button } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CircleCheck, Plus, SkipForward, Undo2 } from 'lucide-react';
import { useState } from 'react';
import { get, write } from '../../api/client';
import type { List, Match } from '../../api/types';
import { plural, share } from '../../shared/format';
import { Await, Card, Empty, PageHead, Trouble } from '../../shared/furniture';

type Choice = { choice: 'candidate' | 'new'; chosen_id?: number };

/** One question at a time: 1, 2, 3 choose, N makes a new one, S skips, U takes the last answer back. */
export function ReviewPage() {
  const matches = useQuery({
    queryKey: ['matches'],
    queryFn: () => get<List<Match>>('/matches', { state: 'pending', limit: 200 }),
  });
  return (
    <>
      <PageHead
        title="Review matches"
        text="Names that look like one you already have. One answer settles every row with that name."
        back={{ to: '/loads', label: 'Loads' }}
      />
      <Await of={matches} rows={6} height={32}>
        {({ data }) => <Review matches={data} />}
      </Await>
    </>
  );
}

function Review({ matches }: { matches: Match[] }) {
  const queries = useQueryClient();
  const [skipped, set_skipped] = useState<number[]>([]);
  const [answered, set_answered] = useState<number[]>([]);
  const left = matches.filter((m) => !answered.includes(m.id));
  const now = left.find((m) => !skipped.includes(m.id)) ?? left[0];
  const decide = useMutation({
    mutationFn: (p: Choice & { id: number }) =>
      write('POST', `/matches/${p.id}/decision`, { choice: p.choice, chosen_id: p.chosen_id }),
    onMutate: (p) => set_answered((old) => [...old, p.id]),
    onError: (_e, p) => set_answered((old) => old.filter((id) => id !== p.id)),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['overview'] }),
  });
  const undo = useMutation({
    mutationFn: (id: number) => write('POST', `/matches/${id}/undo`, {}),
    onSuccess: (_r, id) => {
      set_answered((old) => old.filter((a) => a !== id));
      set_skipped((old) => old.filter((a) => a !== id));
    },
  });
  const pick = (n: number) =>
    now?.candidates[n] && decide.mutate({ id: now.id, choice: 'candidate', chosen_id: now.candidates[n].id });
  const create = () => now && decide.mutate({ id: now.id, choice: 'new' });
  const skip = () => now && set_skipped((old) => [...old.filter((id) => id !== now.id), now.id]);
  const back = () => answered.length > 0 && !undo.isPending && undo.mutate(answered[answered.length - 1]);
  useHotkeys([
    ['1', () => pick(0)],
    ['2', () => pick(1)],
    ['3', () => pick(2)],
    ['n', create],
    ['s', skip],
    ['u', back],
  ]);
  const take_back = (
    <Button
      variant="default"
      size="xs"
      disabled={answered.length === 0}
      leftSection={<Undo2 size={14} />}
      onClick={back}
    >
      Undo <kbd style={{ marginLeft: 8 }}>U</kbd>
    </Button>
  );
  if (!now)
    return (
      <Card>
        <Empty
          icon={<CircleCheck size={30} strokeWidth={1.5} />}
          title="Nothing waits for you"
          actions={answered.length > 0 && take_back}
        >
          Every name is settled. New questions appear after the next load.
        </Empty>
      </Card>
    );
  return (
    <div className="stack" style={{ maxWidth: 760 }}>
      {(decide.error || undo.error) && <Trouble error={decide.error ?? undo.error} />}
      <Card
        title={now.kind === 'item' ? 'Which item is this?' : 'Which supplier is this?'}
        aside={`${plural(left.length, 'question')} left`}
      >
        <div style={{ margin: '2px 0 18px' }}>
          <div style={{ fontSize: 19, fontWeight: 600, letterSpacing: '-0.015em', overflowWrap: 'anywhere' }}>
            {now.source_text}
          </div>
          <span className="muted">
            {now.unit ? `per ${now.unit} · ` : ''}
            {plural(now.rows, 'row')} of the file
          </span>
        </div>
        <div className="review">
          {now.candidates.slice(0, 3).map((c, i) => (
            <button type="button" className="candidate" key={c.id} onClick={() => pick(i)}>
              <kbd>{i + 1}</kbd>
              <span className="clip">{c.name}</span>
              <span className="number">{share(c.score)} alike</span>
            </button>
          ))}
          <div className="row" style={{ marginTop: 6 }}>
            <Button variant="default" size="xs" leftSection={<Plus size={14} />} onClick={create}>
              It is new <kbd style={{ marginLeft: 8 }}>N</kbd>
            </Button>
            <Button variant="default" size="xs" leftSection={<SkipForward size={14} />} onClick={skip}>
              Skip <kbd style={{ marginLeft: 8 }}>S</kbd>
            </Button>
            {take_back}
          </div>
        </div>
      </Card>
    </div>
  );
}
