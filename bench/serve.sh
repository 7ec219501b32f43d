#!/usr/bin/env bash
# The product with rate limits out of the way, for measuring: bench/serve.sh [options of run-dev-server.sh]
set -euo pipefail
export PRICING_IDENTITY_RATE_ANONYMOUS_PER_HOUR=1000000000 PRICING_IDENTITY_RATE_USER_PER_HOUR=1000000000
export PRICING_IDENTITY_RATE_SESSION_PER_HOUR=1000000000 PRICING_IDENTITY_RATE_ML_PER_MINUTE=100000000
export PRICING_IDENTITY_RATE_BULK_PER_HOUR=1000000000 PRICING_LOG_LEVEL=${PRICING_LOG_LEVEL:-warning}
exec "$(dirname "${BASH_SOURCE[0]}")/../scripts/dev/run-dev-server.sh" "$@"
