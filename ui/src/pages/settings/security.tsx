import { Button, Checkbox, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { get, write } from '../../api/client';
import type { Mfa, MfaSetup, RecoveryCodes, SecurityPolicy } from '../../api/types';
import { session_query, useSession } from '../../app/session';
import { Await, Card, Trouble } from '../../shared/furniture';
import { QrCode } from './qr_code';

export function Security() {
  const { permissions, mfa_setup_needed } = useSession();
  const mfa = useQuery({ queryKey: ['mfa'], queryFn: () => get<Mfa>('/auth/mfa') });
  return (
    <div className="stack">
      {mfa_setup_needed && (
        <div className="notice" role="status">
          Your organization requires a second factor. Set it up to go on.
        </div>
      )}
      <Card title="Second factor">
        <Await of={mfa} rows={2}>
          {(state) => <Factor state={state} />}
        </Await>
      </Card>
      {permissions.includes('user.write') && <Policy />}
    </div>
  );
}

/** Stays mounted while the factor is turned on, since the recovery codes are shown only then. */
function Factor({ state }: { state: Mfa }) {
  const queries = useQueryClient();
  const refresh = () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ['mfa'] }),
      queries.invalidateQueries({ queryKey: session_query.queryKey }),
    ]);
  const begin = useMutation({ mutationFn: () => write<MfaSetup>('POST', '/auth/mfa') });
  const confirm = useMutation({
    mutationFn: (code: string) => write<RecoveryCodes>('POST', '/auth/mfa/confirm', { code }),
    onSuccess: refresh,
  });
  const disable = useMutation({
    mutationFn: (code: string) => write('POST', '/auth/mfa/disable', { code }),
    onSuccess: () => {
      begin.reset();
      confirm.reset();
      return refresh();
    },
  });
  const trouble = begin.error ?? confirm.error ?? disable.error;
  return (
    <div className="stack">
      <p style={{ margin: 0 }}>
        {state.enabled
          ? `On. Signing in asks for a code of your authenticator app; ${state.recovery_codes_left} recovery codes are left.`
          : 'Off. With an authenticator app on your phone, a stolen password alone lets nobody in.'}
      </p>
      {confirm.data && (
        <div className="notice" role="status">
          Recovery codes, shown only now. Each lets you in once when the app is lost:
          <ul className="mono" aria-label="Recovery codes">
            {confirm.data.recovery_codes.map((code) => (
              <li key={code}>{code}</li>
            ))}
          </ul>
        </div>
      )}
      {!state.enabled && !begin.data && (
        <div>
          <Button onClick={() => begin.mutate()} loading={begin.isPending}>
            Set up an authenticator
          </Button>
        </div>
      )}
      {!state.enabled && begin.data && (
        <>
          <p style={{ margin: 0 }}>
            Scan this with your authenticator app, enter the secret below into it, or{' '}
            <a className="link" href={begin.data.secret_uri}>
              open it on this device
            </a>
            :
          </p>
          <QrCode text={begin.data.secret_uri} label="The secret as a QR code" />
          <b className="mono" role="note" aria-label="Secret">
            {begin.data.secret.match(/.{1,4}/g)?.join(' ')}
          </b>
          <CodeForm action="Turn on" busy={confirm.isPending} send={(code) => confirm.mutate(code)} />
        </>
      )}
      {state.enabled && !state.required && (
        <CodeForm action="Turn off" busy={disable.isPending} send={(code) => disable.mutate(code)} />
      )}
      {trouble && <Trouble error={trouble} />}
    </div>
  );
}

function CodeForm({ action, busy, send }: { action: string; busy: boolean; send: (code: string) => void }) {
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    send(String(new FormData(e.currentTarget).get('code')));
    e.currentTarget.reset();
  };
  return (
    <form onSubmit={submit}>
      <div className="row" style={{ alignItems: 'flex-end' }}>
        <TextInput
          label="Code"
          name="code"
          autoComplete="one-time-code"
          minLength={6}
          maxLength={40}
          required
          withAsterisk={false}
        />
        <Button type="submit" loading={busy} variant={action === 'Turn off' ? 'default' : 'filled'}>
          {action}
        </Button>
      </div>
    </form>
  );
}

function Policy() {
  const queries = useQueryClient();
  const policy = useQuery({ queryKey: ['policy'], queryFn: () => get<SecurityPolicy>('/security-policy') });
  const [asked, set_asked] = useState<boolean | null>(null);
  const change = useMutation({
    mutationFn: (mfa_required: boolean) => write('PUT', '/security-policy', { mfa_required }),
    onSettled: async () => {
      await queries.invalidateQueries({ queryKey: ['policy'] });
      await queries.invalidateQueries({ queryKey: ['mfa'] });
      set_asked(null);
    },
  });
  return (
    <Card title="Organization">
      <Await of={policy} rows={1}>
        {(now) => (
          <Checkbox
            label="Require a second factor of everybody, from their next sign-in"
            checked={asked ?? now.mfa_required}
            disabled={change.isPending}
            onChange={(e) => {
              set_asked(e.currentTarget.checked);
              change.mutate(e.currentTarget.checked);
            }}
          />
        )}
      </Await>
      {change.error && <Trouble error={change.error} />}
    </Card>
  );
}
