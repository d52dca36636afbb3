#!/bin/bash
# Jobs in containers through the daemon: images of a registry and of the repository, services, kept sandboxes, a daemon that dies, shells.
. "$(dirname "$0")/lib.sh"
ports
[ "$(id -u)" = 0 ] && [ -x /bin/busybox ] && command -v bwrap >/dev/null || {
	echo "1..0 # SKIP containers want root, busybox-static and bubblewrap"
	exit 77
}
build_service

# ---- an image, by hand ----
blob() { # FILE: into $layout, says "sha256:HEX"
	local hex
	hex=$(sha256sum <"$1") && hex=${hex%% *}
	cp "$1" "$layout/blobs/sha256/$hex" && echo "sha256:$hex"
}
make_image() { # FOLDER TEXT: an OCI layout whose /etc/image-release is TEXT
	local layout=$1 root=$work/root layer config digest arch=amd64
	[ "$(uname -m)" = aarch64 ] && arch=arm64
	rm -rf "$root" "$layout" && mkdir -p "$root"/{bin,etc,tmp,root,var} "$layout/blobs/sha256"
	cp /bin/busybox "$root/bin/busybox"
	for applet in sh echo cat ls sleep mkdir touch id true false nc test mkfifo seq wc grep tr kill; do ln -s busybox "$root/bin/$applet"; done
	echo "$2" >"$root/etc/image-release"
	echo root:x:0:0::/root:/bin/sh >"$root/etc/passwd"
	tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/layer" .
	layer=$(blob "$work/layer")
	printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin","FROM_IMAGE=yes"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}' \
		$arch "$layer" >"$work/config"
	config=$(blob "$work/config")
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%d}]}' \
		"$config" "$(stat -c %s "$work/config")" "$layer" "$(stat -c %s "$work/layer")" >"$work/manifest"
	digest=$(blob "$work/manifest")
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%d}]}' \
		"$digest" "$(stat -c %s "$work/manifest")" >"$layout/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
}
make_image "$work/one" 'image one'
make_image "$work/two" 'image two'

