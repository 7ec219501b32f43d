# Releases as folders on this machine, behind nginx: how a laptop tries a deployment, and the tests do. Sourced, never run.
#
#   ROOT/releases/TAG/start        runs in the foreground and serves on $PORT; ends at SIGTERM after what is in flight
#                    /migrate      optional, once a release            /smoke URL  optional    /backup  optional
#                    /SHA256SUMS   of its files, SHA256SUMS.sig its signature by the key whose public half is
#                                  $DEPLOY_RELEASE_KEY (openssl dgst -sha256 -sign)
#   ROOT/colours/COLOUR            a link to the release that the colour holds
#   ROOT/proxy/upstream.conf       which colour serves; replaced as a whole, then nginx reads it again
#   ROOT/state                     the record and the lock
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq and nginx stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

root=${DEPLOY_LOCAL_ROOT:-$repository/var/deploy}
proxy_port=${DEPLOY_PROXY_PORT:-8080}
preview_port=${DEPLOY_PREVIEW_PORT:-8081}
declare -A port=([blue]=${DEPLOY_BLUE_PORT:-8082} [green]=${DEPLOY_GREEN_PORT:-8083})
stop_timeout_s=${DEPLOY_STOP_TIMEOUT_S:-45}
release_digest='' url='' unverified=false

driver_check() {
  local program
  for program in nginx jq curl flock; do
    command -v "$program" >/dev/null || die "$program is missing; scripts/packages.txt names the packages"
  done
  [ -d "$root/releases" ] || die "$root/releases is not there: set DEPLOY_LOCAL_ROOT"
  if ! $dry_run && [ "$action" != status ]; then
    mkdir -p "$root/state" "$root/proxy" "$root/colours" "$root/run" "$root/logs"
  fi
}
driver_end() { :; }
driver_metric_labels() { :; }
driver_prometheus() { printf '%s' "$prometheus_url"; }
driver_rolling() { echo '{}'; }
driver_rolling_restore() { :; }
driver_plan() { :; }
digests_json() { jq -cn --arg d "$release_digest" 'if $d == "" then {} else {release: $d} end'; }

# --- the record and the lock -------------------------------------------------------------------------------------------
driver_record_name() { printf '%s' "$root/state/record.json"; }
driver_record_read() { [ ! -e "$root/state/record.json" ] || cat "$root/state/record.json"; }
driver_record_write() { replace "$root/state/record.json" "$1"; }

