#!/bin/bash
# tests/bench/peers_run.sh: a work tree of 1,000 units and 100,000 files, all results cached, then one file changed: `penstock run`
# beside `turbo run` and `nx run-many` on the very same tree, an npm workspace of 1,000 packages with the same dependencies. Medians
# of $ROUNDS rounds (5). Peers: tests/peers/install.sh; without it they are named as skipped. Their caches are filled with a stand-in
# for `npm run` that only runs the script: a run from the cache starts no npm.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${BUILD_FOLDER:-build}" && pwd) || exit 2
export PENSTOCK_SHIM=${PENSTOCK_SHIM:-$build/penstock-shim}
penstock=${PENSTOCK:-$build/penstock}
peers=${PENSTOCK_PEERS:-$HOME/.cache/penstock-peers}
rounds=${ROUNDS:-5} units=${UNITS:-1000} files=${FILES:-100}
work=$(mktemp -d /tmp/penstock-bench-XXXXXX) || exit 2
nx_up=
finish() {
	[ -z "$nx_up" ] || (cd "$work/tree" && node_modules/.bin/nx daemon --stop >/dev/null 2>&1)
	rm -rf "$work"
}
trap finish EXIT
export TURBO_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1 NO_COLOR=1 NX_TUI=false NX_NO_CLOUD=true GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com

"$build/tests/gen_repo" "$work/big.git" "$units" "$files" >/dev/null && git clone -q "$work/big.git" "$work/tree" && cd "$work/tree" || exit 2
awk -v units="$units" '
	function package(name, path, deps,   file) {
		file = path "/package.json"
		printf "{\"name\":\"%s\",\"version\":\"1.0.0\",\"scripts\":{\"build\":\"mkdir -p out && echo built >out/out.txt\"},\"dependencies\":{%s}}\n", name, deps >file
		close(file)
		lock = lock sprintf(",\"node_modules/%s\":{\"resolved\":\"%s\",\"link\":true},\"%s\":{\"name\":\"%s\",\"version\":\"1.0.0\",\"dependencies\":{%s}}", name, path, path, name, deps)
	}
	BEGIN {
		libs = int(units / 10)
		for (i = 0; i < libs; i++)
			package(sprintf("lib-%05d", i), sprintf("libs/lib-%05d", i), "")
		for (i = libs; i < units; i++) {
			deps = ""
			for (k = 0; k < 1 + i % 3 && k < libs; k++)
				deps = deps (k ? "," : "") sprintf("\"lib-%05d\":\"*\"", (i + k * 7) % libs)
			package(sprintf("svc-%05d", i), sprintf("services/svc-%05d", i), deps)
		}
		spaces = "\"workspaces\":[\"libs/*\",\"services/*\"]"
		printf "{\"name\":\"big\",\"private\":true,\"packageManager\":\"npm@10.0.0\",%s,\"devDependencies\":{\"nx\":\"24.0.6\"}}\n", spaces >"package.json"
		printf "{\"name\":\"big\",\"lockfileVersion\":3,\"packages\":{\"\":{\"name\":\"big\",%s}%s}}\n", spaces, lock >"package-lock.json"
	}'
echo '{"$schema":"https://turborepo.com/schema.json","tasks":{"build":{"dependsOn":["^build"],"outputs":["out/**"]}}}' >turbo.json
echo '{"targetDefaults":{"build":{"cache":true,"dependsOn":["^build"],"outputs":["{projectRoot}/out"]}},"analytics":false}' >nx.json
printf 'node_modules\nout\n.turbo\n.nx\n' >.gitignore
sed '/^ci:/,$d' penstock.yml >p && printf 'ci:\n  build: {each: "*", needs: [^build], run: "mkdir -p out && echo built >out/out.txt", outputs: [out/**]}\n' >>p && mv p penstock.yml
git add -A && git commit -q -m 'As an npm workspace' || exit 2
mkdir "$work/bin"
printf '#!/bin/sh\n[ "$1" = run ] || exit 1\nmkdir -p out && echo built >out/out.txt\n' >"$work/bin/npm"
chmod +x "$work/bin/npm"

serial=0 last=$(printf svc-%05d $((units - 1)))
median() { # NAME one-changed? COMMAND...: milliseconds, the runs' last words in $work/NAME
	local name=$1 change=$2 begin i
	shift 2
	for ((i = 0; i < rounds; i++)); do
		if [ "$change" = 1 ]; then
			serial=$((serial + 1))
			echo "/* $serial */" >>"services/$last/src/file-000.c"
		fi
		begin=$(date +%s%N)
		"$@" >"$work/$name" 2>&1 || {
			tail -n 5 "$work/$name" >&2
			return 1
		}
		echo $((($(date +%s%N) - begin) / 10000))
	done | sort -n | awk '{ v[NR] = $1 } END { if (!NR) exit 1; printf "%.1f", v[int((NR + 1) / 2)] / 100 }'
}
ours() { "$penstock" run build --cache "$work/cache"; }
turbo_run() { PATH=$work/bin:$peers/turbo/node_modules/.bin:$PATH turbo run build --output-logs=errors-only; }
nx_run() { PATH=$work/bin:$PATH node_modules/.bin/nx run-many -t build --outputStyle=static; }

ours >"$work/first" 2>&1 || {
	tail -n 5 "$work/first"
	exit 1
}
our_all=$(median ours 0 ours) || exit 1
tail -n 2 "$work/ours"
our_one=$(median ours 1 ours) || exit 1
tail -n 2 "$work/ours"

fastest_all=0 fastest_one=0
row() { # what ours peer name budget
	awk -v what="$1" -v a="$2" -v b="$3" -v name="$4" -v budget="$5" 'BEGIN {
		over = budget != "-" && b / a < 10
		printf "| %s | %.0f ms | %.0f ms (%s) | %.2f | %s%s |\n", what, a, b, name, a / b, budget, over ? " **over**" : ""
	}'
}
faster() { awk -v a="$1" -v b="$2" 'BEGIN { print (a == 0 || b < a) ? b : a }'; }
peer() { # NAME COMMAND
	local all one
	"$2" >"$work/first" 2>&1 || {
		tail -n 5 "$work/first"
		echo "SKIPPED $1: its first run failed"
		return
	}
	all=$(median "$1" 0 "$2") && tail -n 4 "$work/$1" && one=$(median "$1" 1 "$2") && tail -n 4 "$work/$1" || return
	row "\`penstock run\` of a work tree, all cached: $units units, $((units * files)) files" "$our_all" "$all" "$1" -
	row "the same, one file changed" "$our_one" "$one" "$1" -
	fastest_all=$(faster "$fastest_all" "$all") fastest_one=$(faster "$fastest_one" "$one")
}
if [ -x "$peers/turbo/node_modules/.bin/turbo" ]; then
	peer turbo turbo_run
else
	echo "SKIPPED turbo: not in the peers' folder: tests/peers/install.sh"
fi
if [ -x "$peers/nx/node_modules/.bin/nx" ]; then
	ln -s "$peers/nx/node_modules" node_modules
	nx_up=1
	peer nx nx_run
else
	echo "SKIPPED nx: not in the peers' folder: tests/peers/install.sh"
fi
[ "$fastest_all" = 0 ] && exit 0
row "all cached, against the faster of the peers" "$our_all" "$fastest_all" "the faster" "a tenth"
row "one file changed, against the faster of the peers" "$our_one" "$fastest_one" "the faster" "a tenth"
