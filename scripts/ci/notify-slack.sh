#!/usr/bin/env bash
# Tells a Slack channel how a run ended, by an incoming webhook.
#
#   scripts/ci/notify-slack.sh --title TEXT --status success|failure|cancelled|skipped [--link ADDRESS] [--dry-run]
#
# The webhook's address is a secret and comes in SLACK_WEBHOOK_URL, never as an argument: arguments stand in process
# lists and logs. Without it nothing is sent, and that is said. A notice that fails fails the step, not the deployment.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
title='' status='' link=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --title) title=${2:?--title needs a text} && shift ;;
    --status) status=${2:?--status needs a word} && shift ;;
    --link) link=${2:?--link needs an address} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
[ -n "$title" ] || wrong_use "--title is missing"
case $status in
  success) mark=:white_check_mark: ;;
  failure) mark=:rotating_light: ;;
  cancelled | skipped) mark=:warning: ;;
  *) wrong_use "--status is success, failure, cancelled or skipped, not '$status'" ;;
esac
# python3 stands on every runner; JSON by hand would break at the first quote in a title.
body=$(python3 -c '
import json, sys
mark, title, status, link = sys.argv[1:]
escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
text = f"{mark} *{escaped}*: {status}" + (f" (<{link}|run>)" if link else "")
print(json.dumps({"text": text}))' "$mark" "$title" "$status" "$link")
if [ "$dry_run" = true ]; then
  say "would send: $body"
  exit 0
fi
if [ -z "${SLACK_WEBHOOK_URL:-}" ]; then
  say "SLACK_WEBHOOK_URL is not set: no notice is sent"
  exit 0
fi
# The address goes in by a file descriptor, for the same reason.
printf '%s' "$body" | curl --fail --silent --show-error --max-time 20 --retry 2 --output /dev/null \
  --header 'Content-Type: application/json' --data @- --config <(printf 'url = "%s"\n' "$SLACK_WEBHOOK_URL")
