/* One suite for all splitters, and what only HAProxy has: processes and sockets that go. Shares
 * are measured by requests. */
#include "port/web_kit.h"

#include "flow/5-deploy/adapters_deploy.h"

#include <math.h>
#include <poll.h>
#include <signal.h>

#define A   "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B   "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C   "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define ENV "production"

struct fix {
	bool fake;
	char *folder;
	struct route *r;
	struct web web[WEB_IDS]; /* 0.. of A, 10.. of B, 20.. of C */
	uint32_t started;
};

static void fresh(struct fix *f)
{
	struct route_haproxy_options o = {
		.data = f->folder, .port_base = web_ports(28500), .port_count = 300};

	if (f->fake)
		OK(route_fake_new(&f->r, &err));
	else
		OK(route_haproxy_new(&o, &f->r, &err));
}

static int set_up(void **state, bool fake)
{
	struct fix *f = xcalloc(1, sizeof(*f));

	f->fake = fake;
	f->folder = xstrdup("/tmp/penstock-route-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	for (size_t i = 0; i < WEB_IDS; i++)
		f->web[i].fd = -1;
	fresh(f);
	*state = f;
	return 0;
}

static int up_fake(void **state)
{
	return set_up(state, true);
}
static int up_haproxy(void **state)
{
	return set_up(state, false);
}

static int tear_down(void **state)
{
	struct fix *f = *state;

	if (!f->fake)
		OK(route_haproxy_stop(f->r, &err));
	route_free(f->r);
	for (size_t i = 0; i < WEB_IDS; i++)
		web_stop(&f->web[i]);
	OK(tree_remove(f->folder, &err));
	free(f->folder);
	free(f);
	return 0;
}

static void doors(struct fix *f, char *a, char *b)
{
	texts t = {0};

	vec_push(&t, a);
	if (b)
		vec_push(&t, b);
	OK(route_services(f->r, ENV, &t, &err));
	vec_done(&t);
}

static uint32_t port_of(struct fix *f, const char *unit)
{
	AUTO(freep) char *url = NULL;
	uint32_t port;

	OK(route_front_door(f->r, ENV, unit, &url, &err));
	assert_int_equal(sscanf(url, "http://127.0.0.1:%u", &port), 1);
	return port;
}

/* n servers of each image, ready */
static void crowd(struct fix *f, const char *unit, uint32_t a, uint32_t b, uint32_t c)
{
	struct route_server list[ROUTE_MAX_SERVERS];
	const char *images[] = {A, B, C};
	uint32_t want[] = {a, b, c};
	size_t n = 0;

	for (size_t k = 0; k < 3; k++)
		for (uint32_t i = 0; i < want[k]; i++) {
			struct web *w = &f->web[k * 10 + i];

			if (w->fd < 0)
				web_start(w, (int)(k * 10 + i), 0);
			list[n++] = (struct route_server){images[k], i, "127.0.0.1", w->port, true};
		}
	OK(route_servers(f->r, ENV, unit, list, n, &err));
}

/* The share of requests that image (by its first server's id) gets: by asking. -1: nobody
 * answers. */
static double measured(struct fix *f, const char *unit, int first, uint32_t n)
{
	uint64_t mine = 0, all = 0;

	if (f->fake) {
		for (uint32_t i = 0; i < n; i++) {
			const struct route_server *s =
				route_fake_pick(f->r, ENV, unit, (i + 0.5) / n);
			const char *image = first == 0 ? A : first == 10 ? B : C;

			all += s != NULL;
			mine += s && strcmp(s->image, image) == 0;
		}
	} else {
		struct web_counts c = web_ask(port_of(f, unit), n);

		for (int i = 0; i < WEB_IDS; i++) {
			all += c.by[i];
			mine += i / 10 == first / 10 ? c.by[i] : 0;
		}
		assert_true(all == 0 || c.bad == 0);
	}
	return all ? (double)mine / (double)all : -1;
}

static double confirmed(struct fix *f, const char *unit, const char *image)
{
	double share = -1;

	OK(route_confirm(f->r, ENV, unit, image, &share, &err));
	return share;
}

/* Requests are drawn: 4 standard deviations around the share. */
static void check_share(struct fix *f, const char *unit, const char *image, int first, double share,
			uint32_t n)
{
	double got = measured(f, unit, first, n), back = confirmed(f, unit, image),
	       dev = sqrt(share * (1 - share) / n);

	if (fabs(back - share) > 0.0006)
		fail_msg("%.9s: ordered %.4f, read back %.4f", image, share, back);
	if (fabs(got - share) > 4 * dev + 0.001)
		fail_msg("%.9s: ordered %.4f, measured %.4f (dev %.4f)", image, share, got, dev);
}

static void order(struct fix *f, const char *unit, const char *image, double share)
{
	OK(route_set(f->r, ENV, unit, image, share, &err));
}

static void test_shares(void **state)
{
	struct fix *f = *state;
	static const double shares[] = {0.05, 0.5, 1, 0.01, 0.25, 0.001, 0.999, 0, 0.33};

	doors(f, "orders", NULL);
	crowd(f, "orders", 2, 0, 0);
	assert_true(measured(f, "orders", 0, 20) < 0); /* no traffic until set() */
	order(f, "orders", A, 1);
	check_share(f, "orders", A, 0, 1, 200);
	crowd(f, "orders", 2, 1, 0);
	check_share(f, "orders", B, 10, 0, 300); /* a new version waits */
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		order(f, "orders", B, shares[i]);
		order(f, "orders", B, shares[i]); /* twice is once */
		check_share(f, "orders", B, 10, shares[i], 3000);
	}
	crowd(f, "orders", 3, 2, 0); /* the share stays when servers come */
	check_share(f, "orders", B, 10, 0.33, 3000);
	crowd(f, "orders", 1, 1, 0);
	check_share(f, "orders", B, 10, 0.33, 3000);
	order(f, "orders", B, 1);
	crowd(f, "orders", 0, 1, 0);
	check_share(f, "orders", B, 10, 1, 200);
}

