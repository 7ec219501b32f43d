import { Button, Select, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get, write } from '../../api/client';
import type { Mapping, Preview, Upload } from '../../api/types';
import { Await, Card, Trouble } from '../../shared/furniture';

const date_formats = ['YYYY-MM-DD', 'MM/DD/YYYY', 'DD/MM/YYYY', 'DD.MM.YYYY', 'YYYYMMDD', 'DD-Mon-YY'];
const marks = [
  { value: '.', label: '1,234.50' },
  { value: ',', label: '1.234,50' },
];

/** Columns to fields, with five rows of the file beside it so that a wrong choice is seen at once. */
export function MappingStep({ upload }: { upload: Upload }) {
  const preview = useQuery({
    queryKey: ['preview', upload.id],
    queryFn: () => get<Preview>(`/uploads/${upload.id}/preview`),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Card title="Which column is what?" aside="suggested from the headings; change what is wrong">
      <Await of={preview} rows={10} height={26}>
        {(p) => <Form upload={upload} preview={p} />}
      </Await>
    </Card>
  );
}

function Form({ upload, preview }: { upload: Upload; preview: Preview }) {
  const queries = useQueryClient();
  const [mapping, set_mapping] = useState<Mapping>(preview.suggestion);
  const save = useMutation({
    mutationFn: async () => {
      await write<Upload>('PUT', `/uploads/${upload.id}/mapping`, mapping);
      return write<Upload>('POST', `/uploads/${upload.id}/start`);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['upload', String(upload.id)] }),
  });
  const columns = mapping.columns;
  const choose = (field: string, column: string | null) => {
    const next = { ...columns };
    if (column) next[field] = column;
    else delete next[field];
    set_mapping({ ...mapping, columns: next });
  };
  const has = (f: string) => !!columns[f] || !!mapping.constants?.[f];
  const missing = preview.fields.filter((f) => f.required && !has(f.name) && !(f.name === 'price' && has('amount')));
  const formats = [...new Set([...(mapping.date_format ? [mapping.date_format] : []), ...date_formats])];
  return (
    <>
      <div
        style={{
          display: 'grid',
          gridTemplateColumns: 'repeat(auto-fill, minmax(min(240px, 100%), 1fr))',
          gap: '12px 16px',
        }}
      >
        {preview.fields.map((f) => (
          <Select
            key={f.name}
            label={f.label}
            withAsterisk={f.required}
            searchable
            clearable
            clearButtonProps={{ 'aria-label': `No column for ${f.label}` }}
            placeholder={mapping.constants?.[f.name] ? `always ${mapping.constants[f.name]}` : 'not in this file'}
            data={[...new Set(preview.columns)]}
            value={columns[f.name] ?? null}
            onChange={(v) => choose(f.name, v)}
          />
        ))}
        <Select
          label="Dates look like"
          data={formats}
          value={mapping.date_format ?? null}
          onChange={(v) => set_mapping({ ...mapping, date_format: v ?? undefined })}
        />
        <Select
          label="Numbers look like"
          data={marks}
          value={mapping.decimal_mark ?? '.'}
          onChange={(v) => set_mapping({ ...mapping, decimal_mark: v ?? '.' })}
          allowDeselect={false}
        />
        <TextInput
          label="Rows of the owner's own estimate"
          placeholder="supplier name, if any"
          value={mapping.estimate_suppliers?.join(', ') ?? ''}
          onChange={(e) =>
            set_mapping({
              ...mapping,
              estimate_suppliers: e.currentTarget.value
                .split(',')
                .map((s) => s.trimStart())
                .filter(Boolean),
            })
          }
        />
      </div>
      <PreviewTable preview={preview} columns={columns} />
      {save.error && (
        <div style={{ marginBottom: 12 }}>
          <Trouble error={save.error} />
        </div>
      )}
      <div className="row">
        <Button disabled={missing.length > 0} loading={save.isPending} onClick={() => save.mutate()}>
          Confirm and load
        </Button>
        <span role="status" className={missing.length ? 'over' : 'faint'} style={{ fontSize: 13 }}>
          {missing.length
            ? `Still needed: ${missing.map((m) => m.label).join(', ')}`
            : 'Kept for the next file with these headings.'}
        </span>
      </div>
    </>
  );
}

/** The five rows as they will be read: only mapped columns, under the names of the fields. */
function PreviewTable({ preview, columns }: { preview: Preview; columns: Record<string, string> }) {
  const used = preview.fields
    .filter((f) => columns[f.name])
    .map((f) => ({ ...f, at: preview.columns.indexOf(columns[f.name]) }));
  return (
    <div
      className="scroll"
      tabIndex={0}
      role="region"
      aria-label="First rows as they will be read"
      style={{ margin: '20px 0', border: '1px solid var(--line)', borderRadius: 10 }}
    >
      <table className="plain">
        <thead>
          <tr>
            {used.map((f) => (
              <th key={f.name}>{f.label}</th>
            ))}
            {used.length === 0 && <th>Choose columns to see the rows</th>}
          </tr>
        </thead>
        <tbody>
          {preview.rows.slice(0, 5).map((r, i) => (
            <tr key={i}>
              {used.map((f) => (
                <td key={f.name}>
                  <span className="clip" style={{ maxWidth: 240 }}>
                    {r[f.at] ?? ''}
                  </span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
