# What scripts/deploy.sh can be told by environment variables. Sourced, never run.
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq and nginx stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

driver=${DEPLOY_DRIVER:-kubectl}
# A run that ended without giving the lock back holds it this long, unless it is known to have ended.
lock_expiry_s=${DEPLOY_LOCK_S:-300}
# How long a started colour may take to be ready, and how long what it does at its start (migration, backup) may take.
ready_timeout_s=${DEPLOY_READY_TIMEOUT_S:-600}
migrate_timeout_s=${DEPLOY_MIGRATE_TIMEOUT_S:-1800}
backup_timeout_s=${DEPLOY_BACKUP_TIMEOUT_S:-21600}
# After the switch: how long the promises are watched, and how often. Ten minutes fill the window of five twice.
watch_s=${DEPLOY_WATCH_S:-600}
watch_every_s=${DEPLOY_WATCH_EVERY_S:-15}
# Twice in a row over this burn rate, the page-worthy one of infrastructure/slo.yml, undoes the release; so do three
# unanswered requests for its readiness.
burn_rate_max=${DEPLOY_BURN_RATE_MAX:-14.4}
burns_max=2
unready_max=3
# How long the old colour stays up beside the new one, for a fast way back and for requests under way.
old_colour_stays_s=${DEPLOY_OLD_COLOUR_STAYS_S:-300}
# Prometheus, if it is not the one of the cluster.
prometheus_url=${DEPLOY_PROMETHEUS_URL:-}
# Paths that must answer 200 on the preview.
smoke_paths=${DEPLOY_SMOKE_PATHS:-/ /api/v1/openapi.json /api/docs /metrics}
# Where audit lines are kept besides standard output.
audit_file=${DEPLOY_AUDIT_FILE:-}
# Who does it, for the lock and the audit line: a person at a machine, or a run of the pipeline.
actor=${DEPLOY_ACTOR:-${GITHUB_ACTOR:-${USER:-unknown}}@${HOSTNAME:-unknown}}
