import { ActionIcon, Autocomplete, Button, TextInput } from '@mantine/core';
import { Calculator, Plus, X } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { PartForm } from '../../api/types';
import { count, quantity } from '../../shared/format';
import { Card, ShowAll } from '../../shared/furniture';
import { type Described, example_of, nothing_said } from './part';

const shown_at_first = 16;

/** The part in the words that the model knows: a field for every column of its table. */
export function PartFields(p: {
  form: PartForm;
  said: Described;
  wrong: Record<string, string>;
  busy: boolean;
  currency: string;
  change: (said: Described) => void;
  ask: () => void;
}) {
  const { form, said, wrong, change } = p;
  const [all, set_all] = useState(false);
  const has = (means: string) => form.terms.some((t) => t.means === means);
  const example = example_of(form);
  const fields = [
    ...form.measures.map((m) => ({ name: m.name, measure: m, label: null })),
    ...form.labels.map((l) => ({ name: l.name, measure: null, label: l })),
  ];
  const shown = all
    ? fields
    : fields.filter((f, i) => i < shown_at_first || said.facts[f.name] || wrong[`fact ${f.name}`]);
  const fact = (name: string, value: string) => change({ ...said, facts: { ...said.facts, [name]: value } });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    p.ask();
  };
  return (
    <Card
      title="Describe a part"
      aside={
        <span className="row">
          {example && (
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => change(example)}
              title={`Part ${form.example?.part} of the table`}
            >
              Use an example
            </Button>
          )}
          <Button size="compact-xs" variant="subtle" color="gray" onClick={() => change(nothing_said)}>
            Clear
          </Button>
        </span>
      }
    >
      <form onSubmit={submit} className="stack" aria-label="Part" noValidate>
        <div className="fields">
          {shown.map((f) =>
            f.measure ? (
              <TextInput
                key={f.name}
                label={f.name}
                inputMode="decimal"
                autoComplete="off"
                value={said.facts[f.name] ?? ''}
                placeholder={f.measure.parts > 0 ? `usually ${quantity(f.measure.usual)}` : undefined}
                description={usual_range(f.measure)}
                error={wrong[`fact ${f.name}`]}
                onChange={(e) => fact(f.name, e.currentTarget.value)}
              />
            ) : (
              <Autocomplete
                key={f.name}
                label={f.name}
                value={said.facts[f.name] ?? ''}
                data={f.label?.values.map((v) => v.value) ?? []}
                limit={60}
                maxDropdownHeight={260}
                description={f.label && usual_words(f.label)}
                placeholder={f.label?.values[0] ? `often ${f.label.values[0].value}` : undefined}
                onChange={(value) => fact(f.name, value)}
              />
            ),
          )}
        </div>
        {fields.length > shown_at_first && (
          <div>
            <ShowAll all={all} set={set_all}>
              Show all {count(fields.length)} fields
            </ShowAll>
          </div>
        )}
        {(has('bill') || form.components.length > 0) && <Bill {...p} />}
        <div className="fields">
          <TextInput
            label="Quantities"
            value={said.quantities}
            inputMode="text"
            autoComplete="off"
            description="pieces ordered at once, several to see the breaks"
            error={wrong.quantities}
            onChange={(e) => change({ ...said, quantities: e.currentTarget.value })}
          />
          {has('supplier') && (
            <Autocomplete
              label="Supplier"
              value={said.supplier}
              data={form.suppliers.map((s) => s.value)}
              limit={60}
              description="leave empty for no one in particular"
              onChange={(supplier) => change({ ...said, supplier })}
            />
          )}
          {has('annual usage') && (
            <TextInput
              label="Annual usage"
              inputMode="decimal"
              autoComplete="off"
              value={said.annual_usage}
              description="pieces a year"
              error={wrong['annual usage']}
              onChange={(e) => change({ ...said, annual_usage: e.currentTarget.value })}
            />
          )}
          {has('minimum order') && (
            <TextInput
              label="Minimum order"
              inputMode="decimal"
              autoComplete="off"
              value={said.minimum_order}
              description="pieces"
              error={wrong['minimum order']}
              onChange={(e) => change({ ...said, minimum_order: e.currentTarget.value })}
            />
          )}
          <TextInput
            label="Quote to hold against"
            inputMode="decimal"
            autoComplete="off"
            value={said.quote}
            description={`${p.currency} a piece, if you have one`}
            error={wrong.quote}
            onChange={(e) => change({ ...said, quote: e.currentTarget.value })}
          />
        </div>
        {wrong.part && (
          <div role="alert" className="over">
            {wrong.part}
          </div>
        )}
        <div>
          <Button type="submit" leftSection={<Calculator size={15} />} loading={p.busy}>
            What should it cost?
          </Button>
        </div>
      </form>
    </Card>
  );
}

function usual_range(m: PartForm['measures'][number]): string | undefined {
  if (m.parts === 0) return undefined;
  return m.low === m.high ? `${quantity(m.low)} for nearly all` : `mostly ${quantity(m.low)} to ${quantity(m.high)}`;
}

function usual_words(l: PartForm['labels'][number]): string | undefined {
  if (l.values.length === 0) return undefined;
  return `${count(l.values.length)}${l.more ? ' and more' : ''} known ${l.values.length === 1 ? 'value' : 'values'}`;
}

function Bill(p: {
  form: PartForm;
  said: Described;
  wrong: Record<string, string>;
  change: (said: Described) => void;
}) {
  const { said, change } = p;
  const rows = said.bill;
  const put = (bill: Described['bill']) => change({ ...said, bill });
  const set = (at: number, next: Partial<Described['bill'][number]>) =>
    put(rows.map((r, i) => (i === at ? { ...r, ...next } : r)));
  return (
    <fieldset className="bill">
      <legend>Bill of components</legend>
      {rows.map((row, i) => (
        <div key={i} className="row" style={{ flexWrap: 'nowrap', alignItems: 'flex-start' }}>
          <Autocomplete
            aria-label={`Component ${i + 1}`}
            placeholder={p.form.components[0] ? `such as ${p.form.components[0].value}` : 'Component'}
            style={{ flex: 1, minWidth: 0 }}
            data={p.form.components.map((c) => c.value)}
            limit={60}
            value={row.component}
            onChange={(component) => set(i, { component })}
          />
          <TextInput
            aria-label={`Pieces of component ${i + 1}`}
            inputMode="decimal"
            w={76}
            value={row.quantity}
            error={p.wrong[`bill ${i}`]}
            onChange={(e) => set(i, { quantity: e.currentTarget.value })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            aria-label={`Remove component ${i + 1}`}
            onClick={() => put(rows.filter((_, at) => at !== i))}
          >
            <X size={16} />
          </ActionIcon>
        </div>
      ))}
      <div>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<Plus size={14} />}
          disabled={rows.length >= 500}
          onClick={() => put([...rows, { component: '', quantity: '1' }])}
        >
          Add a component
        </Button>
      </div>
    </fieldset>
  );
}
