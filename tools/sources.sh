#!/bin/sh
# What is to be built, one line a file: "FOLDER PATH". Files below src/ stand under their folder (base, flow/1-source);
# tests under "tests/FOLDER:LEVEL", where LEVEL is the highest layer that the test includes (base core dialect io clients store
# flow all) or "helper" for what is no program
# (in bench/ and peers/ every file is one). A test named test_core_* or test_verdict* gets core and base, no more.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C
find src -name '*.c' 2>/dev/null | sort | awk '{
	folder = $0
	sub(/^src\//, "", folder)
	sub(/\/[^\/]*$/, "", folder)
	print folder, $0
}'
find tests/unit tests/port tests/sim tests/bench tests/peers tests/fuzz -name '*.[ch]' 2>/dev/null | sort | awk '
BEGIN {
	n = split("base core project dialect io clients store ports secrets flow engine api cli main shim", layer, " ")
	for (i = 1; i <= n; i++)
		rank[layer[i]] = i
	all = rank["engine"]
}
# the rank of a file: its own includes, and those of the files of tests/ that it includes
function level(file, depth,   line, part, to, r, most, source) {
	if (file in known)
		return known[file]
	most = 1
	known[file] = most # a cycle of includes adds nothing
	while ((getline line < file) > 0) {
		if (line !~ /^[ \t]*#[ \t]*include[ \t]*"/)
			continue
		split(line, part, "\"")
		to = part[2]
		split(to, part, "/")
		r = 0
		if (part[1] in rank && to ~ /\//)
			r = rank[part[1]]
		else {
			source = to ~ /\// ? "tests/" to : file
			if (to !~ /\//)
				sub(/[^\/]*$/, to, source)
			r = depth > 8 ? all : level(source, depth + 1)
			sub(/\.h$/, ".c", source)
			if (source in exists && level(source, depth + 1) > r)
				r = level(source, depth + 1)
		}
		if (r > most)
			most = r
	}
	close(file)
	known[file] = most
	return most
}
{ file[NR] = $0; exists[$0] = 1 }
END {
	for (f = 1; f <= NR; f++) {
		if (file[f] !~ /\.c$/)
			continue
		folder = file[f]
		sub(/\/[^\/]*$/, "", folder)
		split(folder, part, "/")
		name = file[f]
		sub(/.*\//, "", name)
		r = level(file[f], 0)
		word = r >= all ? "all" : r >= rank["ports"] ? "flow" : layer[r]
		if (name ~ /^test_(core_|verdict)/)
			word = "core"
		if (part[2] != "bench" && part[2] != "peers" && name !~ /^(test|fuzz)_/)
			word = "helper"
		print "tests/" part[2] ":" word, file[f]
	}
}'
