# all.sh quick|deep: tests of the library, with a report.
. out/text.sh
failed=0
report=
check() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then
		report="$report<testcase classname=\"text\" name=\"$1\"/>"
	else
		report="$report<testcase classname=\"text\" name=\"$1\"><failure message=\"got $2, wanted $3\"/></testcase>"
		echo "text.$1: got $2, wanted $3"
		failed=1
	fi
}
check upper_word "$(upper tea)" TEA
check upper_empty "$(upper '')" ''
[ "$1" != deep ] || check upper_deep "$(upper "$(printf 'a%.0s' 1 2 3)")" AAA
printf '<testsuite name="text">%s</testsuite>\n' "$report" >out/junit.xml
exit "$failed"
