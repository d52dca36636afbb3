# tools/man.awk: man pages from the list of commands ("GROUP<tab>NAME<tab>SUMMARY") and each command's --help, a file each.
# Variables: version; out, the folder that the pages are written to.

function roff(text) { # for a line of text: dashes stay dashes, nothing begins a request
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	if (text ~ /^[.']/)
		text = "\\&" text
	return text
}

function page_of(name) {
	gsub(/ /, "-", name)
	return "penstock-" name
}

function head(page, name, summary) {
	print ".TH " roff("\"" toupper(page) "\"") " 1 \"\" \"penstock " version "\" \"Penstock\"" >page_file
	print ".SH NAME" >page_file
	print roff(name) " \\- " roff(summary) >page_file
}

function lower_first(text) {
	return substr(text, 2, 1) ~ /[a-z ]/ ? tolower(substr(text, 1, 1)) substr(text, 2) : text
}

function option(line,    at, words, n, i, tag) { # "  -w, --watch FILE   what it does"
	line = substr(line, 3)
	sub(/^ +/, "", line)
	at = match(line, /  +/)
	n = split(at ? substr(line, 1, at - 1) : line, words, " ")
	tag = ""
	for (i = 1; i <= n; i++) {
		if (words[i] ~ /^-/ && words[i] ~ /,$/)
			tag = tag "\\fB" roff(substr(words[i], 1, length(words[i]) - 1)) "\\fR, "
		else if (words[i] ~ /^-/)
			tag = tag "\\fB" roff(words[i]) "\\fR"
		else
			tag = tag " \\fI" roff(words[i]) "\\fR"
	}
	print ".TP" >page_file
	print tag >page_file
	print roff(at ? substr(line, at + RLENGTH) : "") >page_file
}

function exit_status() {
	print ".SH EXIT STATUS" >page_file
	print ".TP\n0\nok" >page_file
	print ".TP\n1\nthe work failed or was refused" >page_file
	print ".TP\n2\nusage or configuration" >page_file
	print ".TP\n3\nthe daemon, the machine or the disk" >page_file
}

function variable(name, text) { print ".TP\n\\fB" name "\\fR\n" text >page_file }

function close_one(    i, n) { # the end of a command's page
	if (!current)
		return
	if (in_examples)
		print ".fi\n.RE" >page_file
	exit_status()
	print ".SH SEE ALSO" >page_file
	printf "\\fBpenstock\\fR(1)" >page_file
	for (i = 1; i <= n_commands; i++)
		if (group_of[i] == group_of[current] && i != current)
			printf ",\n\\fB%s\\fR(1)", roff(page_of(name_of[i])) >page_file
	printf "\n" >page_file
	close(page_file)
}

FNR == NR {
	split($0, part, "\t")
	n_commands++
	group_of[n_commands] = part[1]
	name_of[n_commands] = part[2]
	summary_of[n_commands] = part[3]
	next
}

FNR == 1 {
	close_one()
	current++
	section = ""
	in_examples = 0
	page_file = out "/" page_of(name_of[current]) ".1"
	head(page_of(name_of[current]), page_of(name_of[current]), lower_first(summary_of[current]))
	next
}

/^usage: / {
	usage = substr($0, 8)
	print ".SH SYNOPSIS" >page_file
	command = "penstock " name_of[current]
	if (index(usage, command) == 1) {
		rest = substr(usage, length(command) + 1)
		print "\\fB" roff(command) "\\fR" roff(rest) >page_file
	} else
		print roff(usage) >page_file
	print ".SH DESCRIPTION" >page_file
	print roff(summary_of[current]) "." >page_file
	next
}

/^options:$/ {
	section = "options"
	print ".SH OPTIONS" >page_file
	next
}

/^examples:$/ {
	section = "examples"
	in_examples = 1
	print ".SH EXAMPLES\n.RS 4\n.nf" >page_file
	next
}

section == "options" && NF {
	if (current == 1)
		first_options[++n_options] = $0
	seen[$0]++
	option($0)
	next
}

section == "examples" && NF { print roff(substr($0, 3)) >page_file }

END {
	close_one()
	page_file = out "/penstock.1"
	head("penstock", "penstock", "takes a commit to production, and takes it back when it hurts")
	print ".SH SYNOPSIS\n\\fBpenstock\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]" >page_file
	print ".SH DESCRIPTION" >page_file
	print "Penstock plans what a commit touches, builds and tests that, packs an image for each service, proves it in staging," >page_file
	print "decides at a gate, and gives it more and more of the real traffic for as long as the statistics allow." >page_file
	print "\\fBpenstock serve\\fR is the daemon that does so; the other commands ask it, or work on a repository without it." >page_file
	print "Each command has a page of its own." >page_file
	print ".SH COMMANDS" >page_file
	for (i = 1; i <= n_commands; i++) {
		if (group_of[i] != group_of[i - 1])
			print ".SS " roff(group_of[i]) >page_file
		print ".TP\n\\fB" roff(page_of(name_of[i])) "\\fR(1)\n" roff(summary_of[i]) "." >page_file
	}
	print ".SH OPTIONS\nWhat nearly every command takes:" >page_file
	for (i = 1; i <= n_options; i++)
		if (seen[first_options[i]] > n_commands / 2)
			option(first_options[i])
	exit_status()
	print ".SH ENVIRONMENT" >page_file
	variable("PENSTOCK_DATA", "the data folder when \\fB\\-\\-data\\fR is not given")
	variable("PENSTOCK_SERVER", "the daemon when \\fB\\-\\-server\\fR is not given")
	variable("PENSTOCK_TOKEN", "the token for \\fB\\-\\-server\\fR")
	variable("PENSTOCK_CA", "the file of authorities that are believed when \\fB\\-\\-ca\\fR is not given")
	variable("PENSTOCK_CACHE", "where \\fBpenstock run\\fR keeps results when it is not \\fI~/.cache/penstock\\fR")
	variable("PENSTOCK_SHIM", "where \\fBpenstock\\-shim\\fR is when it is not beside \\fBpenstock\\fR")
	print ".SH FILES" >page_file
	print ".TP\n\\fIpenstock.yml\\fR\nat the root of a repository: its units, stages and environments; \\fBpenstock check \\-\\-schema\\fR describes it" >page_file
	print ".TP\n\\fI/var/lib/penstock\\fR\nthe data folder of a daemon that a superuser started; \\fI~/.local/share/penstock\\fR of others; \\fI./.penstock\\fR is taken when it is there" >page_file
	print ".TP\n\\fIpenstock.sock\\fR\nin the data folder: the socket that commands speak to" >page_file
	print ".SH SEE ALSO" >page_file
	printf "\\fBgit\\fR(1),\n\\fBhaproxy\\fR(1),\n\\fBrunc\\fR(8),\n\\fBbwrap\\fR(1)\n" >page_file
}
