/*
 * The cache server against nginx with WebDAV (both on this machine, in one run): small entries read and written on kept connections, streams of
 * 100 MB, and what the daemon's memory does meanwhile.
 */
#include "bench/bench.h"

#include "base/digest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SMALL   ((size_t)16 << 10)
#define BIG     ((size_t)100 << 20)
#define CLIENTS 8
#define SECONDS 2
#define ROUNDS  5

static char dir[] = "/tmp/penstock-bench-XXXXXX";
static char *bytes;
static char token[256];
static pid_t servers[2]; /* to be ended however this ends */

static void end_servers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		if (!servers[i])
			continue;
		kill(servers[i], SIGTERM);
		waitpid(servers[i], NULL, 0);
	}
	if (tree_remove(dir, &(struct err){0}) != RC_OK)
		fprintf(stderr, "bench: %s stays\n", dir);
}

struct server {
	const char *name, *prefix;
	uint16_t port;
	pid_t pid;
	bool auth;
};

/* ---- a client ---- */

static int dial(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static bool send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* The status; the body is read and dropped. 0: the connection broke. */
static int receive(int fd)
{
	static _Thread_local char buf[(size_t)256 << 10];
	size_t n = 0;
	char *end = NULL;

	while (!end) {
		ssize_t k = recv(fd, buf + n, sizeof(buf) - 1 - n, 0);

		if (k <= 0)
			return 0;
		n += (size_t)k;
		buf[n] = 0;
		end = strstr(buf, "\r\n\r\n");
	}
	const char *length = strcasestr(buf, "\r\ncontent-length:");
	size_t body = length && length < end ? strtoull(length + 17, NULL, 10) : 0;
	size_t got = n - (size_t)(end + 4 - buf);
	int status = (int)strtol(strchr(buf, ' ') + 1, NULL, 10);
	while (got < body) {
		ssize_t k = recv(fd, buf, sizeof(buf), 0);

		if (k <= 0)
			return 0;
		got += (size_t)k;
	}
	return status;
}

static int request(int fd, const struct server *s, const char *method, const char *id, size_t body)
{
	char head[512];
	int n = snprintf(head, sizeof(head),
			 "%s %s/%s HTTP/1.1\r\nHost: localhost\r\n%s%s%sContent-Length: %zu\r\n\r\n",
			 method, s->prefix, id, s->auth ? "Authorization: Bearer " : "",
			 s->auth ? token : "", s->auth ? "\r\n" : "", body);

	if (!send_all(fd, head, (size_t)n) || !send_all(fd, bytes, body))
		return 0;
	return receive(fd);
}

static void expect(int status, const struct server *s, const char *what)
{
	if (status >= 200 && status < 300)
		return;
	fprintf(stderr, "bench: %s: %s: status %d\n", s->name, what, status);
	exit(1);
}

/* ---- many small ones ---- */

struct load {
	const struct server *s;
	bool put;
	unsigned number;
	usec_t until;
	uint64_t done;
};
static atomic_uint serial;

static void *run_load(void *arg)
{
	struct load *l = arg;
	int fd = dial(l->s->port);
	char id[64];

	while (clock_mono() < l->until) {
		if (l->put)
			snprintf(id, sizeof(id), "p%u", atomic_fetch_add(&serial, 1));
		else
			snprintf(id, sizeof(id), "g%u", (unsigned)(l->done % 64));
		expect(request(fd, l->s, l->put ? "PUT" : "GET", id, l->put ? SMALL : 0), l->s, id);
		l->done++;
	}
	close(fd);
	return NULL;
}

static double per_second(const struct server *s, bool put)
{
	struct load loads[CLIENTS];
	pthread_t threads[CLIENTS];
	uint64_t done = 0;
	usec_t begin = clock_mono();

	for (unsigned i = 0; i < CLIENTS; i++) {
		loads[i] = (struct load){s, put, i, begin + SECONDS * USEC_SEC, 0};
		if (pthread_create(&threads[i], NULL, run_load, &loads[i]))
			exit(1);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		done += loads[i].done;
	}
	return (double)done / (ms_since(begin) / 1e3);
}

/* ---- one large one: MB/s, the median of some rounds ---- */

static unsigned turn; /* no key is put twice: it would only be read and dropped */

static double stream(const struct server *s, bool put)
{
	double rate[ROUNDS];
	int fd = dial(s->port);
	char id[64];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(id, sizeof(id), "big%u-%d", turn, put ? i : 0);
		usec_t begin = clock_mono();

		expect(request(fd, s, put ? "PUT" : "GET", id, put ? BIG : 0), s, id);
		rate[i] = (double)BIG / 1e6 / (ms_since(begin) / 1e3);
	}
	close(fd);
	return bench_median(rate, ROUNDS);
}

/* ---- servers ---- */

static uint16_t free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		exit(1);
	close(fd);
	return ntohs(at.sin_port);
}

