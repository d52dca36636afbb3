#include "shared/service.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 64, WARM_UP_MS = 50, QUIET_MS = 200, DRAIN_MS = 1700 };

struct running {
	const struct service *service;
	struct server *server;
	unsigned port;
	atomic_bool ready;
	atomic_uint requests;
};

void answer_error(struct http_answer *a, int status, const char *why)
{
	a->status = status;
	a->body.n = 0;
	a->body.failed = false;
	text_add(&a->body, "{\"error\":\"%s\"}\n", why);
}

static void say(const struct service *s, const char *event, unsigned port, const char *detail)
{
	char when[32];
	struct timespec t;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("{\"time\":\"%s.%03ldZ\",\"service\":\"%s\",\"version\":\"%s\",\"event\":\"%s\","
	       "\"port\":%u,\"pid\":%d%s%s%s}\n",
	       when, t.tv_nsec / 1000000, s->name, s->version, event, port, (int)getpid(),
	       detail ? ",\"detail\":\"" : "", detail ? detail : "", detail ? "\"" : "");
	fflush(stdout);
}

static _Noreturn void crash(const struct running *r)
{
	say(r->service, "crash", r->port, "a defect of this version ends the process");
	_exit(1);
}

/* Waits as long as this request takes. True: a defect of this version shall spoil it. */
static bool defect(struct running *r, const struct http_request *rq)
{
	const struct behaviour *b = &r->service->behaviour;
	bool spoilt = !latency_request(b);

	if (b->crash_after_requests &&
	    atomic_fetch_add(&r->requests, 1) + 1 == b->crash_after_requests)
		crash(r);
	return spoilt && (!r->service->error_hits || r->service->error_hits(rq));
}

static void handle(void *ctx, const struct http_request *rq, struct http_answer *ret)
{
	struct running *r = ctx;
	const struct service *service = r->service;
	bool get = span_is(rq->method, "GET") || span_is(rq->method, "HEAD");

	if (get && span_is(rq->path, "/healthz")) {
		if (!atomic_load(&r->ready))
			answer_error(ret, 503, "not ready");
		else
			text_add(&ret->body, "{\"status\":\"ok\"}\n");
	} else if (get && span_is(rq->path, "/version")) {
		text_add(&ret->body, "{\"name\":\"%s\",\"version\":\"%s\"}\n", service->name,
			 service->version);
	} else if (defect(r, rq)) {
		answer_error(ret, 500, "internal error");
	} else {
		service->handle(rq, ret);
	}
}

static bool port_of(const char *text, unsigned *ret)
{
	char *end;

	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n == 0 || n > 65535)
		return false;
	*ret = (unsigned)n;
	return true;
}

static bool wait_signal(const sigset_t *set, unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	int sig;

	do {
		sig = ms ? sigtimedwait(set, NULL, &t) : sigwaitinfo(set, NULL);
	} while (sig < 0 && errno == EINTR);
	return sig > 0;
}

/* Until a signal comes. False: it has crashed, as its behaviour says. */
static bool run(struct running *r, const sigset_t *set)
{
	const struct behaviour *b = &r->service->behaviour;

	if (b->crash_after_ms && b->crash_after_ms <= WARM_UP_MS)
		return wait_signal(set, b->crash_after_ms);
	if (wait_signal(set, WARM_UP_MS))
		return true;
	atomic_store(&r->ready, !b->never_ready);
	return wait_signal(set, b->crash_after_ms ? b->crash_after_ms - WARM_UP_MS : 0);
}

int service_main(const struct service *service)
{
	struct running r = { .service = service, .port = 8080 };
	const char *port_text = getenv("PORT"), *host = getenv("HOST");
	char ident[64];
	struct text t = TEXT(ident);
		sigset_t set;

	/* One heap for all threads: small processes matter more than the last microsecond. */
	mallopt(M_ARENA_MAX, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (port_text && !port_of(port_text, &r.port)) {
		fprintf(stderr, "%s: PORT is not a port: %s\n", service->name, port_text);
		return 2;
	}
	if (service->init && !service->init())
		return 2;
	text_add(&t, "%s/%s", service->name, service->version);
	r.server = server_new(&(struct server_config){ .host = host ? host : "127.0.0.1",
						       .port = r.port,
						       .threads = THREADS,
						       .ident = ident,
						       .handle = handle,
						       .ctx = &r });
	if (!r.server) {
		fprintf(stderr, "%s: cannot listen on port %u: %s\n", service->name, r.port,
			strerror(errno));
		return 2;
	}
	say(service, "start", r.port, NULL);
	if (!run(&r, &set))
		crash(&r);
	atomic_store(&r.ready, false);
	server_drain(r.server);
	bool quiet = server_wait_quiet(r.server, QUIET_MS, DRAIN_MS);
	say(service, "stop", r.port, quiet ? NULL : "requests were still running");
	if (!quiet)
		_exit(0); /* do not wait for them any longer */
	server_free(r.server);
	return 0;
}
