#!/bin/bash
# tools/lint.sh BUILD: what a machine can say about the sources. One line a check; ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1
passed=0
failed=0
shopt -s globstar nullglob

check() { # NAME COMMAND...: its output is what it found
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok    $name"
		passed=$((passed + 1))
	else
		echo "FAIL  $name"
		failed=$((failed + 1))
	fi
	[ -z "$out" ] || sed 's/^/      | /' <<<"$out"
}

sources=(src/**/*.[ch] tests/unit/*.[ch] tests/port/*.[ch] tests/sim/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch])

file_sizes() {
	awk 'FNR == 601 { print FILENAME " is longer than 600 lines"; bad = 1 } END { exit bad }' src/**/*.[ch]
}

# A function body begins with "{" and ends with "}" in the first column: clang-format sees to that. Only a warning.
function_sizes() {
	awk '
		/^\{/ { start = FNR }
		/^\}/ && start {
			if (FNR - start > 61)
				printf "%s:%d: a function of %d lines (60 are the aim)\n", FILENAME, start, FNR - start - 1
			start = 0
		}' src/**/*.c
}

words() { # what has no place in the tree: unnumbered notes to ourselves, somebody's folders
	! grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${sources[@]}" | grep -vE 'TODO\(#[0-9]+\)' &&
		! git grep -nIE '(^|[^A-Za-z0-9_.$}>*-])/(work|Users)/[a-z]' -- . ':!tools/lint.sh'
}

layout() { # a warning, unless LINT_LAYOUT=strict
	local bad=()
	for file in "${sources[@]}"; do
		clang-format-14 --dry-run -Werror "$file" >/dev/null 2>&1 || bad+=("$file")
	done
	[ ${#bad[@]} -eq 0 ] && return
	echo "not laid out by clang-format (make format FILES=\"...\"): ${#bad[@]} of ${#sources[@]} files:"
	[ -z "${LINT_LAYOUT-}" ] && echo '  (LINT_LAYOUT=list names them, LINT_LAYOUT=strict makes it a failure)'
	[ -n "${LINT_LAYOUT-}" ] && printf '  %s\n' "${bad[@]}"
	[ "${LINT_LAYOUT-}" != strict ]
}

static_analysis() {
	local seen=$build/cppcheck
	mkdir -p "$seen"
	cppcheck --quiet --enable=warning,portability --std=c11 --inline-suppr --error-exitcode=1 -j 2 \
		--cppcheck-build-dir="$seen" --suppressions-list=tools/cppcheck-suppressions \
		--template='{file}:{line}: {id}: {message}' -D_GNU_SOURCE -D__x86_64__ -I src src
}

scripts() {
	local bad=0
	for file in tools/*.sh .ci/run tests/e2e/*.sh; do
		case $(head -n 1 "$file") in
		*bash*) bash -n "$file" || bad=1 ;;
		*) sh -n "$file" || bad=1 ;;
		esac
	done
	return $bad
}

man_pages() { # a generated page has no date, and its lines are as long as those of --help
	command -v mandoc >/dev/null || {
		echo "skipped: mandoc is not installed"
		return 0
	}
	local found
	found=$(mandoc -T lint -W warning docs/man/*.1 2>&1 | grep -v 'missing date')
	[ -z "$found" ] || { echo "$found"; return 1; }
}

check "layers" tools/check-layers.sh
check "purity of core" tools/check-purity.sh "$build"
check "files of at most 600 lines" file_sizes
check "functions of at most 60 lines" function_sizes
check "layout" layout
check "words" words
check "scripts" scripts
check "docs of commands" tools/gen-commands.sh "$build/penstock" check
check "man pages" man_pages
check "docs of the API" tools/gen-api.sh "$build/penstock" check
check "examples of the guide" tools/check-guide.sh "$build/penstock"
check "docs of keys" tools/gen-config.py "$build/penstock" check
check "cppcheck" static_analysis
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
