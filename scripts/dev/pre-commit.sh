#!/usr/bin/env bash
# The quick part of run-linting.sh, before each commit: a few seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/dev/run-linting.sh format edges shell secrets
