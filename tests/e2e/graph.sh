#!/bin/bash
# The project graph without a word about units in penstock.yml: an npm workspace whose lockfile npm made, a bump of one
# dependency, and what the plan and the graph say of it.
. "$(dirname "$0")/lib.sh"

repo=$work/shop
mkdir "$repo" && cp -R "$here/tests/data/project/npm/." "$repo" && cd "$repo" || exit 2
git init --quiet -b main
git() { command git -C "$repo" "$@"; }

# ---- no penstock.yml, no commit ----
run "$PENSTOCK" graph
is 'graph needs no penstock.yml and no commit' "$CODE" 0
has 'it finds a service and why' "$OUT" '^web +service apps/web +\[apps/web/package.json:4 script "start"\]'
has 'and an edge and where it is written' "$OUT" '└─ ui .*\[apps/web/package.json:6\]'
has 'it counts' "$OUT" '^3 units \(2 services\), 1 edge'
has 'DOT' "$("$PENSTOCK" graph --format dot)" '"web" -> "ui"'
has 'Mermaid' "$("$PENSTOCK" graph --format mermaid)" 'u2 --> u1'
has 'JSON' "$("$PENSTOCK" graph --json)" '"unit":"ui","where":"apps/web/package.json:6"'
if command -v dot >/dev/null; then
	has 'SVG' "$("$PENSTOCK" graph --format svg)" '<svg'
else
	skip 'SVG' 'graphviz is not here'
fi
mkdir "$work/path" && for tool in git cat; do ln -s "$(command -v $tool)" "$work/path/$tool"; done
PATH=$work/path run "$PENSTOCK" graph --format svg
is 'without graphviz: exit code 3' "$CODE" 3
has 'and which package to install' "$ERR" 'graphviz'
run "$PENSTOCK" graph wep
is 'an unknown unit is refused' "$CODE" 2
has 'with the nearest' "$ERR" 'did you mean web'

# ---- lockfiles ----
cat >penstock.yml <<'YML'
version: 1
project: shop
ci:
  build: {each: "*", needs: [^build], run: "true"}
YML
run "$PENSTOCK" check
has 'check names the units that are inferred' "$OUT" '^project shop: 2 services, 1 library$'
(cd apps/web && run "$PENSTOCK" check && echo "$OUT") >"$work/below"
has 'also from a folder below' "$(cat "$work/below")" '2 services, 1 library'
sed 's/"true"}/"true", if: "affected('"'wep'"')"}/' penstock.yml >"$work/wrong.yml" && cp penstock.yml "$work/right.yml" && cp "$work/wrong.yml" penstock.yml
run "$PENSTOCK" check
is 'an if about a unit that there is not: exit code 2' "$CODE" 2
has 'and which' "$ERR" 'penstock.yml:4: "if" of job "build": there is no unit "wep"'
cp "$work/right.yml" penstock.yml
git add -A && git commit --quiet -m one
affected() { "$PENSTOCK" plan --base HEAD~1 --json | sed 's/.*"affected":\[\([^]]*\)\].*/\1/' | tr -d '"'; }
bump() { # FROM TO
	sed -i "s/$1/$2/" package-lock.json
	git commit --quiet -am "bump $1"
}
bump '"version": "7.0.0"' '"version": "7.0.1"'
is 'a bump touches its user and who is built from it' "$(affected)" ui,web
has 'and the plan says by which file' "$("$PENSTOCK" plan --base HEAD~1)" 'ui +build +miss .*package-lock.json'
has 'graph --affected shows the same' "$("$PENSTOCK" graph --affected --base HEAD~1)" '^2 units .*affected'
bump 'sha512-PRWFHuSU3e' 'sha512-AAAAAAAAAA'
is 'a bump of what one uses touches one' "$(affected)" api
bump 'sha512-sGkPx' 'sha512-BBBBB'
is 'a shared one touches both' "$(affected)" api,web
sed -i 's|"node_modules/debug": {|"node_modules/aaa": {"version": "1.0.0"},\n    &|' package-lock.json
git commit --quiet -am unrelated
is 'a package that nobody uses touches nobody' "$(affected)" ''
# ---- one install for all ----
cat >penstock.yml <<'YML'
version: 1
project: shop
ci:
  install: {installs: true, inputs: [package.json, package-lock.json, "apps/*/package.json", "apps/*/*.patch"], run: "sha256sum package-lock.json >stamp", outputs: [stamp]}
  build: {each: "*", needs: [install, ^build], run: "cat ../../stamp >out", outputs: [out]}
  whole: {needs: [install], inputs: [package.json], run: "cat stamp"}
  tight: {each: api, needs: [install], strict: true, run: "true"}
