/* Which runtime is there for containers. */
#include "flow/2-build/exec_container.h"

#include "io/files.h"

#include <unistd.h>

static char *program(const char *name)
{
	static const char *const places[] = {"/usr/sbin", "/usr/bin", "/usr/local/sbin",
					     "/usr/local/bin"};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		AUTO(freep) char *path = dir_path(places[i], name);
		if (access(path, X_OK) == 0)
			return xstrdup(path);
	}
	return NULL;
}

enum rc exec_sandbox_containers(struct exec *base, struct image *images, const char *how,
				struct err *err)
{
	struct sandbox_exec *x = container_of(base, struct sandbox_exec, base);
	static const char *const all[] = {"auto", "runc", "crun", "bwrap", "podman", "docker"};
	char *runtime = NULL;

	if (*how == '/')
		runtime = access(how, X_OK) == 0 ? xstrdup(how) : NULL;
	else if (streq(how, "auto"))
		runtime = geteuid() != 0                ? NULL
			  : (runtime = program("runc")) ? runtime
							: program("crun");
	else if (streq(how, "runc") || streq(how, "crun") || streq(how, "podman") ||
		 streq(how, "docker"))
		runtime = program(how);
	else if (!streq(how, "bwrap")) {
		const char *near = str_nearest(str_of(how), all, ARRAY_LEN(all));
		return err_set(err, RC_INVALID, "containers: \"%.40s\"%s%s%s", how,
			       near ? "; did you mean "
				    : ": auto, runc, crun, podman, docker or bwrap",
			       near ? near : "", near ? "?" : "");
	}
	if (!runtime && !streq(how, "auto") && !streq(how, "bwrap"))
		return err_set(err, RC_UNSUPPORTED, "%s is not installed: apt-get install %s", how,
			       streq(how, "docker") ? "docker.io" : how);
	if (runtime && geteuid() != 0) {
		xfree(runtime);
		return err_set(err, RC_UNSUPPORTED,
			       "%s needs a daemon that is root; bwrap does not", how);
	}
	AUTO(freep) char *crun = program("crun");
	if (streq(how, "podman") && !crun) {
		xfree(runtime);
		return err_set(
			err, RC_UNSUPPORTED,
			"podman needs crun here, as runc cannot do without control groups of "
			"its own: apt-get install crun");
	}
	if (runtime && streq(strrchr(runtime, '/'), "/docker")) {
		enum rc rc = docker_open(x, runtime, err);
		if (rc != RC_OK) {
			xfree(runtime);
			return rc;
		}
	}
	xfree(x->runtime);
	x->runtime = runtime;
	x->images = images;
	return RC_OK;
}
