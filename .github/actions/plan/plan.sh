#!/usr/bin/env bash
# Runs `retrainctl plan` for the action beside. The comment's text goes to $RUNNER_TEMP/retrainctl-comment.md.
set -euo pipefail

comment="${RUNNER_TEMP:?}/retrainctl-comment.md"
rm -f "$comment"
arguments=(plan --env "${PLAN_ENVIRONMENT:?}" --github --out "${PLAN_OUT:-plan.json}")
arguments+=(--md "$comment" --budget github-comment)
if [[ -n "${PLAN_PROJECT:-}" ]]; then arguments+=(--project "$PLAN_PROJECT"); fi
if [[ -n "${PLAN_SNAPSHOT:-}" ]]; then arguments+=(--snapshot "$PLAN_SNAPSHOT"); fi
if [[ -n "${PLAN_GUARDS_FROM:-}" ]]; then arguments+=(--guards-from "$PLAN_GUARDS_FROM"); fi
if [[ -n "${PLAN_HTML:-}" ]]; then arguments+=(--html "$PLAN_HTML"); fi
if [[ -n "${PLAN_SARIF:-}" ]]; then arguments+=(--sarif "$PLAN_SARIF"); fi
while IFS= read -r line; do
    if [[ -n "$line" ]]; then arguments+=("$line"); fi
done <<< "${PLAN_ARGUMENTS:-}"

# exec: a cancelled job signals this process, and retrainctl must be the one that hears it.
exec retrainctl "${arguments[@]}"
