import { FileUp } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';

/** A place to drop a file, which is also a button that chooses one. */
export function DropZone(p: { title: string; children?: ReactNode; busy?: boolean; on_file: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, set_over] = useState(false);
  return (
    <>
      <button
        type="button"
        className="drop"
        data-over={over}
        disabled={p.busy}
        onClick={() => input.current?.click()}
        onDragOver={(e) => {
          e.preventDefault();
          set_over(true);
        }}
        onDragLeave={() => set_over(false)}
        onDrop={(e) => {
          e.preventDefault();
          set_over(false);
          if (e.dataTransfer.files[0]) p.on_file(e.dataTransfer.files[0]);
        }}
      >
        <FileUp size={24} aria-hidden />
        <b>{p.busy ? 'Sending the file…' : p.title}</b>
        <span>{p.children}</span>
      </button>
      <input
        ref={input}
        type="file"
        hidden
        tabIndex={-1}
        accept=".csv,.tsv,.txt,.gz,.xlsx"
        onChange={(e) => {
          if (e.target.files?.[0]) p.on_file(e.target.files[0]);
          e.target.value = '';
        }}
      />
    </>
  );
}
