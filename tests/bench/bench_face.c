/*
 * Requests a second with 10,000 runs stored, on one connection and on eight that stay open, beside nginx serving a file of the same bytes by the same kind of socket
 * (or, without nginx, a handler of libmicrohttpd that does nothing); and how long a record takes to 1,000 followers, beside a loop of
 * write() over as many sockets.
 */
#include "bench/face.h"
#include "bench/reads_world.h"

#include "api/api_impl.h"
#include "io/child.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define ROUNDS    5
#define ROUND     (400 * USEC_MS)
#define FOLLOWERS 1000
#define RECORDS   200

static void row(const char *what, const char *ours, const char *peer, double ratio,
		const char *budget, bool over)
{
	printf("| %s | %s | %s | %.2f | %s%s |\n", what, ours, peer, ratio, budget,
	       over ? " **over**" : "");
	fflush(stdout);
}

/* ---- the peer of reads ---- */

static struct child nginx = {0, -1};
static struct httpd *hello;
static char peer_socket[96];
static struct strbuf peer_body = STRBUF((size_t)16 << 20);

static void say_hello(void *ctx, struct request *r)
{
	(void)ctx;
	request_reply_etag(r, 200, "application/json", strbuf_str(&peer_body), 0);
}

/* One worker, as the daemon has one loop. False: there is no nginx. */
static bool start_nginx(void)
{
	AUTO(freep) char *conf = xasprintf("%s/nginx.conf", folder);
	AUTO(freep)
	char *text_of = xasprintf(
		"worker_processes 1; daemon off; master_process off; pid %s/nginx.pid; error_log "
		"%s/nginx.log;\n"
		"events { worker_connections 64; }\n"
		"http { access_log off; keepalive_requests 100000000; types {} default_type "
		"application/json; client_body_temp_path %s/n1; proxy_temp_path %s/n2; "
		"fastcgi_temp_path %s/n3; uwsgi_temp_path %s/n4; scgi_temp_path %s/n5;\n"
		"server { listen unix:%s; root %s/www; } }\n",
		folder, folder, folder, folder, folder, folder, folder, peer_socket, folder);
	const char *argv[] = {"nginx", "-c", conf, NULL};
	struct child_spec spec = {.argv = argv, .fds = {-1, -1, -1, -1}};
	struct err err = {0};
	const struct face at = {.socket = peer_socket};
	int fd = -1;

	if (system("command -v nginx >/dev/null 2>&1") != 0) /* NOLINT */
		return false;
	if (file_write(conf, str_of(text_of), 0600, &err) != RC_OK ||
	    child_start(&spec, &nginx, &err) != RC_OK)
		fail_msg("%s", err.msg);
	for (int i = 0; i < 500 && (fd = face_dial(&at, 0)) < 0; i++)
		clock_sleep(10 * USEC_MS);
	if (fd < 0)
		fail_msg("nginx does not start: %s/nginx.log", folder);
	close(fd);
	return true;
}

static void start_peer(void)
{
	AUTO(freep) char *www = xasprintf("%s/www", folder);
	struct httpd_options o = {.socket = peer_socket, .handle = say_hello};
	struct err err = {0};

	snprintf(peer_socket, sizeof(peer_socket), "%s/peer.sock", folder);
	if (dir_make(www, 0755, &err) != RC_OK)
		fail_msg("%s", err.msg);
	(void)chmod(folder, 0755); /* nginx serves as another user */
	if (!start_nginx() && httpd_new(loop, &o, &hello, &err) != RC_OK)
		fail_msg("%s", err.msg);
}

static void stop_peer(void)
{
	int code;

	httpd_free(hello);
	if (nginx.pid) {
		kill(nginx.pid, SIGTERM);
		for (int i = 0; i < 500 && !child_ended(&nginx, &code); i++)
			clock_sleep(10 * USEC_MS);
		child_done(&nginx);
	}
}

/* ---- reads ---- */

static const char *ask_text;
static unsigned ask_status;
static usec_t ask_until;
static struct face ask_face;

static void *ask_on(void *arg)
{
	AUTO(strbuf_done) struct strbuf in = STRBUF((size_t)16 << 20);
	int fd = face_dial(&ask_face, 0);
	uint64_t *n = arg;

	while (clock_mono() < ask_until) {
		if (face_ask(fd, ask_text, &in) != ask_status)
			fail_msg("%s: %.300s", ask_text, strbuf_cstr(&in));
		++*n;
	}
	close(fd);
	return NULL;
}