/* A version that was set to 0 stays out when the next one comes, and so does the next one until
 * it is set. */
static void test_next_version(void **state)
{
	struct fix *f = *state;

	doors(f, "orders", NULL);
	crowd(f, "orders", 1, 0, 0);
	order(f, "orders", A, 1);
	crowd(f, "orders", 1, 1, 0);
	order(f, "orders", B, 0.5);
	order(f, "orders", B, 0);
	check_share(f, "orders", A, 0, 1, 100);
	crowd(f, "orders", 1, 1, 1);
	check_share(f, "orders", C, 20, 0, 300);
	order(f, "orders", C, 0.5);
	check_share(f, "orders", B, 10, 0, 300);
	check_share(f, "orders", C, 20, 0.5, 1000);
	crowd(f, "orders", 1, 0, 0);
	check_share(f, "orders", A, 0, 1, 100);
	crowd(f, "orders", 1, 1, 0);
	check_share(f, "orders", B, 10, 0, 300);
}

static void test_unready(void **state)
{
	struct fix *f = *state;
	struct route_server list[2];

	doors(f, "orders", NULL);
	crowd(f, "orders", 1, 1, 0);
	order(f, "orders", B, 0.5);
	list[0] = (struct route_server){A, 0, "127.0.0.1", f->web[0].port, true};
	list[1] = (struct route_server){B, 0, "127.0.0.1", f->web[10].port, false};
	OK(route_servers(f->r, ENV, "orders", list, 2, &err));
	check_share(f, "orders", B, 10, 0, 300);
	list[1].ready = true;
	OK(route_servers(f->r, ENV, "orders", list, 2, &err));
	check_share(f, "orders", B, 10, 0.5, 1000);
	order(f, "orders", B, 0); /* alone, and out: rather no answer than the bad version */
	OK(route_servers(f->r, ENV, "orders", list + 1, 1, &err));
	assert_true(measured(f, "orders", 10, 20) < 0);
}

