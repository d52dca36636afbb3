. "${LIB:-./text.sh}"
upper "hello, ${1:-world}"
