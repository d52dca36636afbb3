#!/bin/sh
# tools/install-deps.sh GROUP...: install the Debian packages of these groups that are missing. Asks dpkg once and is
# silent when nothing is missing; removes nothing. Groups: build (compiler and libraries), run (what penstock calls), test (only
# tests), docker (tests of jobs in docker, which are left out without: a daemon of root's comes with it, so it is not in test).
set -eu

build='gcc libc6-dev make meson ninja-build pkg-config libuv1-dev libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libgit2-dev
libsqlite3-dev zlib1g-dev libzstd-dev libssl-dev libjansson-dev libfyaml-dev libexpat1-dev'
# The pages are bundled by node, of whatever origin: Debian's is taken when there is none.
command -v node >/dev/null && command -v npm >/dev/null || build="$build nodejs npm"
run='git haproxy bubblewrap ca-certificates'
# Docker's own packages bring a runc, and cannot stand beside Debian's.
[ -x /usr/bin/runc ] || [ -x /usr/local/bin/runc ] || run="$run runc"
test='libcmocka-dev clang-14 libclang-rt-14-dev clang-tidy-14 clang-format-14 cppcheck binutils bash curl procps busybox-static graphviz btrfs-progs xfsprogs jq libxml2-utils zstd openssl crun podman chromium mandoc'
docker='docker.io'

wanted=
for group; do
	case $group in
	build) wanted="$wanted $build" ;;
	run) wanted="$wanted $run" ;;
	test) wanted="$wanted $test" ;;
	docker) wanted="$wanted $docker" ;;
	*)
		echo "install-deps: no group is called $group (build, run, test, docker)" >&2
		exit 2
		;;
	esac
done

# shellcheck disable=SC2086
have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | sed -n 's/ installed$//p' | tr '\n' ' ')
missing=
for package in $wanted; do
	case " $have" in
	*" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

echo "install-deps: installing$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "install-deps: run this as root, or install sudo: apt-get install$missing" >&2
		exit 1
	}
	sudo=sudo
fi
install() {
	# shellcheck disable=SC2086
	said=$($sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-remove --no-install-recommends $missing \
		</dev/null 2>&1) || {
		echo "$said" | tail -n 20 >&2
		return 1
	}
}
lists() {
	for list in /var/lib/apt/lists/*Packages*; do
		[ -e "$list" ] && return 0
	done
	return 1
}
if ! lists || ! install; then # no lists, or too old to fetch from
	$sudo apt-get update -qq </dev/null
	install
fi