static void test_refused(void **state)
{
	struct fix *f = *state;
	struct route_server s = {A, 0, "127.0.0.1", 1, true}, twice[2] = {s, s},
			    many[ROUTE_MAX_SERVERS + 1] = {0};
	double share = 0.25;
	char *url = NULL;
	texts t = {0};
	static const char *const names[] = {"",    "a b", "a/b",     "a;b", "a\nshow stat",
					    "a:b", "..",  "\xc3\xa4"};

	doors(f, "orders", NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *name = xstrdup(names[i]);

		vec_push(&t, name);
		FAILS(RC_INVALID, "is no name of a service", route_services(f->r, ENV, &t, &err));
		FAILS(RC_INVALID, "is no name of an environment",
		      route_services(f->r, name, &t, &err));
		FAILS(RC_INVALID, "is no name of", route_set(f->r, name, "orders", A, 1, &err));
		vec_done(&t);
		if (!strchr("a.", names[i][0]) || strchr(names[i], ' ') || strchr(names[i], '/')) {
			FAILS(RC_INVALID, "is no image",
			      route_set(f->r, ENV, "orders", name, 1, &err));
			s.image = name;
			FAILS(RC_INVALID, "is no image",
			      route_servers(f->r, ENV, "orders", &s, 1, &err));
		}
		free(name);
	}
	s = (struct route_server){A, 0, "localhost; show stat", 1, true};
	FAILS(RC_INVALID, "has no address", route_servers(f->r, ENV, "orders", &s, 1, &err));
	s = (struct route_server){A, 0, "127.0.0.1", 65536, true};
	FAILS(RC_INVALID, "has no address", route_servers(f->r, ENV, "orders", &s, 1, &err));
	FAILS(RC_INVALID, "there twice", route_servers(f->r, ENV, "orders", twice, 2, &err));
	FAILS(RC_TOO_BIG, "at most 128",
	      route_servers(f->r, ENV, "orders", many, ROUTE_MAX_SERVERS + 1, &err));
	FAILS(RC_INVALID, "not between", route_set(f->r, ENV, "orders", A, 1.5, &err));
	FAILS(RC_NOT_FOUND, "no front door", route_set(f->r, ENV, "auth", A, 1, &err));
	FAILS(RC_NOT_FOUND, "no front door", route_servers(f->r, ENV, "auth", NULL, 0, &err));
	FAILS(RC_NOT_FOUND, "no front door",
	      route_confirm(f->r, "staging", "orders", A, &share, &err));
	FAILS(RC_NOT_FOUND, "no front door", route_front_door(f->r, ENV, "auth", &url, &err));
	assert_true(share == 0.25 && !url);
	assert_true(confirmed(f, "orders", A) == 0);
}

static void test_many(void **state)
{
	struct fix *f = *state;
	struct route_server list[ROUTE_MAX_SERVERS];

	doors(f, "orders", NULL);
	for (uint32_t i = 0; i < ROUTE_MAX_SERVERS; i++) {
		int id = i < 4 ? 10 + (int)i : 20 + (int)i; /* 4 of B, 124 of A */

		web_start(&f->web[id], id, 0);
		list[i] =
			(struct route_server){i < 4 ? B : A, i, "127.0.0.1", f->web[id].port, true};
	}
	OK(route_servers(f->r, ENV, "orders", list, ROUTE_MAX_SERVERS, &err));
	order(f, "orders", B, 0.05);
	check_share(f, "orders", B, 10, 0.05, 3000);
	order(f, "orders", B, 0.5);
	check_share(f, "orders", B, 10, 0.5, 2000);
	OK(route_servers(f->r, ENV, "orders", list, 4, &err));
	check_share(f, "orders", B, 10, 1, 100);
}

/* ---- HAProxy only ---- */

static void test_no_request_lost(void **state)
{
	struct fix *f = *state;
	struct web_load load;
	struct web_counts c;
	uint64_t before;

	doors(f, "orders", NULL);
	crowd(f, "orders", 2, 0, 0);
	order(f, "orders", A, 1);
	web_load_start(&load, port_of(f, "orders"), true);
	WAIT_UNTIL(web_load_ok(&load) > 100);
	for (int turn = 0; turn < 6; turn++) {
		crowd(f, "orders", 2, 2, 0);
		order(f, "orders", B, 0.05);
		clock_sleep(50 * USEC_MS);
		order(f, "orders", B, 0.5);
		clock_sleep(50 * USEC_MS);
		order(f, "orders", B, 1);
		before = web_load_ok(&load);
		WAIT_UNTIL(web_load_ok(&load) > before + 10);
		crowd(f, "orders", 0, 2, 0);
		web_stop(&f->web[0]); /* nobody must be asking it any more */
		web_stop(&f->web[1]);
		f->web[0].fd = f->web[1].fd = -1;
		crowd(f, "orders", 2, 2, 0);
		order(f, "orders", A, 1);
		crowd(f, "orders", 2, 0, 0);
		OK(route_ensure(f->r, &err));
	}
	c = web_load_stop(&load);
	print_message("%llu requests, %llu lost %s\n", (unsigned long long)c.asked,
		      (unsigned long long)c.bad, c.first_bad);
	assert_int_equal(c.bad, 0);
	assert_true(c.ok > 100 && c.by[10] > 0 && c.by[11] > 0);
}

/* A front door that is added takes a reload. HAProxy closes idle connections then, so that a request
 * may meet that: clients send a GET again, as they must for any server. */
