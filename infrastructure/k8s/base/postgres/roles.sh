#!/bin/sh
# Run once by the image's entrypoint, on an empty data folder: the roles that pricing-ctl and the services connect as.
# psql reads the passwords itself, so that they are in no command line.
psql -v ON_ERROR_STOP=1 -X --username postgres --dbname postgres <<'SQL'
\set owner `cat /run/secrets/postgres/owner_password`
\set app `cat /run/secrets/postgres/app_password`
\set backup `cat /run/secrets/postgres/backup_password`
create role pricing_owner login password :'owner';
create role pricing_app login nosuperuser nocreatedb nocreaterole nobypassrls password :'app';
create role pricing_backup login replication password :'backup' in role pg_read_all_data;
-- Reads the statistics; pg_ident.conf lets it in from the same pod only.
create role pricing_monitor login in role pg_monitor;
create database pricing owner pricing_owner;
SQL
