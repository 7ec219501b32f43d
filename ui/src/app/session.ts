import { useQuery } from '@tanstack/react-query';
import { get, keep_csrf_token, Problem } from '../api/client';
import type { Session } from '../api/types';

const hint = 'pricing-signed-in';
/** Remembers that somebody signed in here, so that a stranger's first page asks nothing that must be refused. */
export function remember_sign_in(yes: boolean) {
  if (yes) localStorage.setItem(hint, '1');
  else localStorage.removeItem(hint);
}

export const session_query = {
  queryKey: ['session'],
  queryFn: async () => {
    if (!localStorage.getItem(hint)) throw new Problem(401, 'signed_out', 'Nobody is signed in.', [], null);
    const session = await get<Session>('/auth/me');
    keep_csrf_token(session.csrf_token);
    return session;
  },
  staleTime: 5 * 60_000,
  retry: false,
} as const;

export function useSession(): Session {
  const { data } = useQuery(session_query);
  if (!data) throw new Error('This page needs somebody signed in.');
  return data;
}