YML
git commit --quiet -am install
PENSTOCK_CACHE=$work/cache run "$PENSTOCK" run ci
has 'all of it runs' "$OUT" '^6 passed'
missing() { PENSTOCK_CACHE=$work/cache "$PENSTOCK" plan --base HEAD~1 | awk '$3 == "miss" { printf "%s/%s ", $1, $2 }'; }
bump '"version": "7.0.1"' '"version": "7.0.2"'
is 'a bump runs the install, its users, and who counts the whole' "$(missing)" '-/install ui/build web/build -/whole api/tight '
PENSTOCK_CACHE=$work/cache run "$PENSTOCK" run ci
has 'and leaves the others' "$OUT" '^5 passed, 1 unaffected'
rm -rf "$work/clone" && command git clone --quiet "$repo" "$work/clone"
has 'by their keys, too' "$(cd "$work/clone" && PENSTOCK_CACHE=$work/cache "$PENSTOCK" run build --unit api 2>&1)" 'cached +api/build'
sed -i 's|"node_modules/debug": {|"node_modules/bbb": {"version": "1.0.0"},\n    &|' package-lock.json
git commit --quiet -am unrelated
is 'what no unit uses touches none' "$(missing)" '-/install -/whole api/tight '
sed -i 's/{/{"description":"x",/' apps/web/package.json
git commit --quiet -am manifest
is "a unit's manifest is its own matter" "$(missing)" '-/install web/build -/whole api/tight '
echo more >apps/web/ms.patch && git add -A && git commit --quiet -m patch
is 'another file of a unit that the install reads touches all' "$(missing)" '-/install api/build ui/build web/build -/whole api/tight '
sed -i 's/"private":true/"private":false/' package.json
git commit --quiet -am 'not the lockfile'
is 'another input of the install job touches all' "$(missing)" '-/install api/build ui/build web/build -/whole api/tight '
sed -i 's/sha256sum package-lock/md5sum package-lock/' penstock.yml
git commit --quiet -am 'another command'
is 'and so does its definition' "$(missing)" '-/install api/build ui/build web/build -/whole api/tight '

head -c 700 package-lock.json >cut && mv cut package-lock.json
git commit --quiet -am cut
is 'a lockfile cut short counts for all' "$(affected)" api,ui,web
has 'and the plan warns' "$("$PENSTOCK" plan --base HEAD~1)" 'warning: package-lock.json:[0-9]+: '
git revert --no-edit HEAD >/dev/null

# ---- circles, broken manifests ----
sed -i 's/"is-number"/"@shop\/web": "*", "is-number"/' libs/ui/package.json
run "$PENSTOCK" graph
is 'a circle is refused' "$CODE" 2
has 'as a path, with its places' "$ERR" 'ui -> web -> ui \(libs/ui/package.json:[0-9]+, apps/web/package.json:6\)'
git checkout --quiet libs
echo '{' >apps/web/package.json
run "$PENSTOCK" graph
is 'a broken manifest is refused' "$CODE" 2
has 'with file and line' "$ERR" '^penstock: apps/web/package.json:2: '
git checkout --quiet apps
mkdir -p apps/web/fixtures/bad && echo '{' >apps/web/fixtures/bad/package.json
run "$PENSTOCK" graph
is 'not one inside of a unit' "$CODE" 0

finish
