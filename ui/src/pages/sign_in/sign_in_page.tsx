import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { keep_csrf_token, Problem, write } from '../../api/client';
import type { Session } from '../../api/types';
import { remember_sign_in, session_query } from '../../app/session';

/** Only an address inside this site may follow a sign-in. */
function safe_next(next: string | undefined): string {
  return next?.startsWith('/') && !next.startsWith('//') ? next : '/';
}

export function SignInPage() {
  const queries = useQueryClient();
  const router = useRouter();
  const { next } = useSearch({ strict: false }) as { next?: string };
  const [error, set_error] = useState<string | null>(null);
  const [busy, set_busy] = useState(false);
  // The password was right and a code of the authenticator is still to come.
  const [asks_code, set_asks_code] = useState(false);
  const enter = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    set_busy(true);
    set_error(null);
    try {
      const session = await write<Session>('POST', '/auth/login', {
        email: form.get('email'),
        password: form.get('password'),
        code: form.get('code') || undefined,
      });
      keep_csrf_token(session.csrf_token);
      remember_sign_in(true);
      queries.setQueryData(session_query.queryKey, session);
      router.history.push(session.mfa_setup_needed ? '/settings?tab=security' : safe_next(next));
    } catch (cause) {
      const wants_code = cause instanceof Problem && cause.details.some((d) => d.path === 'code');
      const first_time = wants_code && !asks_code;
      set_asks_code(wants_code);
      if (!first_time) set_error(cause instanceof Problem ? cause.message : 'Signing in did not work. Try again.');
      set_busy(false);
    }
  };
  return (
    <main className="door">
      <title>Sign in · Pricing</title>
      <form onSubmit={enter}>
        <img src="/mark.svg" alt="" width={40} height={40} />
        <h1 style={{ fontSize: 24, letterSpacing: '-0.02em', margin: '18px 0 4px', fontWeight: 600 }}>
          Sign in to Pricing
        </h1>
        <p className="muted" style={{ margin: '0 0 24px' }}>
          Know what a thing should cost before you answer.
        </p>
        <Stack gap="md">
          <TextInput
            label="E-mail"
            name="email"
            type="email"
            autoComplete="username"
            required
            autoFocus
            size="md"
            withAsterisk={false}
          />
          <PasswordInput
            label="Password"
            name="password"
            autoComplete="current-password"
            required
            size="md"
            withAsterisk={false}
            visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
          />
          {asks_code && (
            <TextInput
              label="Code"
              description="From your authenticator app, or one of your recovery codes"
              name="code"
              autoComplete="one-time-code"
              minLength={6}
              maxLength={40}
              required
              autoFocus
              size="md"
              withAsterisk={false}
            />
          )}
          {error && (
            <div role="alert" className="over">
              {error}
            </div>
          )}
          <Button type="submit" size="md" loading={busy} fullWidth>
            Sign in
          </Button>
        </Stack>
      </form>
    </main>
  );
}
