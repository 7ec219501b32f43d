# Shared by the scripts of this folder: sourced, never run.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/dev/common.sh"

# product [DIR]: the surroundings of a running product (see bench/serve.sh), default var/.
product() {
  local dir=${1:-$repository/var}
  [ -e "$dir/ready" ] || die "No product runs in $dir. Start one:  bench/serve.sh --dir $dir"
  set -a
  # shellcheck disable=SC1091
  source "$dir/environment"
  set +a
  base=http://127.0.0.1:$PRICING_HTTP_PORT
}

# sign_in: sets cookie and csrf from PRICING_EMAIL and PRICING_PASSWORD (printed at the first start).
sign_in() {
  local answer headers
  if [ -z "${PRICING_EMAIL:-}" ] || [ -z "${PRICING_PASSWORD:-}" ]; then
    die "Set PRICING_EMAIL and PRICING_PASSWORD to what the first start printed."
  fi
  headers=$(mktemp)
  answer=$(curl -fsS -D "$headers" -H 'Content-Type: application/json' "$base/api/v1/auth/login" \
    -d "$(jq -n --arg e "$PRICING_EMAIL" --arg p "$PRICING_PASSWORD" '{email: $e, password: $p}')") || die "Signing in failed"
  cookie=$(sed -n 's/^set-cookie: *\([^;]*\).*/\1/Ip' "$headers" | head -n 1)
  csrf=$(jq -r .csrf_token <<<"$answer")
  rm -f "$headers"
  export cookie csrf
}

# verdict LABEL VALUE RELATION LIMIT UNIT: one line with the figure and its limit; fails when it is missed.
verdict() {
  if awk -v a="$2" -v b="$4" -v r="$3" 'BEGIN { exit !(r == "<=" ? a <= b : a >= b) }'; then
    printf '%-44s %10s %s   must %s %s   ok\n' "$1" "$2" "$5" "$3" "$4"
  else
    printf '%-44s %10s %s   must %s %s   MISSED\n' "$1" "$2" "$5" "$3" "$4"
    return 1
  fi
}
