#!/bin/sh
# Run once by the image's entrypoint, on an empty data folder: the roles that pricing-ctl and the services connect as.
# psql reads the passwords itself, so that they are in no command line.
psql -v ON_ERROR_STOP=1 -X --username postgres --dbname postgres <<'SQL'
\set owner `cat /run/secrets/postgres/owner_password`
\set app `cat /run/secrets/postgres/app_password`
\set backup `cat /run/secrets/postgres/backup_password`
create role pricing_owner login password :'owner';
create role pricing_app login nosuperuser nocreatedb nocreaterole nobypassrls password :'app';
-- Copies, reads every organization's rows, and locks tables for the moment that a backup is consistent at.
create role pricing_backup login replication bypassrls password :'backup' in role pg_read_all_data;
select 'grant pg_maintain to pricing_backup' where exists (select from pg_roles where rolname = 'pg_maintain') \gexec
-- Reads the statistics; pg_ident.conf lets it in from the same pod only.
create role pricing_monitor login in role pg_monitor;
create database pricing owner pricing_owner;
\connect pricing
grant execute on function pg_create_restore_point(text), pg_switch_wal() to pricing_backup;
SQL
