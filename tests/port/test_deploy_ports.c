/* What the deployers have of the machine: ports that there are, and a splitter whose folder somebody removed. */
#include "port/web_kit.h"

#include "flow/5-deploy/adapters_deploy.h"

#include <signal.h>

static char folder[64];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/penstock-ports-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct err err;

	(void)state;
	return tree_remove(folder, &err) == RC_OK ? 0 : -1;
}

static void ports_must_fit(void **state)
{
	struct runtime_local_options runtime = {
		.data = folder, .shim = "/bin/sh", .mode = RUNTIME_PROCESS, .port_base = 60000};
	struct route_haproxy_options route = {
		.data = folder, .haproxy = "/bin/sh", .port_base = 65000};
	struct runtime *replicas = NULL;
	struct route *doors = NULL;

	(void)state;
	FAILS(RC_INVALID,
	      "replicas take 10000 ports, but from 60000 on there are only 5536: begin at 55536",
	      runtime_local_new(&runtime, &replicas, &err));
	runtime.port_base = 65536;
	FAILS(RC_INVALID, "there are only 0", runtime_local_new(&runtime, &replicas, &err));
	runtime.port_base = 55536;
	OK(runtime_local_new(&runtime, &replicas, &err));
	runtime_free(replicas);
	FAILS(RC_INVALID, "front doors take 1000 ports, but from 65000 on there are only 536",
	      route_haproxy_new(&route, &doors, &err));
	route.port_base = 64536;
	OK(route_haproxy_new(&route, &doors, &err));
	route_free(doors);
}

/* Of a process, in clock ticks. */
static unsigned long long ticks_of(pid_t pid)
{
	AUTO(freep) char *path = xasprintf("/proc/%d/stat", (int)pid);
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	unsigned long long user = 0, kernel = 0;

	OK(file_read(path, 4000, &text, &err));
	const char *rest = strrchr(strbuf_cstr(&text), ')');
	assert_int_equal(sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
				&user, &kernel),
			 2);
	return user + kernel;
}

/* It asked for our socket as fast as it could: a core for ever, for each data folder that was thrown away. */
static void a_splitter_without_a_folder_rests(void **state)
{
	struct route_haproxy_options o = {
		.data = folder, .port_base = web_ports(29300), .port_count = 100};
	AUTO(freep) char *splitter = xasprintf("%s/splitter", folder);
	AUTO(freep) char *file = xasprintf("%s/haproxy.pid", splitter);
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	texts units = {0};
	struct route *r = NULL;
	int64_t pid = 0;

	(void)state;
	vec_push(&units, (char *)(uintptr_t) "web");
	OK(route_haproxy_new(&o, &r, &err));
	OK(route_services(r, "production", &units, &err));
	vec_done(&units);
	OK(file_read(file, 60, &text, &err));
	assert_true(parse_i64(str_trim(strbuf_str(&text)), &pid) && pid > 1);
	route_free(r);
	OK(tree_remove(splitter, &err));
	unsigned long long before = ticks_of((pid_t)pid);
	clock_sleep(2 * USEC_SEC);
	unsigned long long used = ticks_of((pid_t)pid) - before;
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	print_message("%llu ticks in 2 s\n", used);
	assert_true(used < 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ports_must_fit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_splitter_without_a_folder_rests, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
