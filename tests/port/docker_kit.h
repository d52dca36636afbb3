/* A docker of our own for the suites: its daemon with a folder, a socket and processes of its own, which end with the test program. It touches
 * neither the machine's network nor its other containers. One for the whole test program. */
#pragma once
#include "unit/unit.h"

#include "base/mem.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define DOCKER_PATIENCE (60 * USEC_SEC)

struct docker_bed {
	char dir[64]; /* empty: not open */
	char *host;   /* "unix://..." */
	struct child daemon;
};
static struct docker_bed docker_bed = {.daemon = {0, -1}};

/* A docker command; its text without the line's end, the caller's. */
static UNUSED char *docker_said(const char *command)
{
	AUTO(freep) char *line = xasprintf("docker -H %s %s 2>&1", docker_bed.host, command);
	AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)4 << 20);
	char part[4096];
	FILE *f = popen(line, "r");

	assert_non_null(f);
	for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;)
		strbuf_add(&text, part, n);
	pclose(f);
	struct str said = str_trim(strbuf_str(&text));
	return xstrndup(said.p ? said.p : "", said.n);
}

static UNUSED void docker_bed_close(void)
{
	struct docker_bed *b = &docker_bed;
	struct err err = {0};
	usec_t until = clock_mono() + DOCKER_PATIENCE;

	if (b->daemon.pid > 0)
		kill(b->daemon.pid, SIGTERM); /* it ends what it started, and unmounts */
	while (b->daemon.pid > 0 && !child_ended(&b->daemon, &(int){0}) && clock_mono() < until)
		clock_sleep(20 * USEC_MS);
	child_done(&b->daemon);
	if (*b->dir && tree_remove(b->dir, &err) != RC_OK)
		printf("# %s\n", err.msg);
	*b->dir = '\0';
	xfree(b->host);
	b->host = NULL;
	unsetenv("DOCKER_HOST");
}

static enum rc docker_bed_start(struct docker_bed *b, const char *program, struct err *err)
{
	struct rlimit files = {0}, tasks = {0};
	AUTO(freep) char *root = xasprintf("--data-root=%s/root", b->dir);
	AUTO(freep) char *run = xasprintf("--exec-root=%s/run", b->dir);
	AUTO(freep) char *pid = xasprintf("--pidfile=%s/pid", b->dir);
	AUTO(freep) char *at = xasprintf("--host=%s", b->host);
	AUTO(freep) char *log = xasprintf("%s/log", b->dir);

	/* what it asks for by itself is more than a superuser without CAP_SYS_RESOURCE may have */
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NPROC, &tasks);
	AUTO(freep)
	char *nofile =
		xasprintf("--default-ulimit=nofile=%llu", (unsigned long long)files.rlim_max);
	AUTO(freep)
	char *nproc = xasprintf("--default-ulimit=nproc=%lld", (long long)tasks.rlim_max);
	const char *argv[] = {program,
			      root,
			      run,
			      pid,
			      at,
			      "--bridge=none",
			      "--iptables=false",
			      "--ip-forward=false",
			      "--ip-masq=false",
			      nofile,
			      nproc,
			      NULL};
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct child_spec c = {
		.argv = argv, .dir = "/", .fds = {-1, out, out, -1}, .die_with_us = true};
	enum rc rc = child_start(&c, &b->daemon, err);

	close(out);
	return rc;
}

/* RC_UNSUPPORTED: there is none here, err says what is missing. */
static UNUSED enum rc docker_bed_open(struct err *err)
{
	struct docker_bed *b = &docker_bed;
	const char *program =
		access("/usr/sbin/dockerd", X_OK) == 0 ? "/usr/sbin/dockerd" : "/usr/bin/dockerd";
	usec_t until = clock_mono() + DOCKER_PATIENCE;

	if (*b->dir)
		return RC_OK;
	if (geteuid() != 0)
		return err_set(err, RC_UNSUPPORTED, "docker needs root");
	if (access(program, X_OK) != 0 || system("command -v docker >/dev/null") != 0)
		return err_set(err, RC_UNSUPPORTED, "docker is not installed");
	strcpy(b->dir, "/tmp/penstock-docker-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->host = xasprintf("unix://%s/socket", b->dir);
	enum rc rc = docker_bed_start(b, program, err);
	while (rc == RC_OK) {
		AUTO(freep) char *said = docker_said("version --format '{{.Server.Os}}'");
		if (streq(said, "linux"))
			break;
		if (child_ended(&b->daemon, &(int){0}) || clock_mono() > until)
			rc = err_set(err, RC_UNSUPPORTED, "dockerd does not run here: %.100s",
				     said);
		else
			clock_sleep(100 * USEC_MS);
	}
	if (rc == RC_OK)
		setenv("DOCKER_HOST", b->host, 1);
	else
		docker_bed_close();
	return rc;
}
