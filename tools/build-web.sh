#!/bin/sh
# tools/build-web.sh OUT.c WORK_FOLDER [DEPFILE]: install what the pages need (web/node_modules, as the lock file says), check types, bundle
# and write the C source that carries the pages into the binary. Run by ninja, only when something below web/ changed.
#   tools/build-web.sh --none OUT.c    no pages: for machines without node (meson configure BUILD -Dweb=false)
#   tools/build-web.sh --deps    only the packages
#   tools/build-web.sh --test    the unit tests of web/test, by node's own runner
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
web=$root/web

packages() { # once for each state of the lock file; several builds of one tree may want them at a time
	command -v node >/dev/null && command -v npm >/dev/null || {
		echo "build-web: node and npm are missing: tools/install-deps.sh build (or build without the pages: meson configure BUILD -Dweb=false)" >&2
		exit 1
	}
	cmp -s "$web/package-lock.json" "$web/node_modules/.of" 2>/dev/null && return
	(
		flock 9
		cmp -s "$web/package-lock.json" "$web/node_modules/.of" 2>/dev/null && exit
		said=$(cd "$web" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error 2>&1) || {
			printf '%s\n' "$said" | tail -n 20 >&2
			echo "build-web: npm ci failed in web/: is the package registry reachable? Without it: meson configure BUILD -Dweb=false" >&2
			exit 1
		}
		cp "$web/package-lock.json" "$web/node_modules/.of"
	) 9>"$web/.lock"
}

case ${1-} in
--none)
	printf '#include "api/assets.h"\n\nconst struct asset assets[1] = {{0}};\nconst size_t n_assets = 0;\n' >"$2"
	exit
	;;
--deps)
	packages
	exit
	;;
--test)
	packages
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	"$web/node_modules/.bin/esbuild" "$web"/test/*.test.ts --bundle --platform=node --format=esm --out-extension:.js=.mjs \
		--jsx=automatic --jsx-import-source=preact --outdir="$work" --log-level=warning
	node --test "$work"
	exit
	;;
esac

out=$1 work=$2
shift 2
mkdir -p "$work"
packages
(cd "$web" && node_modules/.bin/tsc --noEmit -p .) >"$work/types.log" 2>&1 &
types=$!
code=0
node "$web/build.mjs" "$out" "$work" "$@" >"$work/bundle.log" 2>&1 || code=$?
wait "$types" || {
	cat "$work/types.log" >&2
	code=1
}
if [ "$code" = 0 ]; then cat "$work/bundle.log"; else cat "$work/bundle.log" >&2; fi
[ "$code" = 0 ] || rm -f "$out"
exit "$code"
