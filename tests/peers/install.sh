#!/bin/bash
# tests/peers/install.sh: the real programs that tests/peers/run.sh tries us against, into $PENSTOCK_PEERS
# (~/.cache/penstock-peers). What cannot be had is left out and said; run.sh then skips it by name.
set -u
cd "$(dirname "$0")" || exit 2
peers=${PENSTOCK_PEERS:-$HOME/.cache/penstock-peers}

for tool in turbo nx moon gitlab-ci-local oidc; do
	mkdir -p "$peers/$tool"
	if cmp -s "npm/$tool/package-lock.json" "$peers/$tool/.installed"; then
		continue
	fi
	rm -f "$peers/$tool/.installed"
	cp "npm/$tool/package.json" "npm/$tool/package-lock.json" "$peers/$tool/"
	if ! command -v npm >/dev/null; then
		echo "peers: $tool cannot be had: there is no npm"
	# Not `npm ci`: it wants packages for other systems in the lock file, which not every registry has.
	elif (cd "$peers/$tool" && npm install --no-audit --no-fund >"$peers/$tool.log" 2>&1); then
		cp "npm/$tool/package-lock.json" "$peers/$tool/.installed"
	else
		echo "peers: $tool cannot be had: $(tail -n 1 "$peers/$tool.log")"
	fi
done

# Readers of other CI systems' files.
if [ ! -x "$peers/schema/bin/check-jsonschema" ]; then
	said=$(python3 -m venv "$peers/schema" 2>&1 && "$peers/schema/bin/pip" install --quiet check-jsonschema==0.39.0 ruamel.yaml 2>&1) ||
		echo "peers: check-jsonschema cannot be had: $(tail -n 1 <<<"$said")"
fi
if [ ! -x "$peers/schemathesis/bin/schemathesis" ]; then
	said=$(python3 -m venv "$peers/schemathesis" 2>&1 && "$peers/schemathesis/bin/pip" install --quiet schemathesis==4.32.5 2>&1) ||
		echo "peers: schemathesis cannot be had: $(tail -n 1 <<<"$said")"
fi
if [ ! -x "$peers/jwt/bin/python" ]; then
	said=$(python3 -m venv "$peers/jwt" 2>&1 && "$peers/jwt/bin/pip" install --quiet 'pyjwt[crypto]==2.15.1' 2>&1) || {
		rm -rf "$peers/jwt"
		echo "peers: PyJWT cannot be had: $(tail -n 1 <<<"$said")"
	}
fi
if [ ! -x "$peers/bin/actionlint" ]; then
	if command -v go >/dev/null; then
		said=$(GOBIN=$peers/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 2>&1) ||
			echo "peers: actionlint cannot be had: $(tail -n 1 <<<"$said")"
	else
		echo "peers: actionlint cannot be had: there is no go"
	fi
fi

missing=
for package in bazel-bootstrap ccache gradle nginx-light libnginx-mod-http-dav-ext; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=" $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "peers: without root these are not installed:$missing"
	exit 0
fi
for package in $missing; do
	echo "peers: installing $package"
	said=$(DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" </dev/null 2>&1) ||
		echo "peers: $package cannot be had: $(tail -n 1 <<<"$said")"
done
exit 0
