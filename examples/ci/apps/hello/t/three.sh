. ./out/text.sh
[ "$(LIB=out/text.sh sh hello.sh three)" = "HELLO, $(upper three)" ]
