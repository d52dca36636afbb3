# Stands for a package manager: what is there already is not fetched again.
mkdir -p deps
while read -r name version; do
	if [ -f "deps/$name-$version" ]; then echo "$name $version: kept"; else
		echo "$name $version: fetched"
		echo "$name" >"deps/$name-$version"
	fi
done <deps.lock
ls deps >deps.list