static void test_reload(void **state)
{
	struct fix *f = *state;
	static char names[4][8] = {"a", "b", "c", "d"};
	struct web_load load;
	struct web_counts c;
	uint64_t before;

	doors(f, "orders", NULL);
	crowd(f, "orders", 2, 0, 0);
	order(f, "orders", A, 1);
	web_load_start(&load, port_of(f, "orders"), false);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		before = web_load_ok(&load);
		clock_sleep(100 * USEC_MS);
		WAIT_UNTIL(web_load_ok(&load) > before + 10);
		doors(f, "orders", names[i]);
	}
	before = web_load_ok(&load);
	clock_sleep(100 * USEC_MS);
	WAIT_UNTIL(web_load_ok(&load) > before + 10);
	c = web_load_stop(&load);
	print_message("%llu requests, %llu lost %s\n", (unsigned long long)c.asked,
		      (unsigned long long)c.bad, c.first_bad);
	assert_true(c.bad == 0 && c.ok > 50);
}

struct tally {
	uint64_t n, by_status[1000], retried;
	double last, ms;
	char image[100], environment[64], unit[64];
	uint32_t index;
};

static void add(void *ctx, const struct route_fact *x)
{
	struct tally *t = ctx;

	t->n++;
	t->by_status[x->status]++;
	t->retried += x->retries;
	t->last = x->t;
	t->ms = MAX_OF(t->ms, x->ms);
	(void)snprintf(t->image, sizeof(t->image), "%s", x->image);
	(void)snprintf(t->environment, sizeof(t->environment), "%s", x->environment);
	(void)snprintf(t->unit, sizeof(t->unit), "%s", x->unit);
	t->index = x->index;
}

/* Until there are n, or patience ends; then what is late by 50 ms. */
static void gather(struct fix *f, struct tally *t, uint64_t n)
{
	usec_t until = clock_mono() + PATIENCE;
	struct pollfd p = {.fd = route_fd(f->r), .events = POLLIN};

	while (t->n < n && clock_mono() < until) {
		(void)poll(&p, 1, 100);
		OK(route_facts(f->r, add, t, &err));
	}
	clock_sleep(50 * USEC_MS);
	OK(route_facts(f->r, add, t, &err));
}

static void test_facts(void **state)
{
	struct fix *f = *state;
	struct tally t = {0};
	double now;

	doors(f, "orders", NULL);
	crowd(f, "orders", 0, 2, 0);
	order(f, "orders", B, 1);
	f->web[10].wait_ms = f->web[11].wait_ms = 20;
	(void)web_ask(port_of(f, "orders"), 30);
	gather(f, &t, 30);
	now = (double)clock_wall() / 1e6;
	assert_int_equal(t.n, 30);
	assert_int_equal(t.by_status[200], 30);
	assert_true(t.ms >= 20 && t.ms < 5000 && t.last > now - 60 && t.last <= now);
	assert_string_equal(t.image, B);
	assert_string_equal(t.environment, ENV);
	assert_string_equal(t.unit, "orders");
	assert_true(t.index < 2 && t.retried == 0);
	f->web[10].status = f->web[11].status = 503;
	(void)web_ask(port_of(f, "orders"), 10);
	gather(f, &t, 40);
	assert_int_equal(t.by_status[503], 10);
}

static void test_facts_again(void **state)
{
	struct fix *f = *state;
	struct tally t = {0};
	uint32_t port;

	doors(f, "orders", NULL);
	crowd(f, "orders", 1, 0, 0);
	order(f, "orders", A, 1);
	port = port_of(f, "orders");
	(void)web_ask(port, 5);
	gather(f, &t, 5);
	assert_int_equal(t.n, 5);
	route_free(f->r);
	assert_int_equal(web_ask(port, 50).bad, 0); /* traffic does not need us */
	fresh(f);
	assert_int_equal(port_of(f, "orders"), port);
	OK(route_ensure(f->r, &err));
	check_share(f, "orders", A, 0, 1, 20);
	clock_sleep(400 * USEC_MS);
	(void)web_ask(port, 10);
	memset(&t, 0, sizeof(t));
	gather(f, &t, 30);
	assert_true(t.n >= 30 && t.by_status[200] == t.n);
}

