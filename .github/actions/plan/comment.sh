#!/usr/bin/env bash
# Keeps one comment per environment up to date: the hidden first line of the text tells it from others.
set -euo pipefail

comment="${RUNNER_TEMP:?}/retrainctl-comment.md"
if [[ ! -s "$comment" ]]; then
    echo "There is no plan to comment on."
    exit 0
fi
IFS= read -r marker < "$comment"
export MARKER="${marker%% digest=*} "
comments="repos/${GITHUB_REPOSITORY:?}/issues/${PULL_REQUEST:?}/comments"

# Only our own comments count: anybody can write a comment that begins with the marker.
query='.[] | select(.user.type == "Bot") | select(.body | startswith(env.MARKER)) | .id'
found="$(gh api --paginate "$comments" --jq "$query")"
id="${found%%$'\n'*}"
if [[ -n "$id" ]]; then
    exec gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" --field "body=@$comment"
fi
exec gh api --silent --method POST "$comments" --field "body=@$comment"
