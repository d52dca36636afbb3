/* Is there a docker that runs jobs? The jobs themselves are started by the shim (src/shim/docker.c). */
#include "flow/2-build/exec_container.h"

#include "io/child.h"
#include "io/files.h"

#include <unistd.h>

#define HOST_DEFAULT "unix:///var/run/docker.sock"
#define SAID_MAX     4096
#define LIMIT        (20 * USEC_SEC)
#define API_LEAST    41 /* 1.41: Docker Engine 20.10 */

static enum rc ask(const char *host, const char *const *argv, struct strbuf *said, int *code,
		   struct err *err)
{
	AUTO(freep) char *at = xasprintf("DOCKER_HOST=%s", host);
	const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", at,
				   NULL};
	struct child_run run = {.spec = {.argv = argv, .env = env, .fds = {-1, -1, -1, -1}},
				.timeout = LIMIT};

	return child_capture(&run, said, NULL, code, err);
}

/* "1.41 linux 20.10.24" */
static enum rc judge_version(const char *host, struct str said, struct err *err)
{
	struct str api = str_cut(&said, ' '), os = said.p ? str_cut(&said, ' ') : (struct str){0};
	struct str minor = api;
	struct str major = str_cut(&minor, '.');
	uint32_t first = 0, second = 0;

	if (!parse_u32(major, &first) || !minor.p || !parse_u32(minor, &second))
		return err_set(err, RC_UNSUPPORTED, "docker: an unknown answer from %s: %.*s", host,
			       (int)MIN_OF(api.n, 60u), api.p);
	if (first < 1 || (first == 1 && second < API_LEAST))
		return err_set(err, RC_UNSUPPORTED,
			       "docker: the daemon at %s speaks API %.*s only: Docker Engine 20.10 "
			       "or newer is wanted",
			       host, (int)api.n, api.p);
	if (!str_is(os, "linux"))
		return err_set(err, RC_UNSUPPORTED,
			       "docker: the daemon at %s runs no Linux "
			       "containers",
			       host);
	return RC_OK;
}

static enum rc look_version(const char *host, const char *docker, struct err *err)
{
	const char *const argv[] = {docker, "version", "--format",
				    "{{.Server.APIVersion}} {{.Server.Os}} {{.Server.Version}}",
				    NULL};
	AUTO(strbuf_done) struct strbuf text = STRBUF(SAID_MAX);
	int code = 0;

	enum rc rc = ask(host, argv, &text, &code, err);
	if (rc != RC_OK)
		return err_wrap(err, "docker at %s", host);
	struct str said = str_trim(strbuf_str(&text));
	if (!code)
		return judge_version(host, said, err);
	if (strstr(strbuf_cstr(&text), "permission denied"))
		return err_set(err, RC_DENIED,
			       "docker: no permission at %s: run the daemon as root, or choose "
			       "another runtime (--containers)",
			       host);
	return err_set(err, RC_UNAVAILABLE,
		       "docker: no daemon answers at %s: start it (systemctl start docker), or say "
		       "where it is (DOCKER_HOST=unix:///...). It says: %.*s",
		       host, (int)MIN_OF(said.n, 300u), said.p ? said.p : "");
}

/* A daemon that is no superuser cannot give a job's files to their owners. */
static enum rc look_rights(const char *host, const char *docker, struct err *err)
{
	const char *const argv[] = {docker, "info", "--format", "{{.SecurityOptions}}", NULL};
	AUTO(strbuf_done) struct strbuf text = STRBUF(SAID_MAX);
	int code = 0;

	enum rc rc = ask(host, argv, &text, &code, err);
	if (rc == RC_OK && !code && strstr(strbuf_cstr(&text), "name=rootless"))
		rc = err_set(err, RC_UNSUPPORTED,
			     "docker: the daemon at %s is rootless: jobs want one that is root, or "
			     "another runtime (--containers)",
			     host);
	return rc;
}

/* Containers that were made but never begun, as who asked for them died in between: nothing else outlives its shim. Those of ten minutes may be of a
 * job that begins just now. */
static void remove_left(const char *host, const char *docker, const char *data)
{
	AUTO(freep) char *label = xasprintf("label=org.penstock.data=%s", data);
	const char *const argv[] = {docker, "container", "prune",     "--force", "--filter",
				    label,  "--filter",  "until=10m", NULL};
	AUTO(strbuf_done) struct strbuf text = STRBUF(SAID_MAX * 16);
	struct err err = {0};
	int code = 0;

	(void)!ask(host, argv, &text, &code, &err); /* it is only tidy */
}

enum rc docker_open(struct sandbox_exec *x, const char *docker, struct err *err)
{
	const char *host = getenv("DOCKER_HOST");
	AUTO(freep) char *init = xstrndup(x->shim, (size_t)(strrchr(x->shim, '/') - x->shim));
	AUTO(freep) char *path = dir_path(init, "penstock-init");

	host = host && *host ? host : HOST_DEFAULT;
	if (!str_starts(str_of(host), "unix:///"))
		return err_set(err, RC_UNSUPPORTED,
			       "docker: its daemon must be on this machine, DOCKER_HOST is %.100s: "
			       "write unix:///run/docker.sock",
			       host);
	if (access(path, X_OK) < 0)
		return err_set(err, RC_UNSUPPORTED,
			       "%s is not there: it belongs beside penstock-shim (make install; it "
			       "is built where there is a static C library)",
			       path);
	enum rc rc = look_version(host, docker, err);
	if (rc == RC_OK)
		rc = look_rights(host, docker, err);
	if (rc != RC_OK)
		return rc;
	remove_left(host, docker, x->data);
	xfree(x->docker_host);
	x->docker_host = xstrdup(host);
	return RC_OK;
}
