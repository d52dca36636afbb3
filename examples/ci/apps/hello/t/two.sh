. ./out/text.sh
[ "$(LIB=out/text.sh sh hello.sh two)" = "HELLO, $(upper two)" ]
