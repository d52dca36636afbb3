#!/bin/bash
# tests/soak/face.sh in little: 15 s of it. `make soak` takes two minutes, in which who takes nothing is cut off, too.
if ldd "$PENSTOCK" | grep -q libasan; then
	echo 'skipped: the soak: under a sanitizer its times say nothing'
	exit 77
fi
SOAK_SECONDS=${SOAK_SECONDS:-15} SOAK_EVERY=1 exec "$(dirname "$0")/../soak/face.sh"
