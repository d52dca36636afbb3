/* What the tests of agents share: a hub behind a real server on the loopback, its loop on a thread of its own, and the real program as agent. One
 * of each for the whole test program: a loop is only once in a process. */
#pragma once
#include "unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mem.h"
#include "flow/2-agent/adapters.h"
#include "flow/2-build/adapters.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include "../unit/known_kit.h"

#define AGENT_NAME "rig"

struct agent_bed {
	char dir[64], url[64];
	struct loop *loop;
	struct blobs *blobs;
	struct exec *hub;
	struct httpd *httpd;
	struct child agent;
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned connected, lost; /* how often */
};
static struct agent_bed agent_bed = {.agent = {0, -1}, .lock = PTHREAD_MUTEX_INITIALIZER};
static struct exec_ops agent_ops;
static enum rc (*agent_start)(struct exec *x, const struct job_spec *spec,
			      const struct exec_inputs *in, struct err *err);

static UNUSED const char *agent_program(void)
{
	const char *path = getenv("PENSTOCK");

	return path ? path : "build/penstock";
}

/* Whatever the suite starts, it starts at our agent. */
static enum rc start_at_agent(struct exec *x, const struct job_spec *spec,
			      const struct exec_inputs *in, struct err *err)
{
	char name[] = AGENT_NAME;
	struct job_spec s = *spec;

	s.agent = name;
	return agent_start(x, &s, in, err);
}

static void bed_told(void *ctx, const struct agent_news *n)
{
	struct agent_bed *b = ctx;

	pthread_mutex_lock(&b->lock);
	if (n->connected)
		b->connected++;
	else
		b->lost++;
	pthread_mutex_unlock(&b->lock);
}

static UNUSED unsigned bed_connected(void)
{
	pthread_mutex_lock(&agent_bed.lock);
	unsigned n = agent_bed.connected;
	pthread_mutex_unlock(&agent_bed.lock);
	return n;
}

static bool bed_wants(void *ctx, const char *agent, const char *job, uint32_t attempt)
{
	(void)ctx, (void)agent, (void)job, (void)attempt;
	return false;
}

static void bed_handle(void *ctx, struct request *r)
{
	(void)ctx;
	request_reply(r, 404, "text/plain", STR("not here\n"));
}

static void *bed_run(void *arg)
{
	loop_run(((struct agent_bed *)arg)->loop);
	return NULL;
}

static UNUSED void agent_launch(struct agent_bed *b)
{
	unsigned before = bed_connected();
	AUTO(freep) char *token = xasprintf("%s/token", b->dir);
	AUTO(freep) char *data = xasprintf("%s/agent", b->dir), *log = xasprintf("%s.log", data);
	const char *argv[] = {agent_program(), "agent", "--server", b->url,
			      "--token-file",  token,   "--name",   AGENT_NAME,
			      "--data",        data,    NULL};
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct child_spec spec = {.argv = argv, .fds = {-1, fd, fd, -1}};
	struct err err = {0};

	if (child_start(&spec, &b->agent, &err) != RC_OK)
		fail_msg("%s", err.msg);
	close(fd);
	WAIT_UNTIL(bed_connected() != before);
	if (bed_connected() == before)
		fail_msg("the agent does not connect; see %s", log);
}

/* False: it cannot be had here. */
static UNUSED bool bed_open(void)
{
	struct agent_bed *b = &agent_bed;
	struct err err = {0};
	static struct known known[] = {
		{"of the agent", "token:agent." AGENT_NAME, "agent/" AGENT_NAME, false}, {0}};

	if (*b->dir)
		return true;
	if (access(agent_program(), X_OK) != 0)
		return false;
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/penstock-agent-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	AUTO(freep) char *file = xasprintf("%s/token", b->dir), *hub = xasprintf("%s/hub", b->dir);
	log_open(2, false, LOG_ERROR);
	b->blobs = blobs_memory_new();
	enum rc rc = file_write(file, str_of(known[0].token), 0600, &err);
	if (rc == RC_OK)
		rc = loop_new(&b->loop, &err);
	const struct hub_options ho = {.loop = b->loop, .blobs = b->blobs, .dir = hub};
	b->hub = rc == RC_OK ? exec_hub_new(&ho, &err) : NULL;
	const struct httpd_options o = {.any_port = true,
					.identify = kit_identify,
					.identify_ctx = known,
					.handle = bed_handle};
	if (!b->hub || httpd_new(b->loop, &o, &b->httpd, &err) != RC_OK)
		fail_msg("%s", err.msg);
	hub_own(b->hub, &(struct hub_owner){.agent = bed_told, .wanted = bed_wants, .ctx = b});
	hub_listen(b->hub, b->httpd);
	agent_ops = *b->hub->ops;
	agent_start = agent_ops.start;
	agent_ops.start = start_at_agent;
	b->hub->ops = &agent_ops;
	(void)snprintf(b->url, sizeof(b->url), "http://127.0.0.1:%u", httpd_port(b->httpd));
	assert_int_equal(pthread_create(&b->thread, NULL, bed_run, b), 0);
	agent_launch(b);
	return true;
}

static UNUSED void bed_close(void)
{
	struct agent_bed *b = &agent_bed;
	struct err err = {0};

	if (!*b->dir)
		return;
	child_done(&b->agent);
	loop_stop(b->loop);
	pthread_join(b->thread, NULL);
	httpd_free(b->httpd);
	loop_free(b->loop);
	exec_free(b->hub);
	blobs_free(b->blobs);
	(void)!tree_remove(b->dir, &err);
}
