mkdir -p out
cp ../../libs/text/out/text.sh hello.sh out/
