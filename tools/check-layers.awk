# awk -f tools/check-layers.awk LAYERS FILE...: which includes break the layers. Prints "file:line: what" and exits 1.
#
# A folder may include its own headers (by bare name, too) and what its line in LAYERS names: folders, single headers, "*" for all. A line
# may name only folders above it. "<a.h> <b.h> = io" gives foreign headers to folders; all others may not include them.

function complain(text) {
	print FILENAME ":" FNR ": " text
	bad = 1
}

function folder_of(path) {
	return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : ""
}

# The line of LAYERS that speaks for a folder: its own name, or "parent/*".
function layer_of(folder,   parent) {
	if (folder in defined)
		return folder
	parent = folder_of(folder) "/*"
	return parent in defined ? parent : ""
}

function read_owners(   i, j, equals) {
	for (equals = 1; $equals != "="; equals++)
		;
	for (i = 1; i < equals; i++) {
		owned[$i] = 1
		for (j = equals + 1; j <= NF; j++)
			owner[$i, $j] = 1
	}
}

function read_layer(   i, folder) {
	for (i = 3; i <= NF; i++) {
		folder = $i ~ /\.h$/ ? folder_of($i) : $i
		if ($i != "*" && layer_of(folder) == "")
			complain("\"" $1 "\" names \"" $i "\", which does not stand above it")
		may[$1, $i] = 1
	}
	defined[$1] = 1
}

function check_own(   part, target, folder) {
	split($0, part, "\"")
	target = part[2]
	folder = folder_of(target)
	if (target ~ /(^|\/)\.\.?\//)
		complain("\"" target "\": write the path from src/")
	else if (folder != "" && folder != here && !((layer, folder) in may) && !((layer, target) in may) && !((layer, "*") in may))
		complain(layer " may not include \"" target "\"")
}

function check_foreign(   name) {
	name = $0
	sub(/^[^<]*/, "", name)
	sub(/>.*/, ">", name)
	if (name in owned && !((name, layer) in owner))
		complain(layer " may not include " name)
}

FILENAME == ARGV[1] {
	sub(/#.*/, "")
	if (/=/)
		read_owners()
	else if (NF)
		read_layer()
	next
}
FNR == 1 {
	here = folder_of(FILENAME)
	sub(/^(.*\/)?src\//, "", here)
	layer = layer_of(here)
	if (layer == "")
		complain("the folder " here " is not in LAYERS")
}
/^[ \t]*#[ \t]*include[ \t]*"/ { check_own() }
/^[ \t]*#[ \t]*include[ \t]*</ { check_foreign() }
END { exit bad }
