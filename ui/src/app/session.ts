import { useQuery } from '@tanstack/react-query';
import { get, keep_csrf_token } from '../api/client';
import type { Session } from '../api/types';

export const session_query = {
  queryKey: ['session'],
  queryFn: async () => {
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
