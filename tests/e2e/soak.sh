#!/bin/bash
# tests/soak/face.sh in little: 15 s of it. `make soak` takes two minutes, in which who takes nothing is cut off, too.
SOAK_SECONDS=${SOAK_SECONDS:-15} SOAK_EVERY=1 exec "$(dirname "$0")/../soak/face.sh"
