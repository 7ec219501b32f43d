import { Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ArrowRight, Building2, Package, Search } from 'lucide-react';
import { type KeyboardEvent, useState } from 'react';
import { get } from '../api/client';
import type { ItemRow, List, SupplierRow } from '../api/types';

interface Choice {
  key: string;
  text: string;
  group: string;
  to: string;
  icon: typeof Search;
}

const actions: Choice[] = [
  ['Judge a proposal', '/judge'],
  ['Load a file', '/loads'],
  ['Review matches', '/loads/review'],
  ['Anomalies', '/anomalies'],
  ['Alerts', '/alerts'],
  ['Overview', '/'],
  ['Items', '/items'],
  ['Suppliers', '/suppliers'],
  ['Should cost of a part', '/should-cost'],
  ['Models', '/models'],
  ['Settings', '/settings'],
].map(([text, to]) => ({ key: to, text, to, group: 'Go to', icon: ArrowRight }));

function useChoices(text: string): Choice[] {
  const [search] = useDebouncedValue(text.trim(), 120);
  const wanted = search.length > 1;
  const items = useQuery({
    queryKey: ['palette items', search],
    enabled: wanted,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<List<ItemRow>>('/items', { search, limit: 8 }, signal),
  });
  const suppliers = useQuery({
    queryKey: ['palette suppliers', search],
    enabled: wanted,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<List<SupplierRow>>('/suppliers', { search, limit: 5 }, signal),
  });
  const found = actions.filter((a) => a.text.toLowerCase().includes(text.trim().toLowerCase()));
  if (!wanted) return found;
  return [
    ...found,
    ...(items.data?.data ?? [])
      .slice(0, 8)
      .map((i) => ({ key: `i${i.id}`, text: i.name, group: `Item · ${i.unit}`, to: `/items/${i.id}`, icon: Package })),
    ...(suppliers.data?.data ?? [])
      .slice(0, 5)
      .map((s) => ({ key: `s${s.id}`, text: s.name, group: 'Supplier', to: `/suppliers/${s.id}`, icon: Building2 })),
  ];
}

/** Every page, item and supplier from the keyboard. */
export default function Palette({ close }: { close: () => void }) {
  const [text, set_text] = useState('');
  const [at, set_at] = useState(0);
  const navigate = useNavigate();
  const choices = useChoices(text);
  const chosen = Math.min(at, choices.length - 1);
  const go = (c: Choice | undefined) => {
    if (!c) return;
    close();
    navigate({ to: c.to });
  };
  const key = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown') set_at(Math.min(chosen + 1, choices.length - 1));
    else if (e.key === 'ArrowUp') set_at(Math.max(chosen - 1, 0));
    else if (e.key === 'Enter') go(choices[chosen]);
    else return;
    e.preventDefault();
  };
  return (
    <Modal
      opened
      onClose={close}
      withCloseButton={false}
      padding={0}
      size="lg"
      yOffset="12vh"
      radius="lg"
      aria-label="Find anything"
      transitionProps={{ duration: 80 }}
    >
      <TextInput
        data-autofocus
        size="lg"
        variant="unstyled"
        px="md"
        value={text}
        placeholder="Item, supplier or action"
        aria-label="Find an item, a supplier or an action"
        role="combobox"
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={choices[chosen] ? `palette-${chosen}` : undefined}
        leftSection={<Search size={17} aria-hidden />}
        onKeyDown={key}
        onChange={(e) => {
          set_text(e.currentTarget.value);
          set_at(0);
        }}
      />
      <div
        id="palette-list"
        className="palette-list"
        role="listbox"
        aria-label="Found"
        style={{ borderTop: '1px solid var(--line)' }}
      >
        {choices.map((c, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above takes the keys
          <div
            key={c.key}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === chosen}
            onMouseMove={() => set_at(i)}
            onClick={() => go(c)}
          >
            <c.icon size={16} aria-hidden /> <span className="clip">{c.text}</span>{' '}
            <span className="group">{c.group}</span>
          </div>
        ))}
        {choices.length === 0 && (
          <div role="option" aria-selected="false" className="faint">
            Nothing is called that.
          </div>
        )}
      </div>
    </Modal>
  );
}
