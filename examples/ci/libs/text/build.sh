mkdir -p out
cp upper.sh out/text.sh
