import { Button, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { write } from '../../api/client';
import type { TakenTable } from '../../api/types';
import { useSession } from '../../app/session';
import { DropZone } from '../../shared/drop_zone';
import { count, plural } from '../../shared/format';
import { Card, ShowAll, Trouble } from '../../shared/furniture';
import { delimiter_of, split_row } from '../../shared/paste';
import { sample_table } from './sample';

const placeholder = [
  'Part\tSupplier\tQuantity\tLength\tMaterial\tBill\tCost',
  'P-17\tNorth Works\t100\t220\tsteel\tNUT*2\t12.40',
].join('\n');

/** What a pasted text looks like, before it is sent. */
function look(text: string): { rows: number; columns: string[] } {
  const lines = text.split(/\r\n?|\n/).filter((l) => l.trim() !== '');
  return {
    rows: Math.max(lines.length - 1, 0),
    columns: lines.length > 0 ? split_row(lines[0], delimiter_of(text)) : [],
  };
}

export function TakeTable({ on_taken }: { on_taken: (taken: TakenTable) => void }) {
  const { currency: own } = useSession().organization;
  const queries = useQueryClient();
  const [text, set_text] = useState('');
  const [currency, set_currency] = useState(own);
  const take = useMutation({
    mutationFn: (file: File) =>
      write<TakenTable>('POST', '/should-cost/tables', file, {
        name: file.name.slice(0, 200),
        currency: currency.trim().toUpperCase(),
      }),
    onSuccess: (taken) => {
      set_text('');
      on_taken(taken);
      queries.invalidateQueries({ queryKey: ['should-cost'] });
      queries.invalidateQueries({ queryKey: ['part training'] });
    },
  });
  const wrong_currency = !/^[A-Za-z]{3}$/.test(currency.trim());
  const seen = look(text);
  const paste = () => take.mutate(new File([text], 'pasted.csv', { type: 'text/csv' }));
  return (
    <Card
      title="Bring what parts were bought for"
      aside={
        <Button size="compact-xs" variant="subtle" onClick={() => set_text(sample_table())}>
          Use a sample
        </Button>
      }
    >
      <div className="stack">
        {take.error && <Trouble error={take.error} />}
        <div className="grid two">
          <DropZone
            title="Drop a table of parts, or click to choose one"
            busy={take.isPending || wrong_currency}
            on_file={(f) => take.mutate(f)}
          >
            CSV, gzip CSV or XLSX
          </DropZone>
          <div>
            <Textarea
              aria-label="Table of parts"
              rows={5}
              value={text}
              onChange={(e) => set_text(e.currentTarget.value)}
              placeholder={placeholder}
              styles={{
                input: {
                  fontFamily: 'var(--mantine-font-family-monospace)',
                  fontSize: 12.5,
                  whiteSpace: 'pre',
                  overflowX: 'auto',
                },
              }}
            />
            <div className="row" style={{ marginTop: 10 }}>
              <span role="status" className="faint" style={{ flex: 1, minWidth: 140 }}>
                {seen.columns.length === 0
                  ? 'Or paste the rows, headings first.'
                  : `${plural(seen.rows, 'row')}, ${plural(seen.columns.length, 'column')}`}
              </span>
              <Button
                variant="default"
                disabled={seen.rows === 0 || wrong_currency}
                loading={take.isPending}
                onClick={paste}
              >
                Learn from these rows
              </Button>
            </div>
          </div>
        </div>
        <div className="row" style={{ alignItems: 'flex-end', gap: 20 }}>
          <TextInput
            label="Currency of the prices"
            value={currency}
            maxLength={3}
            w={170}
            error={wrong_currency ? 'three letters, as in USD' : undefined}
            onChange={(e) => set_currency(e.currentTarget.value)}
          />
          <p className="faint" style={{ margin: 0, flex: '1 1 320px' }}>
            One quoted or paid price a row. Needs the columns <b>part</b> and <b>price</b> (or cost). Understood where
            they are there: quantity, annual usage, minimum order, bracketed, supplier, date, and a bill such as
            “C-17*2; C-20”. Every other column says what a part is like: a length, a weight, a material.
          </p>
        </div>
      </div>
    </Card>
  );
}

export function Words({ title, words, more }: { title: string; words: string[]; more?: string }) {
  const [all, set_all] = useState(false);
  const most = 24;
  if (words.length === 0) return null;
  return (
    <div>
      <h3 className="faint" style={{ margin: '0 0 6px', fontWeight: 500 }}>
        {title} {more}
      </h3>
      <div className="row" style={{ gap: 6 }}>
        {(all ? words : words.slice(0, most)).map((w) => (
          <span key={w} className="chip" style={{ paddingLeft: 8, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
            {w}
          </span>
        ))}
        {words.length > most && (
          <ShowAll all={all} set={set_all}>
            Show all {count(words.length)}
          </ShowAll>
        )}
      </div>
    </div>
  );
}

/** Why rows were left out: the server names the first of them. */
export function LeftOut({ rows, all }: { rows: string[] | null; all: number }) {
  const [open, set_open] = useState(false);
  const most = 10;
  const shown = open ? (rows ?? []) : (rows ?? []).slice(0, most);
  return (
    <div>
      <h3 className="faint" style={{ margin: '0 0 6px', fontWeight: 500 }}>
        Left out
        {rows !== null && (rows.length < all ? `, the first ${count(rows.length)} of ${count(all)}` : ', all of them')}:
      </h3>
      {rows === null ? (
        <p className="muted flat">
          Why was not kept with tables of this age. Bring the table again to be told of each row.
        </p>
      ) : (
        <ul style={{ margin: 0, paddingLeft: 18, maxHeight: 320, overflowY: 'auto' }} tabIndex={open ? 0 : undefined}>
          {shown.map((r) => (
            <li key={r} className="muted">
              {r.charAt(0).toUpperCase() + r.slice(1)}
            </li>
          ))}
        </ul>
      )}
      {rows !== null && rows.length > most && (
        <div style={{ marginTop: 8 }}>
          <ShowAll all={open} set={set_open}>
            Show {count(rows.length)} rows
          </ShowAll>
        </div>
      )}
    </div>
  );
}

/** What the server made of the table that was just sent. */
export function Understood({ taken, close }: { taken: TakenTable; close: () => void }) {
  const t = taken.table;
  return (
    <Card
      title={`Understood of ${t.name}`}
      aside={
        <Button size="compact-xs" variant="subtle" onClick={close}>
          Close
        </Button>
      }
    >
      <div className="stack" role="status">
        <dl className="tiles" style={{ margin: 0 }}>
          {(
            [
              ['Rows taken', count(t.quotes), undefined],
              ['Rows left out', count(t.left_out), t.left_out > 0 ? 'over' : undefined],
              ['Parts', count(t.parts), undefined],
              ['Suppliers', count(t.suppliers), undefined],
            ] as const
          ).map(([label, value, tone]) => (
            <div key={label} className="tile">
              <dt>{label}</dt>
              <dd className={tone}>{value}</dd>
            </div>
          ))}
        </dl>
        <Words title="Terms of the quote:" words={taken.terms.map((c) => `${c.column} → ${c.means}`)} />
        <Words title="Numbers about the part:" words={t.measures} />
        <Words title="Words about the part:" words={t.labels} />
        {t.left_out > 0 && <LeftOut rows={taken.left_out_rows} all={t.left_out} />}
      </div>
    </Card>
  );
}