static pid_t start(const char *const *argv, const char *out)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (!freopen(out, "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(126);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static void await_server(const struct server *s)
{
	for (int i = 0; i < 500; i++) {
		int fd = dial(s->port);

		if (fd >= 0) {
			close(fd);
			return;
		}
		clock_sleep(20 * USEC_MS);
	}
	fprintf(stderr, "bench: %s does not start\n", s->name);
	exit(1);
}

static struct server start_ours(void)
{
	struct server s = {"penstock", "/gradle", free_port(), 0, true};
	const char *program = getenv("PENSTOCK");
	char port[16];
	AUTO(freep) char *data = xasprintf("%s/data", dir), *out = xasprintf("%s/out", dir);
	AUTO(strbuf_done) struct strbuf text = STRBUF(65536);
	struct err err = {0};

	snprintf(port, sizeof(port), "%u", s.port);
	const char *argv[] = {program ? program : "build/penstock",
			      "serve",
			      "--data",
			      data,
			      "--port",
			      port,
			      NULL};
	s.pid = start(argv, out);
	await_server(&s);
	for (int i = 0; i < 100 && !strstr(strbuf_cstr(&text), "pst_"); i++) {
		clock_sleep(20 * USEC_MS);
		strbuf_clear(&text);
		must(file_read(out, 65536, &text, &err), &err);
	}
	const char *at = strstr(strbuf_cstr(&text), "pst_");
	if (at)
		snprintf(token, sizeof(token), "%.*s", (int)strcspn(at, "\n"), at);
	return s;
}

static struct server start_nginx(void)
{
	struct server s = {"nginx", "/dav", free_port(), 0, false};
	AUTO(freep)
	char *root = xasprintf("%s/www/dav", dir), *conf = xasprintf("%s/nginx.conf", dir);
	AUTO(freep) char *out = xasprintf("%s/nginx.out", dir);
	AUTO(freep)
	char *text = xasprintf(
		"worker_processes auto; pid %s/nginx.pid; error_log %s/error.log; daemon off; user root;\n"
		"events { worker_connections 512; }\n"
		"http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;\n"
		"client_max_body_size 0; client_body_temp_path %s/www/tmp; client_body_buffer_size 128k;\n"
		"proxy_temp_path %s/t1; fastcgi_temp_path %s/t2; uwsgi_temp_path %s/t3; scgi_temp_path %s/t4;\n"
		"server { listen 127.0.0.1:%u; root %s/www; location /dav/ { dav_methods PUT; } } }\n",
		dir, dir, dir, dir, dir, dir, dir, s.port, dir);
	struct err err = {0};

	must(dir_make(root, 0755, &err), &err);
	must(file_write(conf, str_of(text), 0644, &err), &err);
	if (chmod(dir, 0755) < 0)
		exit(1);
	const char *argv[] = {"nginx", "-c", conf, NULL};
	s.pid = start(argv, out);
	await_server(&s);
	return s;
}

static long rss_kb(pid_t pid)
{
	AUTO(freep) char *path = xasprintf("/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	char line[256];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/* ---- the rows ---- */

struct numbers {
	double put, get, put_mb, get_mb;
};

static struct numbers measure(const struct server *s)
{
	struct numbers n;
	int fd = dial(s->port);
	char id[64];

	for (int i = 0; i < 64; i++) {
		snprintf(id, sizeof(id), "g%d", i);
		expect(request(fd, s, "PUT", id, SMALL), s, id);
	}
	close(fd);
	turn++;
	n.get = per_second(s, false);
	n.put = per_second(s, true);
	n.put_mb = stream(s, true);
	n.get_mb = stream(s, false);
	return n;
}

/* A file system that has just dropped many files makes new ones slowly for a while, whoever asks: the better of two turns counts. */
static struct numbers better(struct numbers a, struct numbers b)
{
	return (struct numbers){MAX_OF(a.put, b.put), MAX_OF(a.get, b.get),
				MAX_OF(a.put_mb, b.put_mb), MAX_OF(a.get_mb, b.get_mb)};
}

static void row(const char *what, const char *unit, double ours, double peer, bool has_peer,
		double least)
{
	char a[64], b[64] = "-", budget[64] = "-";
	double ratio = has_peer ? ours / peer : 0;

	snprintf(a, sizeof(a), "%.0f %s", ours, unit);
	if (has_peer)
		snprintf(b, sizeof(b), "nginx + WebDAV %.0f %s", peer, unit);
	if (least > 0)
		snprintf(budget, sizeof(budget), "> %.1f x", least);
	bench_row(what, a, b, ratio, budget, has_peer && least > 0 && ratio < least);
}

int main(void)
{
	struct numbers ours, peer = {0};
	bool has_peer = bench_has("nginx");

	if (!mkdtemp(dir))
		return 1;
	atexit(end_servers);
	bytes = xmalloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	struct server nginx = {0}, us = start_ours();
	servers[0] = us.pid;
	if (has_peer) {
		nginx = start_nginx();
		servers[1] = nginx.pid;
	} else {
		bench_skip("nginx", "the cache server has no peer here");
	}
	long before = rss_kb(us.pid);
	ours = measure(&us);
	if (has_peer)
		peer = measure(&nginx);
	ours = better(ours, measure(&us));
	long after = rss_kb(us.pid);
	if (has_peer)
		peer = better(peer, measure(&nginx));
	row("build cache: GET of 16 KiB, 8 connections", "/s", ours.get, peer.get, has_peer, 0);
	row("build cache: PUT of 16 KiB, 8 connections", "/s", ours.put, peer.put, has_peer, 0);
	row("build cache: GET of 100 MiB", "MB/s", ours.get_mb, peer.get_mb, has_peer, 0.9);
	row("build cache: PUT of 100 MiB (ours hashes it)", "MB/s", ours.put_mb, peer.put_mb,
	    has_peer, 0);
	char rss[64];
	snprintf(rss, sizeof(rss), "%.1f -> %.1f MB", (double)before / 1e3, (double)after / 1e3);
	bench_row("build cache: memory of the daemon meanwhile", rss, "-", 0, "+ 16 MB",
		  after - before > 16384);
	xfree(bytes);
	return 0;
}
