/*
 * The splitter: from the order of a weight to its confirmation; requests lost in 100 weight changes
 * under load; what it costs to go through it, against the service asked directly. Also versions
 * that come and go under load.
 */
#include "port/web_kit.h"

#include "flow/5-deploy/adapters_deploy.h"
#include "io/loadgen.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct web webs[4];
static struct route *route;

static void must(enum rc rc, const struct err *err)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "%s\n", err->msg);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void show(const char *what, double *ms, size_t n)
{
	qsort(ms, n, sizeof(*ms), by_value);
	printf("route: %s: median %.2f ms, p95 %.2f ms, most %.2f ms (%zu times)\n", what,
	       ms[n / 2], ms[n * 95 / 100], ms[n - 1], n);
}

static struct loadgen *load(uint32_t port, double rate)
{
	struct loadgen *lg = NULL;
	char url[64], why[200];
	struct loadgen_target t[2] = {{.url = url}, {.url = url, .method = "POST", .body = ""}};

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	if (loadgen_start(t, 2, rate, 64, &lg, why, sizeof(why)) != 0) {
		fprintf(stderr, "%s\n", why);
		exit(1);
	}
	return lg;
}

static void finish(struct loadgen *lg, const char *what)
{
	struct loadgen_stats s;

	loadgen_rate(lg, 0);
	for (int i = 0; i < 600; i++) {
		loadgen_snapshot(lg, &s);
		if (!s.pending)
			break;
		clock_sleep(10 * USEC_MS);
	}
	loadgen_stop(lg);
	printf("route: %s: %llu requests, %llu lost (%llu not 2xx, %llu errors, "
	       "%llu timeouts, %llu dropped), p50 %.2f ms, p99 %.2f ms\n",
	       what, (unsigned long long)s.due, (unsigned long long)(s.due - s.status[2]),
	       (unsigned long long)(s.answered - s.status[2]), (unsigned long long)s.errors,
	       (unsigned long long)s.timeouts, (unsigned long long)s.dropped,
	       loadgen_quantile(&s, 0.5), loadgen_quantile(&s, 0.99));
}

static void servers(uint32_t a, uint32_t b)
{
	struct route_server list[4];
	struct err err = {0};
	size_t n = 0;

	for (uint32_t i = 0; i < a; i++)
		list[n++] = (struct route_server){A, i, "127.0.0.1", webs[i].port, true};
	for (uint32_t i = 0; i < b; i++)
		list[n++] = (struct route_server){B, i, "127.0.0.1", webs[2 + i].port, true};
	must(route_servers(route, "production", "orders", list, n, &err), &err);
}

/* Milliseconds from the order until the data plane says that it holds. */
static double order(double share)
{
	usec_t begin = clock_mono();
	struct err err = {0};
	double got = -1;

	must(route_set(route, "production", "orders", B, share, &err), &err);
	must(route_confirm(route, "production", "orders", B, &got, &err), &err);
	if (got < share - 0.001 || got > share + 0.001) {
		fprintf(stderr, "ordered %g, confirmed %g\n", share, got);
		exit(1);
	}
	return (double)(clock_mono() - begin) / 1e3;
}

static void changes(uint32_t port, double rate)
{
	static const double shares[] = {0.05, 0.5, 1, 0};
	struct loadgen *lg = load(port, rate);
	char what[80];
	double ms[100];

	for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
		ms[i] = order(shares[i % ARRAY_LEN(shares)]);
		clock_sleep(50 * USEC_MS);
	}
	(void)snprintf(what, sizeof(what), "order to confirmation at %.0f requests/s", rate);
	show(what, ms, ARRAY_LEN(ms));
	(void)snprintf(what, sizeof(what), "100 weight changes at %.0f requests/s", rate);
	finish(lg, what);
}

static void versions(uint32_t port)
{
	struct loadgen *lg = load(port, 500);
	double ms[20];

	for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
		usec_t begin = clock_mono();

		servers(2, i % 2 ? 0 : 2);
		ms[i] = (double)(clock_mono() - begin) / 1e3;
		(void)order(i % 2 ? 0 : 0.5);
		clock_sleep(100 * USEC_MS);
	}
	show("two servers come, or are drained and go", ms, ARRAY_LEN(ms));
	finish(lg, "versions that come and go at 500 requests/s");
}

static void direct(uint32_t port, const char *what)
{
	struct loadgen *lg = load(port, 1000);

	clock_sleep(3 * USEC_SEC);
	finish(lg, what);
}

int main(void)
{
	char folder[] = "/tmp/penstock-bench-XXXXXX", unit[] = "orders";
	char *units[] = {unit}, *url = NULL;
	texts list = {.v = units, .n = 1};
	struct route_haproxy_options o = {
		.data = folder, .port_base = web_ports(36000), .port_count = 300};
	struct err err = {0};
	uint32_t port = 0;

	if (!mkdtemp(folder))
		return 1;
	for (int i = 0; i < 4; i++)
		web_start(&webs[i], i, 0);
	must(route_haproxy_new(&o, &route, &err), &err);
	must(route_services(route, "production", &list, &err), &err);
	must(route_front_door(route, "production", "orders", &url, &err), &err);
	if (sscanf(url, "http://127.0.0.1:%u", &port) != 1)
		return 1;
	free(url);
	servers(2, 2);
	(void)order(0);
	direct(webs[0].port, "the service itself at 1000 requests/s");
	direct(port, "the same through the splitter");
	changes(port, 10);
	changes(port, 100);
	changes(port, 1000);
	versions(port);
	must(route_haproxy_stop(route, &err), &err);
	route_free(route);
	for (int i = 0; i < 4; i++)
		web_stop(&webs[i]);
	must(tree_remove(folder, &err), &err);
	return 0;
}
