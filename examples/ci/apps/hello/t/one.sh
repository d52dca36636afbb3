. ./out/text.sh
[ "$(LIB=out/text.sh sh hello.sh one)" = "HELLO, $(upper one)" ]
