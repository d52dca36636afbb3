#!/bin/bash
# The examples say what is true: examples/ci is checked and run as its README says; examples/shop is checked.
. "$(dirname "$0")/lib.sh"
export PENSTOCK_CACHE=$work/cache HOME=$work
here_run() { (cd "$work/ci" && "$PENSTOCK" "$@"); }

cp -r "$here/examples/ci" "$work/ci"
git -C "$work/ci" init --quiet -b main && git -C "$work/ci" add -A && git -C "$work/ci" commit --quiet -m first
run here_run check
is 'examples/ci is checked' "$CODE" 0
has 'with its templates' "$OUT" 'ci: lint, build, test, slow, vendor, style, docs, publish'
good 'examples/shop is checked' "$PENSTOCK" check "$here/examples/shop/penstock.yml"

run here_run run
is 'examples/ci runs' "$CODE" 0
for job in text/test@C,quick text/test@C.UTF-8,deep hello/slow@1of2 hello/slow@2of2 hello/vendor text/style -/docs; do
	has "$job passes" "$OUT" "passed +$job "
done
has 'what its `if` leaves out is skipped' "$OUT" 'skipped +hello/publish +if:'
hasnt 'a row that is excluded is no job' "$OUT" 'test@C,deep'
run here_run run
has 'the second time it all comes from the cache' "$OUT" '^1 skipped, 13 cached'
echo '# more' >>"$work/ci/apps/hello/hello.sh"
run here_run run
has 'a change of hello touches hello' "$OUT" 'passed +hello/build'
hasnt 'and not text' "$OUT" 'passed +text/'
run here_run run test@C.UTF-8,deep
is 'one row of a matrix by its name' "$CODE $(grep -c test@ <<<"$OUT")" '0 1'
run here_run generate github
is 'its jobs as a workflow' "$CODE" 0
has 'with the matrix' "$OUT" 'matrix:'

finish
