#!/bin/bash
# The unit tests of what is pure in the web pages. The pages themselves are tried in a real browser by `make web` (tests/web).
here=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
command -v node >/dev/null && command -v npm >/dev/null || {
	echo 'skipped: unit tests of the pages: no node and npm'
	exit 77
}
"$here/tools/build-web.sh" --test
