import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { ChevronLeft } from 'lucide-react';
import { type CSSProperties, type ReactNode, useEffect } from 'react';
import { Problem } from '../api/client';

/** Title, one line of what it is, and what can be done here. */
export function PageHead(p: {
  title: string;
  text?: ReactNode;
  back?: { to: string; label: string };
  children?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${p.title} · Pricing`;
  }, [p.title]);
  return (
    <div className="head">
      <div className="text">
        {p.back && (
          <Link to={p.back.to} className="crumb no-print">
            <ChevronLeft size={14} aria-hidden /> {p.back.label}
          </Link>
        )}
        <h1>{p.title}</h1>
        {p.text && <p>{p.text}</p>}
      </div>
      {p.children && <div className="actions no-print">{p.children}</div>}
    </div>
  );
}

export function Card(p: {
  title?: ReactNode;
  aside?: ReactNode;
  flush?: boolean;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`card ${p.className ?? ''}`}>
      {p.title && (
        <header>
          <h2>{p.title}</h2>
          {p.aside && <span className="aside">{p.aside}</span>}
        </header>
      )}
      <div className={p.flush ? 'body flush' : 'body'}>{p.children}</div>
    </section>
  );
}

// A table that may be wider than its card, moved sideways by keyboard too.
export function Scroll(p: { label: string; style?: CSSProperties; children: ReactNode }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={p.label} style={p.style}>
      {p.children}
    </div>
  );
}

/** Beneath the first of a long list: `children` says what there is to see. */
export function ShowAll(p: { all: boolean; set: (all: boolean) => void; children: ReactNode }) {
  return (
    <button type="button" className="link" aria-expanded={p.all} onClick={() => p.set(!p.all)}>
      {p.all ? 'Show fewer' : p.children}
    </button>
  );
}

export function Tiles({ children }: { children: ReactNode }) {
  return (
    <dl className="tiles" style={{ margin: 0 }}>
      {children}
    </dl>
  );
}

export function Tile(p: { label: string; value: ReactNode; hint?: ReactNode; full?: string; tone?: string }) {
  return (
    <div className="tile">
      <dt>{p.label}</dt>
      <dd title={p.full} className={p.tone}>
        {p.value}
        {p.hint && <small>{p.hint}</small>}
      </dd>
    </div>
  );
}

/** Grey shapes of the right height, so that nothing moves when the data comes. */
export function Bones({ rows = 5, height = 18 }: { rows?: number; height?: number }) {
  return (
    <div aria-busy="true" style={{ display: 'grid', gap: 12, padding: '8px 0' }}>
      <span className="visually-hidden" role="status">
        Loading
      </span>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className="bone" style={{ height, width: `${92 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

export function Empty(p: { icon?: ReactNode; title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="empty">
      {p.icon}
      <b>{p.title}</b>
      {p.children && <p>{p.children}</p>}
      {p.actions && <div className="row">{p.actions}</div>}
    </div>
  );
}

/** What happened, what the details are, the request id to quote, and a way on. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof Problem ? error : null;
  const message = problem?.message ?? (error instanceof Error ? error.message : 'Something went wrong.');
  return (
    <div className="problem" role="alert">
      <b>That did not work</b>
      <span>{message}</span>
      {problem?.details.slice(0, 5).map((d) => (
        <span key={d.path + d.message} className="faint">
          {d.path}: {d.message}
        </span>
      ))}
      <div className="row" style={{ marginTop: 8 }}>
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
        {problem?.request_id && (
          <span className="faint">
            Request <span className="mono">{problem.request_id}</span>
          </span>
        )}
      </div>
    </div>
  );
}

interface Loaded<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

/** Skeleton, trouble or the content: one place for the three. */
export function Await<T>(p: { of: Loaded<T>; rows?: number; height?: number; children: (data: T) => ReactNode }) {
  if (p.of.data !== undefined) return <>{p.children(p.of.data)}</>;
  if (p.of.error) return <Trouble error={p.of.error} retry={() => p.of.refetch()} />;
  return <Bones rows={p.rows} height={p.height} />;
}
