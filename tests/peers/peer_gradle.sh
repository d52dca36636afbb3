#!/bin/bash
# Gradle's own client against our cache.
. "$(dirname "$0")/lib.sh"
command -v gradle >/dev/null || absent gradle "not installed: tests/peers/install.sh"
cache_server
mkdir -p "$work/repo/src" && cd "$work/repo" || exit 2
export GRADLE_USER_HOME=$work/gradle GRADLE_OPTS='-Xmx384m' JAVA_OPTS=
settings() { # TOKEN URL
	cat >settings.gradle <<-G
		rootProject.name = 'shop'
		buildCache {
		    local { enabled = false }
		    remote(HttpBuildCache) {
		        url = '$2/gradle/'
		        push = true
		        credentials { username = 'any'; password = '$1' }
		    }
		}
	G
}
cat >build.gradle <<-'G'
	@CacheableTask
	class Make extends DefaultTask {
	    @InputFile @PathSensitive(PathSensitivity.NONE) File from
	    @OutputFile File to
	    @TaskAction void make() { to.parentFile.mkdirs(); to.text = from.text + System.nanoTime() }
	}
	task make(type: Make) { from = file('src/in.txt'); to = file("$buildDir/out.txt") }
G
echo one >src/in.txt
gradle_run() { # TOKEN URL
	settings "$1" "$2"
	rm -rf build .gradle
	run gradle --no-daemon --build-cache --console=plain make
	OUT+=$ERR
}
mark gradle
gradle_run "$TRUSTED" "$URL"
[ "$CODE" = 0 ] || { [[ $OUT == *"Could not initialize"* || $OUT == *"Could not determine java"* ]] && absent gradle "it does not run with this Java"; echo "# gradle: $(head -n 25 <<<"$OUT" | tr '\n' '|')"; }
is 'first run: exit code' "$CODE" 0
is 'a miss, a put' "$(since gradle misses) $(since gradle stored)" '1 1'
first=$(cat build/out.txt)
mark gradle
gradle_run "$TRUSTED" "$URL"
is 'cleaned: a hit' "$CODE $(since gradle hits)" '0 1'
is 'the output is identical' "$(cat build/out.txt)" "$first"
has 'and Gradle says so' "$OUT" 'FROM-CACHE|from cache'
echo two >src/in.txt
mark gradle
gradle_run "$READER" "$URL"
is 'read-only: exit code, puts' "$CODE $(since gradle stored)" '0 0'
echo one >src/in.txt
corrupt_entries
mark gradle
gradle_run "$TRUSTED" "$URL"
is 'damaged entries: exit code, damaged, stored again' "$CODE $(since gradle damaged) $(since gradle stored)" '0 1 1'
proxy
mark gradle
gradle_run "$TRUSTED" "$PROXY"
is 'through the proxy: a hit' "$CODE $(since gradle hits)" '0 1'
stop
gradle_run "$TRUSTED" "$URL"
is 'no server: exit code' "$CODE" 0
gradle_run "$TRUSTED" "$PROXY"
is 'no server, through the proxy: exit code' "$CODE" 0
finish
