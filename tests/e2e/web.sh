#!/bin/bash
# The web pages: the unit tests of what is pure in them, then the pages in a real browser (tests/web).
here=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
code=0
if command -v node >/dev/null && command -v npm >/dev/null; then
	"$here/tools/build-web.sh" --test || code=1
else
	echo 'skipped: unit tests of the pages: no node and npm'
fi
"$here/tests/web/run.sh"
pages=$?
[ $pages = 0 ] || [ $pages = 77 ] || code=1
exit $code
