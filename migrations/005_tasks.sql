-- Jobs can be stopped and say what came of them; each is one task on the wire, whose message may be sent again.

alter table jobs
  add column task_id text not null default gen_random_uuid()::text check (length(task_id) <= 255),
  add column sent_at timestamptz,                  -- when its message was last put on the queue
  add column started_at timestamptz,               -- of the last attempt
  add column revoked boolean not null default false, -- somebody asked to stop it
  add column result jsonb;
alter table jobs drop constraint jobs_state_check;
alter table jobs add constraint jobs_state_check
  check (state in ('queued', 'running', 'succeeded', 'failed', 'revoked'));
create unique index jobs_task on jobs (task_id);
create index jobs_unsent on jobs (run_after) where state = 'queued' and sent_at is null;

drop function claim_job(text, text[], int);

-- Due jobs whose message was not sent yet, or long enough ago to be taken for lost: those of any organization, marked
-- as sent. A second message for the same job does no harm, because a job is claimed once.
create function take_unsent_jobs(kinds text[], most int, lost_after_s int) returns setof jobs
  language sql security definer set search_path = public, pg_temp as $$
  update jobs set sent_at = now()
  where id in (select id from jobs
               where kind = any (kinds) and run_after <= now()
                 and ((state = 'queued' and (sent_at is null or sent_at < now() - make_interval(secs => lost_after_s)))
                   or (state = 'running' and lease_until < now()
                       and (sent_at is null or sent_at < now() - interval '5 seconds')))
               order by run_after, id limit most for update skip locked)
  returning *
$$;

-- The messages could not be sent after all.
create function untake_jobs(ids bigint[]) returns void
  language sql security definer set search_path = public, pg_temp as $$
  update jobs set sent_at = null where id = any (ids) and state = 'queued'
$$;

-- Takes the job of a task if it is due, or running under a lease that has run out. One that has been tried too often
-- fails here.
create function claim_task(task text, claimant text, lease_s int) returns setof jobs
  language sql security definer set search_path = public, pg_temp as $$
  update jobs set state = case when attempts >= attempts_max then 'failed' else 'running' end,
                  attempts = least(attempts + 1, attempts_max), worker = claimant, started_at = now(),
                  finished_at = case when attempts >= attempts_max then now() end,
                  error = case when attempts >= attempts_max then coalesce(error, 'its workers kept ending') else error end,
                  lease_until = now() + make_interval(secs => lease_s)
  where task_id = task and ((state = 'queued' and run_after <= now()) or (state = 'running' and lease_until < now()))
  returning *
$$;

do $$
declare
  own text;
begin
  foreach own in array array['take_unsent_jobs(text[], int, int)', 'untake_jobs(bigint[])', 'claim_task(text, text, int)'] loop
    execute format('revoke execute on function %s from public', own);
    execute format('grant execute on function %s to pricing_app', own);
  end loop;
end $$;
