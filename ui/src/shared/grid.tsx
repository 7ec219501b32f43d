import { type ColumnDef, flexRender, getCoreRowModel, type SortingState, useReactTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';

declare module '@tanstack/react-table' {
  // The names must match the library's declaration.
  interface ColumnMeta<TData, TValue> {
    width?: string;
    right?: boolean;
  }
}

/** A table that draws only the rows in sight: arrows move, Enter opens, the head sorts. */
export function Grid<T>(p: {
  rows: T[];
  columns: ColumnDef<T, unknown>[];
  label: string;
  height: string;
  row_height?: number;
  sorting?: SortingState;
  on_sort?: (column: string) => void;
  on_open?: (row: T) => void;
  on_end?: () => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const [at, set_at] = useState(-1);
  const row_height = p.row_height ?? 44;
  const table = useReactTable({
    data: p.rows,
    columns: p.columns,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
  });
  const rows = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => host.current,
    estimateSize: () => row_height,
    overscan: 12,
  });
  const drawn = virtual.getVirtualItems();
  const last = drawn[drawn.length - 1]?.index ?? 0;
  const { on_end } = p;
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 10) on_end?.();
  }, [last, rows.length, on_end]);
  const widths = table.getAllLeafColumns().map((c) => c.columnDef.meta?.width ?? 'minmax(80px, 1fr)');
  const template = widths.join(' ');
  const least_px = widths.reduce((sum, w) => sum + Number(/\d+(?=px)/.exec(w)?.[0] ?? 80) + 16, 24);

  function move(e: KeyboardEvent) {
    if (e.target !== host.current) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[e.key];
    if (step) {
      e.preventDefault();
      const next = Math.max(0, Math.min(rows.length - 1, at + step));
      set_at(next);
      virtual.scrollToIndex(next);
    } else if (e.key === 'Enter' && rows[at]) p.on_open?.(rows[at].original);
  }

  return (
    // A scrolling table is moved through by keyboard.
    <div
      ref={host}
      className="vgrid"
      role="table"
      aria-label={p.label}
      aria-rowcount={rows.length + 1}
      style={{ height: p.height }}
      tabIndex={0}
      onKeyDown={move}
    >
      <div role="rowgroup" style={{ display: 'contents' }}>
        <div
          role="row"
          aria-rowindex={1}
          className="vrow vhead"
          style={{ gridTemplateColumns: template, minWidth: least_px }}
        >
          {table.getFlatHeaders().map((h) => {
            const sort = p.sorting?.find((s) => s.id === h.id);
            const title = flexRender(h.column.columnDef.header, h.getContext());
            return (
              <div
                key={h.id}
                role="columnheader"
                className={h.column.columnDef.meta?.right ? 'right' : undefined}
                aria-sort={sort ? (sort.desc ? 'descending' : 'ascending') : undefined}
              >
                {p.on_sort && h.column.columnDef.enableSorting ? (
                  <button type="button" onClick={() => p.on_sort?.(h.id)}>
                    {title}
                    {sort && (sort.desc ? <ArrowDown size={12} aria-hidden /> : <ArrowUp size={12} aria-hidden />)}
                  </button>
                ) : (
                  title
                )}
              </div>
            );
          })}
        </div>
      </div>
      <div
        role="rowgroup"
        className="vbody"
        style={{ height: virtual.getTotalSize(), position: 'relative', minWidth: least_px }}
      >
        {drawn.map((v) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the table itself takes the keys
          <div
            key={v.key}
            role="row"
            aria-rowindex={v.index + 2}
            data-at={v.index === at}
            className={p.on_open ? 'vrow open' : 'vrow'}
            style={{ gridTemplateColumns: template, height: row_height, transform: `translateY(${v.start}px)` }}
            onClick={() => p.on_open?.(rows[v.index].original)}
          >
            {rows[v.index].getVisibleCells().map((c) => (
              <div key={c.id} role="cell" className={c.column.columnDef.meta?.right ? 'right' : undefined}>
                {flexRender(c.column.columnDef.cell, c.getContext())}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
