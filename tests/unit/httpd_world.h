/* A server of the HTTP tests, and clients beside its loop. One at a time. */
#pragma once
#include "httpd_kit.h"
#include "known_kit.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/files.h"
#include "io/httpd.h"
#include "io/loop.h"

#include <stdio.h>

static struct {
	char folder[64], socket[96];
	struct loop *loop;
	struct httpd *server;
} world;

#define ADMIN_TOKEN "pst_admin"
#define CI_TOKEN    "pst_ci"
#define AGENT_TOKEN "pst_agent"
#define ANN_TOKEN   "pst_ann_1"
#define ANN_OTHER   "pst_ann_2"
static const struct known known_here[] = {
	{ADMIN_TOKEN, "token:admin", NULL, false},
	{CI_TOKEN, "token:ci", "trusted", false},
	{AGENT_TOKEN, "token:agent.a", "agent/a", false},
	{ANN_TOKEN, "user:ann", NULL, false},
	{ANN_OTHER, "user:ann", NULL, false},
	{NULL, NULL, NULL, false},
};

static inline int world_folder(void)
{
	snprintf(world.folder, sizeof(world.folder), "/tmp/test_httpd_XXXXXX");
	if (!mkdtemp(world.folder))
		return -1;
	snprintf(world.socket, sizeof(world.socket), "%s/s.sock", world.folder);
	return 0;
}

/* By the socket and a port of the loopback, with what `o` says beside that. world_folder() comes before it. */
static inline int world_open(struct httpd_options o)
{
	struct err err = {0};

	o.socket = world.socket;
	o.any_port = true;
	o.identify = kit_identify;
	o.identify_ctx = (void *)(uintptr_t)known_here;
	if (loop_new(&world.loop, &err) != RC_OK ||
	    httpd_new(world.loop, &o, &world.server, &err) != RC_OK) {
		print_error("%s\n", err.msg);
		return -1;
	}
	return 0;
}

static inline int world_close(void **state)
{
	struct err err = {0};

	(void)state;
	httpd_free(world.server);
	loop_free(world.loop);
	world.server = NULL;
	world.loop = NULL;
	return tree_remove(world.folder, &err) == RC_OK ? 0 : -1;
}

static void (*client_fn)(void);
static inline void client_done(void *arg)
{
	loop_stop(arg);
}

static inline void *client_thread(void *arg)
{
	client_fn();
	loop_post(arg, client_done, arg);
	return NULL;
}

/* Run a client beside the loop, until it is done. */
static inline void beside(void (*fn)(void))
{
	pthread_t thread;

	client_fn = fn;
	assert_int_equal(pthread_create(&thread, NULL, client_thread, world.loop), 0);
	loop_run(world.loop);
	pthread_join(thread, NULL);
}

static inline void has(const char *answer, const char *want, const char *why)
{
	if (!strstr(answer, want))
		fail_msg("%s: <%s> is not in <%.2000s>", why, want, answer);
}

static inline void lacks(const char *answer, const char * not, const char *why)
{
	if (strstr(answer, not ))
		fail_msg("%s: <%s> is in <%.2000s>", why, not, answer);
}

/* "GET /x" with more headers (each with its CR LF), on its own connection; the whole answer. */
static inline char *by_tcp(const char *request, const char *headers)
{
	AUTO(freep)
	char *text = xasprintf("%s HTTP/1.1\r\nConnection: close\r\n%s%s\r\n", request,
			       strstr(headers, "Host:") ? "" : "Host: 127.0.0.1\r\n", headers);

	return ask(dial_tcp(httpd_port(world.server)), text);
}

static inline char *by_unix(const char *request)
{
	AUTO(freep)
	char *text = xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request);

	return ask(dial_unix(world.socket), text);
}

static inline char *bearer(const char *token)
{
	return xasprintf("Authorization: Bearer %s\r\n", token);
}