# ---- a registry, when there is one ----
registry=
if command -v docker-registry >/dev/null && command -v skopeo >/dev/null; then
	registry=127.0.0.1:$((api_port + 7))
	printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n' "$work/registry" "$registry" >"$work/registry.yml"
	docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 </dev/null &
	pids+=("$!")
	push() { skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$1" "docker://$registry/base:$2" >>"$work/push.log" 2>&1; }
	digest() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/base:$1"; } # skopeo packs layers
	await 10 push "$work/one" v1 && push "$work/two" v2 && one=$(digest v1) && two=$(digest v2) || registry=
fi

project shop
mkdir -p "$tree/a" "$tree/ci"
SECRET=correct-horse-battery-77c
serve "$work/data" --repo "$bare" --slots 4 || not_ok 'serve' "$(tail -n 3 "$data.log")"
mkdir -p "$data/secrets" && printf %s "$SECRET" >"$data/secrets/TOKEN" && chmod -R go= "$data/secrets"

marker=60$$.5 # seconds that nobody else sleeps
asleep() { pgrep -f "sleep $marker" >/dev/null; }
round=0
jobs() { # the jobs, as YAML on stdin; sets RUN and waits for nothing
	round=$((round + 1))
	echo "$round" >"$tree/a/n"
	{
		printf 'version: 1\nproject: shop\nlibraries: {a: {path: a}}\nci:\n'
		cat
	} >"$tree/penstock.yml"
	commit "Round $round"
	RUN=run-$round
}
job_member() { # JOB NAME
	api GET "/api/v1/jobs/$RUN/ci/a/$1"
	[ "$STATUS" = 200 ] && first_member "$2" <<<"$ANSWER"
}
job_is() { [ "$(job_member "$1" state)" = "$2" ]; }
log_of() { p logs "$RUN/ci/a/$1" 2>/dev/null; }
says() { grep -qF -- "$2" <<<"$(log_of "$1")"; }

# ---- a tag, pinned; services; a matrix in a service's image ----
if [ -n "$registry" ]; then
	jobs <<-Y
		  test:
		    each: "*"
		    container: $registry/base:v1
		    secrets: {TOKEN: file:TOKEN}
		    run: cat /etc/image-release; echo \$FROM_IMAGE; echo token \$TOKEN; echo ping | nc -w 2 db 5000
		    services:
		      db: {image: "$registry/base:\${matrix.x}", port: 5000, ready: test -e /tmp/up, args: [/bin/sh, -c, "touch /tmp/up; exec nc -ll -p 5000 -e cat /etc/image-release"]}
		    matrix: {x: [v1, v2]}
	Y
	await_ok 'a run in containers with services passes' 40 run_is "$COMMIT" passed
	first=$RUN/ci/a/test@v1 second=$RUN/ci/a/test@v2
	has 'the job sees its image' "$(p logs "$first")" '^image one$'
	has "and the image's environment" "$(p logs "$first")" '^yes$'
	has 'secrets are masked' "$(p logs "$first")" '^token \*\*\*$'
	has 'the pull is told in the log' "$(p logs "$first" && p logs "$second")" 'base:v1.* is here'
	is "each service has its value's image" "$(p logs "$first" | tail -n 1) $(p logs "$second" | tail -n 1)" 'image one image two'
	has "the tag's digest is pinned into the run" "$(journal)" "base:v1\",\"value\":\"$one\""
	has 'and into the key' "$(p why "$first" --key)" "$one"
	has "the service's, too" "$(p why "$second" --key)" "$two"
else
	skip 'images of a registry' 'docker-registry or skopeo is not installed'
fi

# ---- a layout of the repository ----
cp -r "$work/one" "$tree/ci/image" # with the time of now: Git takes two files of one size and second for the same
jobs <<-'Y'
	  test: {each: "*", container: "oci:ci/image", run: cat /etc/image-release}
Y
await_ok 'a layout of the repository is an image' 30 run_is "$COMMIT" passed
has 'it is that one' "$(log_of test)" '^image one$'
key=$(job_member test key)
rm -rf "$tree/ci/image" && cp -r "$work/two" "$tree/ci/image"
jobs <<-'Y'
	  test: {each: "*", container: "oci:ci/image", run: cat /etc/image-release}
Y
await_ok 'another layout, another run' 30 run_is "$COMMIT" passed
has 'it is the other' "$(log_of test)" '^image two$'
[ "$(job_member test key)" != "$key" ] && ok 'its tree is part of the key' || not_ok 'its tree is part of the key' "$key"

# ---- what is no file ----
jobs <<-'Y'
	  test: {each: "*", container: "oci:ci/image", run: "mkdir out; mkfifo out/pipe; ls out", outputs: ["out/**"]}
Y
await_ok 'a pipe among outputs fails the job' 30 run_is "$COMMIT" failed
has 'and it is said' "$(p why "$RUN/ci/a/test")" 'pipe|not a file|no file'

# ---- kept, a shell in it, resumed ----
jobs <<-'Y'
	  test:
	    each: "*"
	    container: "oci:ci/image"
	    steps:
	      - {name: first, run: echo work >made; echo box >/var/made; echo first ran}
	      - {name: second, run: "cat made /var/made; test -e fixed"}
Y
await_ok 'a step fails' 30 run_is "$COMMIT" failed
await 10 test -d "$data/kept/$RUN+ci+a+test"
run "$PENSTOCK" shell "$RUN" test --data "$data" -- cat made /var/made /etc/image-release
is 'a shell sees what was left' "$OUT" $'work\nbox\nimage two'
if command -v script >/dev/null; then
	mkfifo "$work/keys"
	# Answers of the shell end in CR LF; what is typed, which the terminal shows too, has no such line.
	shows() { grep -qE -- "$1" <<<"$(tr '\r' '\n' <"$work/typescript")"; }
	type_in() { printf '%b' "$1" >&"$keys"; }
	# exec: a shell between script and it would get Ctrl-C too, and some (dash) end of it.
	timeout 300 script -qefc "exec '$PENSTOCK' shell '$RUN' test --data '$data'" "$work/typescript" <"$work/keys" >/dev/null 2>&1 &
	shell=$!
	exec {keys}>"$work/keys"
	await 10 shows '/a # ' # it asks
	type_in 'echo in $((40+2)); sleep '"$marker"'\n'
	await 10 shows '^in 42$'
	await 10 asleep # what runs now gets Ctrl-C, not the shell that starts it
	type_in '\003'
	await 10 shows '\^C'
	type_in 'touch fixed; echo after $((50+5))\n'
	await 10 shows '^after 55$'
	type_in 'exit 9\n'
	wait "$shell"
	is 'an interactive shell gives its exit code' $? 9
	exec {keys}>&-
	has 'it runs what is typed' "$(cat "$work/typescript")" 'in 42'
	has 'Ctrl-C ends the program, not the shell' "$(cat "$work/typescript")" 'after 55'
else
	skip 'an interactive shell' 'script is not installed'
	"$PENSTOCK" shell "$RUN" test --data "$data" -- touch fixed
fi
good 'the job goes on where it stands' p start "$RUN/ci/a/test" --resume -m 'fixed by hand'
await_ok 'and passes' 20 job_is test passed
has 'its log says so' "$(log_of test)" 'passed in the attempt before'
hasnt 'the first step is not run again' "$(log_of test)" '^first ran$'
is "the run's outcome stands" "$(run_state "$COMMIT")" failed
jobs <<-'Y'
	  test:
	    each: "*"
	    container: "oci:ci/image"
	    steps:
	      - {name: first, run: echo work >made; echo box >/var/made; echo first ran}
	      - {name: second, run: "cat made /var/made; test -e fixed"}
Y
await_ok 'its result is in no cache: the same work fails again' 30 run_is "$COMMIT" failed

# ---- a daemon that dies ----
jobs <<-Y
	  test:
	    each: "*"
	    container: "oci:ci/image"
	    run: "echo begun; $(hold); echo ping | nc -w 2 db $api_port; echo went on"
	    services:
	      db: {image: "oci:ci/image", port: $api_port, args: [/bin/sh, -c, "exec nc -ll -p $api_port -e cat /etc/image-release"]}
Y
service_over() { ! pgrep -f "nc -ll -p $api_port" >/dev/null; } # a port that no other test has
await_ok 'a container with a service runs' 30 says test begun
kill9
serve "$data" --slots 4 || not_ok 'a new daemon' "$(tail -n 3 "$data.log")"
let_go "$data" "$RUN/ci/a/test" a
await_ok 'the daemon dies, the job goes on and is collected' 30 run_is "$COMMIT" passed
has 'its service, too' "$(log_of test)" '^image two$'
is 'it ran once' "$(log_of test | grep -c begun)" 1
await_ok 'nothing is left' 10 service_over

# ---- cancelled while its service starts; cancelled while it runs ----
jobs <<-Y
	  test:
	    each: "*"
	    container: "oci:ci/image"
	    run: echo begun
	    services:
	      db: {image: "oci:ci/image", ready: "false", start: 600s, args: [sleep, "$marker"]}
Y
await 20 job_is test running
await 20 asleep # the service
p abort "$RUN" -m enough >/dev/null
await_ok 'a job whose services start is cancelled at once' 5 job_is test cancelled
hasnt 'it never ran' "$(log_of test)" begun

# ---- podman, when it is here ----
if command -v podman >/dev/null && command -v crun >/dev/null; then
	stop
	serve "$data" --slots 4 --containers podman || not_ok 'serve --containers podman' "$(tail -n 3 "$data.log")"
	jobs <<-'Y'
		  test:
		    each: "*"
		    container: "oci:ci/image"
		    run: cat /etc/image-release; test -e /run/.containerenv && echo by podman; echo ping | nc -w 2 db 5000
		    services:
		      db: {image: "oci:ci/image", port: 5000, args: [/bin/sh, -c, "exec nc -ll -p 5000 -e cat /etc/image-release"]}
	Y
	await_ok 'podman runs the job and its service' 30 run_is "$COMMIT" passed
	has 'it is podman' "$(log_of test)" '^by podman$'
else
	skip 'podman' 'podman or crun is not installed'
fi

# ---- docker, when it is here: a daemon of our own, which ends with this test ----
docker_ends() {
	kill "$dockerd" 2>/dev/null
	await 20 gone "$dockerd" || kill -9 "$dockerd"
	wait "$dockerd" 2>/dev/null
}
dockerd=
if command -v dockerd >/dev/null && command -v docker >/dev/null; then
	export DOCKER_HOST=unix://$work/docker.sock
	dockerd --data-root "$work/docker" --exec-root "$work/docker.run" --pidfile "$work/docker.pid" --host "$DOCKER_HOST" --bridge=none --iptables=false \
		--ip-forward=false --ip-masq=false --default-ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" >"$work/docker.log" 2>&1 </dev/null &
	dockerd=$!
	pids+=("$dockerd")
	await 30 docker version || {
		docker_ends
		dockerd=
	}
fi
if [ -n "$dockerd" ]; then
	stop
	ours() { docker ps -q --filter "label=org.penstock.data=$data" | wc -l; }
	none_is_left() { [ -z "$(docker ps -aq)" ]; }
	serve "$data" --slots 4 --containers docker || not_ok 'serve --containers docker' "$(tail -n 3 "$data.log")"
	jobs <<-Y
		  test:
		    each: "*"
		    container: "oci:ci/image"
		    secrets: {TOKEN: file:TOKEN}
		    run: "cat /etc/image-release; echo token \$TOKEN; $(hold); echo ping | nc -w 2 db 5000"
		    services:
		      db: {image: "oci:ci/image", port: 5000, args: [/bin/sh, -c, "exec nc -ll -p 5000 -e cat /etc/image-release"]}
	Y
	await_ok 'a job and its service run' 30 says test token
	is 'docker runs both' "$(ours)" 2
	hasnt 'it was told no secret' "$(docker ps -q | xargs docker inspect)" "$SECRET"
	kill9
	serve "$data" --slots 4 --containers docker || not_ok 'a new daemon beside docker' "$(tail -n 3 "$data.log")"
	let_go "$data" "$RUN/ci/a/test" a
	await_ok 'the daemon dies, what docker runs goes on and is collected' 30 run_is "$COMMIT" passed
	has 'its service, too' "$(log_of test)" '^image two$'
	has 'secrets are masked there as well' "$(log_of test)" '^token \*\*\*$'
	await_ok 'docker has nothing left' 20 none_is_left
	jobs <<-'Y'
		  test:
		    each: "*"
		    container: "oci:ci/image"
		    steps:
		      - {name: first, run: echo work >made; echo box >/var/made}
		      - {name: second, run: "cat made /var/made; test -e fixed"}
	Y
	await_ok 'a step fails in docker' 30 run_is "$COMMIT" failed
	has 'it saw what the step before left in its file system' "$(log_of test)" '^box$'
	await 10 test -d "$data/kept/$RUN+ci+a+test"
	run "$PENSTOCK" shell "$RUN" test --data "$data" -- sh -c 'cat made /var/made /etc/image-release; touch fixed; kill -9 $$'
	is 'a shell in docker sees it, too' "$OUT" $'work\nbox\nimage two'
	is 'and gives its signal' "$CODE" 137
	good 'the job goes on there' p start "$RUN/ci/a/test" --resume -m 'fixed by hand'
	await_ok 'and passes in docker' 30 job_is test passed
	stop
	docker_ends
	run "$PENSTOCK" serve --data "$data" --port 0 --containers docker
	is 'without docker there is no daemon that wants it' "$CODE" 3
	has 'it says what to do' "$ERR" "docker: no daemon answers at $DOCKER_HOST: start it"
	unset DOCKER_HOST
else
	skip 'docker' "docker is not installed, or does not run here"
fi
finish