/* A dead canary is hidden from clients by sending requests again, but not from the facts. */
static void test_dead_server(void **state)
{
	struct fix *f = *state;
	struct tally t = {0};
	struct web_counts c;

	doors(f, "orders", NULL);
	crowd(f, "orders", 1, 1, 0);
	order(f, "orders", B, 0.5);
	OK(route_ensure(f->r, &err));
	web_stop(&f->web[10]);
	c = web_ask(port_of(f, "orders"), 60);
	assert_int_equal(c.bad, 0);
	OK(route_ensure(f->r, &err));
	gather(f, &t, 61);
	print_message("of 60 requests %llu failed at the dead server, %llu retries told\n",
		      (unsigned long long)t.by_status[599], (unsigned long long)t.retried);
	assert_int_equal(t.by_status[200], 60);
	assert_true(t.by_status[599] >= 10 && t.by_status[599] <= 50);
}

static int64_t haproxy_pid(struct fix *f)
{
	AUTO(freep) char *path = xasprintf("%s/splitter/haproxy.pid", f->folder);
	AUTO(strbuf_done) struct strbuf b = STRBUF(64);
	int64_t pid = 0;

	OK(file_read(path, 60, &b, &err));
	assert_true(parse_i64(str_trim(strbuf_str(&b)), &pid) && pid > 1);
	return pid;
}

/* Or a zombie, which listens no more. */
static bool is_dead(int64_t pid)
{
	AUTO(freep) char *path = xasprintf("/proc/%d/stat", (int)pid);
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
	struct err gone = {0};

	return file_read(path, 4000, &b, &gone) != RC_OK || strstr(strbuf_cstr(&b), ") Z");
}

static void test_killed(void **state)
{
	struct fix *f = *state;
	AUTO(freep) char *sock = xasprintf("%s/splitter/admin.sock", f->folder);
	uint32_t port;
	int64_t pid;

	doors(f, "orders", "auth");
	crowd(f, "orders", 2, 1, 0);
	order(f, "orders", B, 0.05);
	port = port_of(f, "orders");
	pid = haproxy_pid(f);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	WAIT_UNTIL(is_dead(pid));
	OK(route_ensure(f->r, &err));
	assert_int_equal(port_of(f, "orders"), port);
	check_share(f, "orders", B, 10, 0.05, 3000);
	assert_true(haproxy_pid(f) != pid);

	pid = haproxy_pid(f); /* killed between an order and its effect */
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	WAIT_UNTIL(is_dead(pid));
	FAILS(RC_UNAVAILABLE, "HAProxy does not run", route_set(f->r, ENV, "orders", B, 0, &err));
	OK(route_set(f->r, ENV, "orders", B, 0, &err));
	check_share(f, "orders", B, 10, 0, 500);

	pid = haproxy_pid(f);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0); /* its port is taken meanwhile */
	WAIT_UNTIL(is_dead(pid));
	web_start(&f->web[30], 30, port);
	FAILS(RC_UNAVAILABLE, "annot bind", route_ensure(f->r, &err));
	web_stop(&f->web[30]);
	OK(route_ensure(f->r, &err));

	order(f, "orders", B, 0.25);
	pid = haproxy_pid(f);
	assert_int_equal(unlink(sock), 0);
	OK(route_ensure(f->r, &err));
	check_share(f, "orders", B, 10, 0.25, 3000);
	assert_true(haproxy_pid(f) != pid);
	OK(route_ensure(f->r, &err));
	pid = haproxy_pid(f);
	OK(route_ensure(f->r, &err));
	assert_int_equal(haproxy_pid(f), pid); /* all is well: nothing is done */
}

/* A replica that came back on another port. */
static void test_moved(void **state)
{
	struct fix *f = *state;

	doors(f, "orders", NULL);
	crowd(f, "orders", 2, 0, 0);
	order(f, "orders", A, 1);
	web_stop(&f->web[0]);
	f->web[0].fd = -1;
	crowd(f, "orders", 2, 0, 0);
	check_share(f, "orders", A, 0, 1, 200);
}

#define BOTH(test)                                                  \
	cmocka_unit_test_setup_teardown(test, up_fake, tear_down),  \
	{                                                           \
#test "_haproxy", test, up_haproxy, tear_down, NULL \
	}
#define HAPROXY(test) cmocka_unit_test_setup_teardown(test, up_haproxy, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(test_shares),
		BOTH(test_next_version),
		BOTH(test_unready),
		BOTH(test_refused),
		BOTH(test_many),
		BOTH(test_moved),
		HAPROXY(test_no_request_lost),
		HAPROXY(test_reload),
		HAPROXY(test_facts),
		HAPROXY(test_facts_again),
		HAPROXY(test_dead_server),
		HAPROXY(test_killed),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