# replace FILE TEXT: the old or the new, never a part.
replace() { printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"; }

driver_lock_read() { [ ! -e "$root/state/lock.json" ] || cat "$root/state/lock.json"; }

driver_lock_swap() { # WANTED NEW
  (
    exec 8>"$root/state/.guard" && flock -w 10 8 && [ "$(driver_lock_read)" = "$1" ] && replace "$root/state/lock.json" "$2"
  )
}

driver_lock_renew() {
  if $dry_run; then return 0; fi
  local held
  held=$(driver_lock_read)
  is_ours "$held" && driver_lock_swap "$held" "$(lock_json)"
}

driver_lock_release() {
  local held
  held=$(driver_lock_read)
  if is_ours "$held"; then
    driver_lock_swap "$held" "$(jq -c '.until = 0' <<<"$held")"
  fi
}

# --- the release -------------------------------------------------------------------------------------------------------
driver_verify() { # TAG
  local folder=$root/releases/$1 key=${DEPLOY_RELEASE_KEY:-}
  [ -x "$folder/start" ] || die "$folder/start is not there or not executable"
  if [ -e "$folder/SHA256SUMS" ]; then
    (cd "$folder" && sha256sum --quiet --strict -c SHA256SUMS) >/dev/null 2>&1 || die "$1 is not what its SHA256SUMS says"
    # What is not listed would be run unchecked.
    local file
    for file in start migrate smoke backup; do
      [ ! -e "$folder/$file" ] || grep -qE "^[0-9a-f]{64} [ *](\./)?$file\$" "$folder/SHA256SUMS" ||
        die "$1: $file is not in SHA256SUMS"
    done
    release_digest=sha256:$(sha256sum "$folder/SHA256SUMS" | cut -d ' ' -f 1)
  fi
  if [ -n "$key" ] && [ -n "$release_digest" ] &&
    openssl dgst -sha256 -verify "$key" -signature "$folder/SHA256SUMS.sig" "$folder/SHA256SUMS" >/dev/null 2>&1; then
    return 0
  fi
  unverified=true
  if [ -n "$key" ] || [ "$environment" = production ]; then
    $allow_unverified || die "The signature of $1 could not be verified. --allow-unverified deploys it all the same"
  fi
  say "The signature of $1 is not verified"
}

optional() { # PROGRAM ARGUMENT...: of the release, if it has it
  local program=$root/releases/$tag/$1
  [ -x "$program" ] || return 0
  mutate timeout "$migrate_timeout_s" "$program" "${@:2}" >&2
}
driver_backup() { optional backup; }
driver_migrate() { optional migrate; }
driver_smoke() { optional smoke "$2"; }

driver_release_of() { basename "$(readlink "$root/colours/$1" 2>/dev/null || true)"; }
driver_install() {
  mutate ln -sfn "../releases/$tag" "$root/colours/$1.new" && mutate mv -fT "$root/colours/$1.new" "$root/colours/$1"
}

# --- a colour's process ------------------------------------------------------------------------------------------------
# running COLOUR: prints its process; a number that now belongs to another program is not it.
running() {
  local pid
  pid=$(cat "$root/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] && { tr '\0' '\n' <"/proc/$pid/environ"; } 2>/dev/null | grep -qxF "DEPLOY_INSTANCE=$root/$1" && printf '%s' "$pid"
}

driver_scale_up() {
  driver_scale_down "$1" || return 1
  # The number is written by the process itself, so that there is no moment in which it runs unknown.
  # shellcheck disable=SC2016
  (cd "$root/colours/$1/" && DEPLOY_INSTANCE=$root/$1 PORT=${port[$1]} COLOUR=$1 setsid -f \
    sh -c 'echo $$ >"$1" && exec ./start' - "$root/run/$1.pid" </dev/null >>"$root/logs/$1.log" 2>&1)
}

driver_scale_down() {
  local pid until=$(($(now_s) + stop_timeout_s))
  pid=$(running "$1") || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  while running "$1" >/dev/null; do
    if [ "$(now_s)" -ge "$until" ]; then
      say "$1 did not end within $stop_timeout_s s and is killed"
      kill -KILL "$pid" 2>/dev/null || true
    fi
    sleep 0.1
  done
}

driver_wait_ready() {
  local tries
  for ((tries = 0; tries < 20; tries++)); do
    if running "$1" >/dev/null; then return 0; fi
    sleep 0.1
  done
  return 1
}

# --- the traffic -------------------------------------------------------------------------------------------------------
driver_serving() { sed -n '1s/^# serving: //p' "$root/proxy/upstream.conf" 2>/dev/null || true; }

driver_open() { # preview|active: sets url
  if [ "$1" = preview ]; then url=http://127.0.0.1:${port[$to]}; else url=http://127.0.0.1:$proxy_port; fi
}

upstream() { # COLOUR
  printf '# serving: %s\nupstream active { server 127.0.0.1:%s; }\nupstream preview { server 127.0.0.1:%s; }\n' "$1" \
    "${port[$1]}" "${port[$(other "$1")]}"
  printf 'map $host $serving { default %s; }\n' "$1"
}

driver_switch() {
  local tries
  replace "$root/proxy/upstream.conf" "$(upstream "$1")" || return 1
  if [ -e "$root/run/nginx.pid" ] && kill -0 "$(cat "$root/run/nginx.pid")" 2>/dev/null; then
    nginx -p "$root" -c proxy/nginx.conf -s reload >>"$root/logs/nginx.log" 2>&1 || return 1
  else
    replace "$root/proxy/nginx.conf" "$(nginx_configuration)" || return 1
    nginx -p "$root" -c proxy/nginx.conf >>"$root/logs/nginx.log" 2>&1 || return 1
  fi
  for ((tries = 0; tries < 100; tries++)); do
    if [ "$(curl -s -m 2 "http://127.0.0.1:$preview_port/-/serving")" = "$1" ]; then return 0; fi
    sleep 0.1
  done
  return 1
}

# Workers of the configuration before finish what they have; the colour they ask must still be there.
driver_drained() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    pgrep -P "$(cat "$root/run/nginx.pid")" -f 'is shutting down' >/dev/null || return 0
    sleep 0.1
  done
}

nginx_configuration() {
  cat <<END
worker_processes 2;
pid $root/run/nginx.pid;
error_log $root/logs/nginx-error.log;
worker_shutdown_timeout 60s;
events { worker_connections 4096; }
http {
  access_log off;
  client_max_body_size 2g;
  client_body_temp_path $root/run/body;
  proxy_temp_path $root/run/proxy;
  fastcgi_temp_path $root/run/fastcgi;
  uwsgi_temp_path $root/run/uwsgi;
  scgi_temp_path $root/run/scgi;
  include $root/proxy/upstream.conf;
  map \$http_upgrade \$connection_header { default upgrade; '' close; }
  proxy_http_version 1.1;
  proxy_set_header Host \$http_host;
  proxy_set_header Upgrade \$http_upgrade;
  proxy_set_header Connection \$connection_header;
  proxy_set_header X-Forwarded-For \$remote_addr;
  proxy_request_buffering off;
  server {
    listen 127.0.0.1:$proxy_port;
    location / { proxy_pass http://active; }
  }
  server {
    listen 127.0.0.1:$preview_port;
    location = /-/serving { return 200 \$serving; }
    location / { proxy_pass http://preview; }
  }
}
END
}