/* Requests a second. */
static double rate_of(const char *socket_of, const char *line, unsigned status, unsigned n)
{
	pthread_t threads[8];
	uint64_t counts[8] = {0}, all = 0;

	ask_face = (struct face){.socket = socket_of};
	ask_text = line;
	ask_status = status;
	usec_t began = clock_mono();
	ask_until = began + ROUND;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &counts[i]), 0);
	for (unsigned i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		all += counts[i];
	}
	return (double)all * 1e6 / (double)(clock_mono() - began);
}

static double middle(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), times_by_value);
	return v[n / 2];
}

/* The tag of an answer, as a header to ask with. */
static char *tag_of(const char *socket_of, const char *line, struct strbuf *in)
{
	const struct face f = {.socket = socket_of};
	int fd = face_dial(&f, 0);

	if (face_ask(fd, line, in) != 200)
		fail_msg("%s: %.300s", line, strbuf_cstr(in));
	close(fd);
	const char *at = strcasestr(in->p, "\r\nETag: ");
	if (!at)
		fail_msg("%s: no tag", line);
	return xasprintf("If-None-Match: %.*s\r\n", (int)strcspn(at + 8, "\r"), at + 8);
}

static void read_at(const char *what, const char *path, bool known, unsigned conns)
{
	static const struct face any = {0};
	AUTO(strbuf_done) struct strbuf in = STRBUF((size_t)16 << 20);
	AUTO(freep) char *first = face_text(&any, 1, path, "");
	AUTO(freep) char *peer_first = face_text(&any, 1, "/file", "");
	AUTO(freep) char *file = xasprintf("%s/www/file", folder);
	AUTO(freep) char *tag = tag_of(socket_path, first, &in);
	const char *body = strstr(in.p, "\r\n\r\n") + 4;
	size_t size = in.n - (size_t)(body - in.p);
	double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
	char name[120], a[40], b[60];
	struct err err = {0};

	strbuf_clear(&peer_body);
	strbuf_add(&peer_body, body, size);
	if (file_write(file, strbuf_str(&peer_body), 0644, &err) != RC_OK)
		fail_msg("%s", err.msg);
	AUTO(freep) char *peer_tag = tag_of(peer_socket, peer_first, &in);
	AUTO(freep) char *line = face_text(&any, 1, path, known ? tag : "");
	AUTO(freep) char *peer_line = face_text(&any, 1, "/file", known ? peer_tag : "");
	for (size_t i = 0; i < ROUNDS; i++) {
		ours[i] = rate_of(socket_path, line, known ? 304 : 200, conns);
		theirs[i] = rate_of(peer_socket, peer_line, known ? 304 : 200, conns);
		ratio[i] = ours[i] / theirs[i];
	}
	snprintf(name, sizeof(name), "API, 10,000 runs: %s, %u connection%s", what, conns,
		 conns == 1 ? "" : "s");
	snprintf(a, sizeof(a), "%.0f/s", middle(ours, ROUNDS));
	snprintf(b, sizeof(b), "%.0f/s (%s, %zu bytes)", middle(theirs, ROUNDS),
		 hello ? "libmicrohttpd" : "nginx", size);
	row(name, a, b, middle(ratio, ROUNDS), "-", false);
}

static void measure_reads(void)
{
	for (unsigned conns = 1; conns <= 8; conns += 7) {
		read_at("status", WIRE_STATUS, false, conns);
		read_at("a page of 20 runs", WIRE_RUNS, false, conns);
		read_at("one run", WIRE_RUNS "/run-4711", false, conns);
		read_at("one run, known by its tag: 304", WIRE_RUNS "/run-4711", true, conns);
	}
}

/* ---- from a record to its followers ---- */

static struct sse followers[FOLLOWERS], bare[FOLLOWERS];
static int bare_fd[FOLLOWERS];
static struct {
	struct record r;
	char event[1024];
	size_t n;
	usec_t at; /* when it was told */
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool told;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static void is_told(usec_t at)
{
	pthread_mutex_lock(&out.lock);
	out.at = at;
	out.told = true;
	pthread_cond_signal(&out.done);
	pthread_mutex_unlock(&out.lock);
}

static void tell_ours(void *arg)
{
	usec_t at = clock_mono();

	(void)arg;
	api->last_seq = out.r.seq;
	journal_told(api, &out.r);
	is_told(at);
}

static void tell_bare(void *arg)
{
	usec_t at = clock_mono();

	(void)arg;
	for (size_t i = 0; i < FOLLOWERS; i++)
		if (write(bare_fd[i], out.event, out.n) != (ssize_t)out.n)
			exit(1);
	is_told(at);
}

static int watch_all(struct sse *s)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (size_t i = 0; i < FOLLOWERS; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &s[i]};

		assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, s[i].fd, &e), 0);
	}
	return epoll;
}

/* Until all have it; when the last one had. */
static usec_t await_all(int epoll, uint64_t seq)
{
	struct epoll_event e[256];
	usec_t last = 0;

	for (size_t have = 0; have < FOLLOWERS;) {
		int n = epoll_wait(epoll, e, 256, 60000);

		if (n <= 0)
			fail_msg("%zu of %u followers have record %llu", have, FOLLOWERS,
				 (unsigned long long)seq);
		for (int i = 0; i < n; i++) {
			struct sse *s = e[i].data.ptr;
			bool had = s->last == seq;

			(void)sse_read(s, SIZE_MAX);
			if (s->over || s->missed || s->doubled)
				fail_msg("a follower is cut off, or lost something");
			have += !had && s->last == seq;
			last = clock_mono();
		}
	}
	return last;
}

static usec_t one_record(int epoll, uint64_t seq, void (*tell)(void *))
{
	out.told = false;
	loop_post(loop, tell, NULL);
	usec_t last = await_all(epoll, seq);
	pthread_mutex_lock(&out.lock);
	while (!out.told)
		pthread_cond_wait(&out.done, &out.lock);
	pthread_mutex_unlock(&out.lock);
	return last - out.at;
}

static void next_record(uint64_t seq)
{
	AUTO(strbuf_done) struct strbuf text_of = STRBUF(sizeof(out.event));
	struct json_out o = JSON_OUT(&text_of);

	out.r = (struct record){.seq = seq,
				.time = T0,
				.actor = STR("engine"),
				.subject = STR("run-10000/ci/unit-7/test"),
				.type = STR("job.ended"),
				.payload = STR("{\"job\":\"run-10000/ci/unit-7/test\",\"attempt\":"
					       "1,\"result\":\"passed\",\"outputs\":{\"app\":"
					       "1048576},\"log\":{\"lines\":12,\"bytes\":731}}")};
	strbuf_addf(&text_of, "id: %llu\nevent: record\ndata: ", (unsigned long long)seq);
	record_write(&o, &out.r);
	strbuf_adds(&text_of, "\n\n");
	memcpy(out.event, text_of.p, text_of.n);
	out.n = text_of.n;
}

static void open_followers(uint64_t seq)
{
	const struct face f = {.socket = socket_path};
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	for (size_t i = 0; i < FOLLOWERS; i++) {
		int pair[2];

		if (!sse_open(&followers[i], &f, seq, 0) ||
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			fail_msg("follower %zu: %s", i, strerror(errno));
		bare_fd[i] = pair[1];
		bare[i] = (struct sse){.fd = pair[0], .last = seq};
	}
}

static void measure_followers(void)
{
	uint64_t seq = engine_model(engine)->seq;
	struct times ours = {0}, theirs = {0};
	char a[60], b[60];

	open_followers(seq);
	int epoll = watch_all(followers), bare_epoll = watch_all(bare);
	clock_sleep(USEC_SEC); /* until all have read that there is nothing yet */
	for (unsigned i = 0; i < RECORDS; i++) {
		next_record(++seq);
		times_add(&ours, one_record(epoll, seq, tell_ours));
		times_add(&theirs, one_record(bare_epoll, seq, tell_bare));
	}
	snprintf(a, sizeof(a), "p50 %.1f ms, p99 %.1f", times_at(&ours, 0.5),
		 times_at(&ours, 0.99));
	snprintf(b, sizeof(b), "p50 %.1f ms, p99 %.1f (write() loop)", times_at(&theirs, 0.5),
		 times_at(&theirs, 0.99));
	row("a record to the last of 1,000 followers", a, b,
	    times_at(&ours, 0.5) / times_at(&theirs, 0.5), "-", false);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		sse_close(&followers[i]);
		sse_close(&bare[i]);
		close(bare_fd[i]);
	}
	close(epoll);
	close(bare_epoll);
	xfree(ours.ms);
	xfree(theirs.ms);
}

static void face(void **state)
{
	const char *only = getenv("FACE");

	(void)state;
	start_peer();
	if (!only || streq(only, "reads"))
		beside(measure_reads);
	if (!only || streq(only, "followers"))
		beside(measure_followers);
	stop_peer();
	strbuf_done(&peer_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(face)};

	kit_store = open_sqlite;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
