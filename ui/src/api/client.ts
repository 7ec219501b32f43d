/** One door to the server: cookies, the CSRF header on writes, and problems as one kind of error. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: { path: string; message: string }[],
    readonly request_id: string | null,
  ) {
    super(message);
  }
}

let csrf_token = '';
export function keep_csrf_token(token: string) {
  csrf_token = token;
}

type Query = Record<string, string | number | boolean | null | undefined>;

export function address(path: string, query: Query = {}): string {
  const wanted = Object.entries(query).filter(([, v]) => v !== undefined && v !== null && v !== '');
  const text = new URLSearchParams(wanted.map(([k, v]) => [k, String(v)])).toString();
  return `/api/v1${path}${text ? `?${text}` : ''}`;
}

async function problem_of(response: Response): Promise<Problem> {
  const request_id = response.headers.get('x-request-id');
  const body = await response.json().catch(() => null);
  return new Problem(
    response.status,
    body?.code ?? 'unknown',
    body?.message ?? `The server answered ${response.status} without saying why.`,
    body?.details ?? [],
    body?.request_id ?? request_id,
  );
}

async function send<T>(url: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new Problem(0, 'unreachable', 'The server cannot be reached. Nothing you entered was lost.', [], null);
  }
  if (!response.ok) throw await problem_of(response);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return send<T>(address(path, query), { signal, headers: { Accept: 'application/json' } });
}

export function write<T>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  query?: Query,
): Promise<T> {
  const raw = body instanceof Blob;
  const headers: Record<string, string> = { Accept: 'application/json', 'X-CSRF-Token': csrf_token };
  if (raw) headers['Content-Type'] = body.type || 'application/octet-stream';
  else if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method === 'POST' && isSecureContext) headers['Idempotency-Key'] = crypto.randomUUID();
  return send<T>(address(path, query), { method, headers, body: raw ? body : JSON.stringify(body) });
}
