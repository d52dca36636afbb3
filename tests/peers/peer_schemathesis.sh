#!/bin/bash
# schemathesis against the daemon's own OpenAPI document: requests made from it, right and wrong ones. No answer of 500 and above, none that the document
# does not know, none of another form than it says.
. "$(dirname "$0")/lib.sh"
tool=$peers/schemathesis/bin/schemathesis
[ -x "$tool" ] || absent schemathesis "not installed"
cache_server
PENSTOCK_TOKEN=
tree=$work/tree
mkdir -p "$tree/services/web" && cd "$tree" || exit 2
git init -q -b main .
cat >penstock.yml <<'Y'
version: 1
project: shop
services: {web: {path: services/web, port: 8080}}
ci: {test: {each: "*", run: echo hello}}
staging: {environment: staging}
gate: {approve: {count: 1}}
production: {environment: production}
Y
echo 1 >services/web/a
git add -A && git -c user.name=Ann -c user.email=ann@example.com commit -qm First
git push -q "$work/data/git/project.git" main
await 20 sh -c "'$PENSTOCK' runs --data '$work/data' | grep -q passed"
cd "$work" || exit 2
# What would end its own rights, or never ends, is left out here; unit tests have it.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
run timeout 130 "$tool" run "$URL/api/v1/openapi.json" --header "Authorization: Bearer $ADMIN" --checks "$checks" \
	--exclude-path-regex '(/events$|/journal$|/logout|/login|/tokens|/sessions|/me/session|/audit/export)' --max-examples "${EXAMPLES:-12}" \
	--phases fuzzing --request-timeout 10 --no-color --seed "${SEED:-1}"
echo "$OUT" | grep -E 'Tested:|generated|Seed' | sed 's/^/# /'
is 'schemathesis finds nothing' "$CODE" 0
[ "$CODE" = 0 ] || grep -vE '^$' <<<"$OUT" | tail -n 150 | sed 's/^/# /'
has 'and it did look' "$OUT" 'generated'
good 'the daemon still answers' p status
finish
