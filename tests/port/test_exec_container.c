/* What only containers, services, caches and kept folders can be asked; with each runtime that is here. */
#include "port/docker_kit.h"
#include "port/exec_kit.h"
#include "port/oci_kit.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *how; /* of this round */
static struct layout image, server;
static char image_ref[100], server_ref[100];
static struct image *images;

/* Says who it is, then answers on port 5000 with what it gets; "up" is what `ready` looks for. */
static const char *const serve[] = {
	"/bin/sh", "-c",
	"echo service begins as $(id -u); touch /var/data/up; "
	"echo the token is hunter2/'&<secret>'; exec nc -ll -p 5000 -e cat",
	NULL};

static void lists_done(struct rig *r)
{
	for (size_t i = 0; i < r->spec.def.services.n; i++)
		vec_done(&r->spec.def.services.v[i].args);
	vec_done(&r->spec.def.services);
	for (size_t i = 0; i < r->spec.def.caches.n; i++) {
		vec_done(&r->spec.def.caches.v[i].key);
		vec_done(&r->spec.def.caches.v[i].paths);
	}
	vec_done(&r->spec.def.caches);
	vec_done(&r->spec.def.steps);
}

static int open_rig(void **state)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct err why = {0};

	rig_open(r, false);
	images = image_disk_new(r->dir, NULL, &why);
	if (!images || exec_sandbox_containers(r->x, images, how, &why) != RC_OK)
		fail_msg("%s", why.msg);
	exec_sandbox_keep(r->x, USEC_HOUR, 0);
	*state = r;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *r = *state;

	lists_done(r);
	rig_close(r);
	image_free(images);
	xfree(r);
	return 0;
}

static void fresh(struct rig *r, const char *run)
{
	lists_done(r);
	strbuf_clear(&r->log);
	spec_new(r, run);
	r->spec.def.container = image_ref;
	r->spec.def.name = lit("test");
	r->spec.trusted = true;
}

static struct service_def *service(struct rig *r, const char *ready)
{
	struct service_def d = {.name = lit("db"),
				.image = server_ref,
				.ready = lit(ready),
				.port = 5000,
				.start = 10 * USEC_SEC};

	vec_push(&r->spec.def.services, d);
	return vec_last(&r->spec.def.services);
}

/* Processes whose command line holds a text. */
static unsigned processes(const char *part)
{
	/* written so that the command does not find itself */
	AUTO(freep)
	char *command =
		xasprintf("grep -lsa -- '[%c]%s' /proc/[0-9]*/cmdline | wc -l", *part, part + 1);
	FILE *f = popen(command, "r");
	unsigned n = 0;

	CHECK(f && fscanf(f, "%u", &n) == 1, "grep");
	pclose(f);
	return n;
}

static pid_t shim_pid(struct rig *r)
{
	AUTO(freep) char *path = xasprintf("%s/jobs/run-1+ci+orders+test/lock", r->dir);
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);
	uint32_t pid = 0;

	while (!parse_u32(str_trim(strbuf_str(&text)), &pid)) {
		strbuf_clear(&text);
		OK(file_read(path, 99, &text, &err));
	}
	return (pid_t)pid;
}

static void wait_for_log(struct rig *r, const char *part)
{
	bool ended = false;

	while (!ended && !strstr(strbuf_cstr(&r->log), part))
		OK(exec_log(r->x, r->spec.job, r->log.n, 10000, &r->log, &ended, &err));
	CHECK_LOG(r, part);
}

static void root(void **state)
{
	struct rig *r = *state;

	fresh(r,
	      "cat /etc/image-release; echo $FROM_IMAGE $HOME; id -u; touch /made /root/x; chown 1234 /made; "
	      "test ! -e /usr/bin/gcc; cat source.txt; pwd; grep -c : /proc/net/dev; grep db /etc/hosts || echo none");
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "root");
	CHECK_STR(strbuf_cstr(&r->log),
		  "the image\nyes /root\n0\na source\n/repo/services/orders\n1\nnone\n",
		  "what it sees");
	fresh(r,
	      "test ! -e /made; echo $FROM_IMAGE; cat /proc/sys/kernel/hostname; echo 1 > /proc/sys/kernel/panic");
	struct pair env = {lit("FROM_IMAGE"), lit("declared")};
	vec_push(&r->spec.def.env, env);
	job_run(r);
	CHECK(r->end.failure == FAILURE_EXIT, "the kernel's settings are not writable");
	CHECK_LOG(r, "declared\n");
}

/* ---- a pull that takes long ---- */

static enum rc slow_pull(struct image *i, const char *ref, const struct image_how *h,
			 struct image_root *ret, struct err *err)
{
	(void)i, (void)ref, (void)ret;
	CHECK(h && h->progress && h->anonymous, "as a fork's");
	for (uint64_t n = 0; n < 1000; n++) {
		if (!h->progress(h->ctx, "sha256:0123", n, 1000))
			return err_set(err, RC_CONFLICT, "stopped");
		clock_sleep(20 * USEC_MS);
	}
	return err_set(err, RC_INTERNAL, "nobody stopped it");
}

static void *start_slowly(void *arg)
{
	struct rig *r = arg;
	struct err why = {0};
	enum rc rc = exec_start(r->x, &r->spec, &r->in, &why);

	return (void *)(intptr_t)rc;
}

/* The job's log says what is going on before there is a job, and a cancel ends it. */
static void pull_is_cancelled(void **state)
{
	static const struct image_ops ops = {.name = "slow", .pull = slow_pull};
	static struct image slow = {&ops};
	struct rig *r = *state;
	pthread_t thread;
	bool ended = false;
	void *rc = NULL;

	fresh(r, "echo no way");
	r->spec.trusted = false;
	OK(exec_sandbox_containers(r->x, &slow, how, &err));
	assert_int_equal(pthread_create(&thread, NULL, start_slowly, r), 0);
	for (int i = 0; i < 1500 && !strstr(strbuf_cstr(&r->log), "is fetched"); i++) {
		struct err why = {0};
		enum rc got = exec_log(r->x, r->spec.job, r->log.n, 10000, &r->log, &ended, &why);
		CHECK(got == RC_OK || got == RC_NOT_FOUND, why.msg);
		CHECK(!ended, "it goes on");
		clock_sleep(10 * USEC_MS);
	}
	CHECK_LOG(r, "is fetched");
	usec_t begin = clock_mono();
	OK(exec_cancel(r->x, r->spec.job, &err));
	pthread_join(thread, &rc);
	assert_int_equal((intptr_t)rc, RC_CONFLICT);
	CHECK(clock_mono() - begin < 15 * USEC_SEC, "at once");
	CHECK(!job_look(r).known, "it never was a job");
	OK(exec_sandbox_containers(r->x, images, how, &err));
}

static void unknown_image(void **state)
{
	struct rig *r = *state;
	struct err why = {0};

	fresh(r, "true");
	r->spec.def.container = lit("oci:/nowhere/at/all");
	CHECK(exec_start(r->x, &r->spec, &r->in, &why) == RC_NOT_FOUND, why.msg);
	CHECK(!job_look(r).known, "not started");
	r->spec.def.container = lit("UPPER/case:tag");
	CHECK(exec_start(r->x, &r->spec, &r->in, &why) == RC_INVALID, why.msg);
	r->spec.def.container = lit("oci:../../etc");
	CHECK(exec_start(r->x, &r->spec, &r->in, &why) == RC_INVALID, why.msg);
}

static enum rc copy_layout(void *ctx, const struct change *c, const texts *paths, const char *into,
			   struct err *err)
{
	AUTO(freep)
	char *command = xasprintf("mkdir -p %s/ci && cp -a %s %s/ci/image", into, image.dir, into);

	if (paths->n == 1 && streq(paths->v[0], "ci/image"))
		return system(command) == 0 ? RC_OK : err_set(err, RC_INTERNAL, "cp");
	return kit_sources(ctx, c, paths, into, err);
}

static void of_repository(void **state)
{
	struct rig *r = *state;

	fresh(r, "cat /etc/image-release; ls /repo");
	r->in.sources = copy_layout;
	r->spec.def.container = lit("oci:ci/image");
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "a layout of the repository");
	CHECK_LOG(r, "the image\n");
}

static void memory(void **state)
{
	struct rig *r = *state;

	fresh(r, "dd if=/dev/zero of=/dev/null bs=256M count=1; echo survived");
	r->spec.def.memory = 64 << 20;
	job_run(r);
	CHECK_END(r, FAILURE_OOM, -1, "memory");
	CHECK_NO_LOG(r, "survived");
}

static void services(void **state)
{
	struct rig *r = *state;

	fresh(r, "echo ping | nc -w 1 db 5000; echo $DB_HOST:$DB_PORT; grep -c : /proc/net/dev");
	service(r, "test -e /var/data/up");
	struct pair p = {lit("TOKEN"), lit("file:TOKEN")};
	vec_push(&r->spec.def.secrets, p);
	job_start(r);
	job_wait(r);
	AUTO(freep) char *log = xasprintf("%s/jobs/run-1+ci+orders+test/services/db/log", r->dir);
	AUTO(strbuf_done) struct strbuf said = STRBUF(10000);
	OK(file_read(log, 9999, &said, &err));
	job_end(r);
	CHECK_END(r, FAILURE_NONE, 0, "services");
	CHECK_STR(strbuf_cstr(&r->log), "ping\n127.0.0.1:5000\n1\n", "reached, and nothing else");
	CHECK_STR(strbuf_cstr(&said),
		  streq(how, "bwrap") ? "service begins as 0\nthe token is ***\n"
				      : "service begins as 1234\nthe token is ***\n",
		  "its log, masked, as the image's user");
	/* A job in the machine's own file system has services as well. */
	fresh(r, "grep -c db /etc/hosts; echo $DB_HOST");
	r->spec.def.container = NULL;
	service(r, NULL);
	vec_push(&r->spec.def.finally, lit("echo at last"));
	job_run(r);
	CHECK_END(r, FAILURE_NONE, 0, "services of a process");
	CHECK_STR(strbuf_cstr(&r->log), "1\n127.0.0.1\nat last\n", "log");
}

static void services_fail(void **state)
{
	static const struct {
		const char *why, *args, *ready, *log, *error;
	} cases[] = {
		{"it ends", "echo its last words; exit 3", NULL, "db | its last words", "exit 3"},
		{"never ready", "echo it began; sleep 500", "echo no way; false", "no way",
		 "not ready within"},
		{"no such program", NULL, NULL, "", "db"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (usec_t most = USEC_SEC; most < PATIENCE; most *= 4) {
			fresh(r, "echo the job runs");
			struct service_def *d = service(r, cases[i].ready);
			d->start = most;
			vec_push(&d->args, lit(cases[i].args ? "/bin/sh" : "/no/such/program"));
			vec_push(&d->args, lit("-c"));
			vec_push(&d->args, lit(cases[i].args ? cases[i].args : ""));
			job_run(r);
			CHECK_END(r, FAILURE_INFRA, -1, cases[i].why);
			if (strstr(r->end.error, cases[i].error) &&
			    strstr(strbuf_cstr(&r->log), cases[i].log))
				break; /* or it had no time for that */
		}
		CHECK(strstr(r->end.error, cases[i].error) && strstr(r->end.error, "db"),
		      r->end.error);
		CHECK_LOG(r, cases[i].log);
		CHECK_NO_LOG(r, "the job runs");
	}
}

/* One that goes away while the job runs is told of. */
static void service_leaves(void **state)
{
	struct rig *r = *state;

	for (int seconds = 1; seconds < 60; seconds *= 4) {
		AUTO(freep) char *job = xasprintf("sleep %d.5; echo done", seconds);

		fresh(r, job);
		struct service_def *d = service(r, NULL);
		d->port = 0;
		vec_push(&d->args, lit("/bin/sh"));
		vec_push(&d->args, lit("-c"));
		vec_push(&d->args, lit("echo its last words; sleep 0.5; exit 4"));
		job_run(r);
		CHECK_END(r, FAILURE_NONE, 0, "the job goes on");
		if (strstr(strbuf_cstr(&r->log), "it ended with"))
			break; /* or the job was over before it */
	}
	CHECK_LOG(r, "its last words");
	CHECK_LOG(r, "service db: it ended with exit 4");
}

static void cancel_phases(void **state)
{
	struct rig *r = *state;

	fresh(r, "echo begun; sleep 30"); /* while services start */
	struct service_def *d = service(r, "false");
	d->start = 30 * USEC_SEC;
	job_start(r);
	clock_sleep(200 * USEC_MS);
	OK(exec_cancel(r->x, r->spec.job, &err));
	job_wait(r);
	job_end(r);
	CHECK_END(r, FAILURE_CANCELLED, -1, "while services start");
	CHECK_NO_LOG(r, "begun");
	fresh(r, "echo begun; sleep 312"); /* while it runs */
	service(r, NULL);
	vec_push(&r->spec.def.finally, lit("echo at last; sleep 0.5; echo after"));
	job_start(r);
	wait_for_log(r, "begun");
	usec_t begin = clock_mono();
	OK(exec_cancel(r->x, r->spec.job, &err));
	job_wait(r);
	CHECK(clock_mono() - begin < PATIENCE, "at once");
	job_end(r);
	CHECK_END(r, FAILURE_CANCELLED, -1, "while it runs");
	CHECK_LOG(r, "at last\nafter\n");
	fresh(r, "exit 5"); /* while finally runs: too late, and no harm */
	vec_push(&r->spec.def.finally, lit("echo at last; sleep 0.5; echo after"));
	job_start(r);
	wait_for_log(r, "at last");
	OK(exec_cancel(r->x, r->spec.job, &err));
	job_wait(r);
	job_end(r);
	CHECK_END(r, FAILURE_EXIT, 5, "while finally runs");
	CHECK_LOG(r, "after\n");
}

/* kill -9 of the shim: job and services are gone at once, no daemon needed. */
static void shim_killed(void **state)
{
	struct rig *r = *state;

	AUTO(freep) char *job = xasprintf("sleep 31%05d.5", (int)getpid() % 100000);
	AUTO(freep) char *other = xasprintf("sleep 32%05d.5", (int)getpid() % 100000);
	AUTO(freep) char *run = xasprintf("echo begun; %s", job);
	AUTO(freep) char *serves = xasprintf("nc -ll -p 5000 -e cat & %s", other);

	job[5] = other[5] = '.'; /* the NUL between words */
	fresh(r, run);
	struct service_def *d = service(r, NULL);
	vec_push(&d->args, lit("/bin/sh"));
	vec_push(&d->args, lit("-c"));
	vec_push(&d->args, serves);
	job_start(r);
	wait_for_log(r, "begun");
	WAIT_UNTIL(processes(job) && processes(other));
	CHECK(processes(job) && processes(other), "they run");
	kill(shim_pid(r), SIGKILL);
	WAIT_UNTIL(!processes(job) && !processes(other));
	CHECK(!processes(job), "the job is gone");
	CHECK(!processes(other), "the service is gone");
	job_wait(r);
	job_end(r);
	CHECK_END(r, FAILURE_INFRA, -1, "lost");
}

static void cache(struct rig *r, const char *path)
{
	struct cache_def c = {.name = lit("deps")};

	vec_push(&c.key, lit("source.txt"));
	vec_push(&c.paths, lit(path));
	vec_push(&r->spec.def.caches, c);
}

static const char *source = "one";

static enum rc keyed_sources(void *ctx, const struct change *c, const texts *paths,
			     const char *into, struct err *err)
{
	AUTO(freep) char *file = xasprintf("%s/services/orders/source.txt", into);
	enum rc rc = kit_sources(ctx, c, paths, into, err);

	return rc == RC_OK ? file_write_fast(file, str_of(source), 0644, err) : rc;
}

static void caches(void **state)
{
	static const struct {
		const char *why, *source, *path, *run, *log;
		bool untrusted;
	} cases[] = {
		{"empty", "one", "deps",
		 "ls deps 2>/dev/null || echo none; mkdir -p deps; echo 1 > deps/a", "none\n",
		 false},
		{"hit", "one", "deps", "cat deps/a; echo 2 > deps/a", "1\n", false},
		{"what a hit changed is not kept", "one", "deps", "cat deps/a", "1\n", false},
		{"another key begins with the newest", "two", "deps", "cat deps/a; echo 3 > deps/a",
		 "1\n", false},
		{"and is kept by itself", "two", "deps", "cat deps/a", "3\n", false},
		{"the older one stays", "one", "deps", "cat deps/a", "1\n", false},
		{"an untrusted job reads", "three", "deps",
		 "cat deps/a > /dev/null && echo read; echo bad > deps/a", "read\n", true},
		{"and writes none", "three", "deps", "grep bad deps/a || echo good", "good\n",
		 false},
		{"a failed job keeps none", "four", "deps", "echo bad > deps/a; false", "", false},
		{"of the container", "one", "/root/.deps",
		 "cat /root/.deps/a 2>/dev/null || mkdir /root/.deps; echo 9 > /root/.deps/a", "",
		 false},
		{"of the container, again", "one", "/root/.deps", "cat /root/.deps/a", "9\n",
		 false},
		{"a link leads nowhere", "five", "deps",
		 "cd /; rm -rf /repo/services/orders/deps; ln -s /etc /repo/services/orders/deps",
		 "", false},
		{"a path that leaves is none", "one", "../../../x", "echo fine", "fine\n", false},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fresh(r, cases[i].run);
		r->in.sources = keyed_sources;
		source = cases[i].source;
		cache(r, cases[i].path);
		r->spec.trusted = !cases[i].untrusted;
		job_run(r);
		if (!strstr(cases[i].run, "false"))
			CHECK_END(r, FAILURE_NONE, 0, cases[i].why);
		if (*cases[i].log)
			CHECK_STR(strbuf_cstr(&r->log), cases[i].log, cases[i].why);
	}
}

static void step(struct rig *r, const char *name, const char *run)
{
	struct step_def d = {.name = lit(name), .run = lit(run)};

	vec_push(&r->spec.def.steps, d);
}

static void kept(void **state)
{
	struct rig *r = *state;
	AUTO(freep) char *dir = xasprintf("%s/kept/run-1+ci+orders+test", r->dir);
	AUTO(freep) char *note = xasprintf("%s/shell.json", dir);
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);

	for (uint32_t attempt = 1; attempt <= 2; attempt++) {
		fresh(r, NULL);
		r->spec.attempt = attempt;
		r->spec.keep = true;
		r->spec.resume = attempt == 2;
		struct pair p = {lit("TOKEN"), lit("file:TOKEN")};
		vec_push(&r->spec.def.secrets, p);
		step(r, "first", "echo first; echo work > made; echo box > /var/made");
		step(r, "second",
		     attempt == 1 ? "cat made; exit 6" : "cat made /var/made; echo again");
		job_run(r);
		if (attempt == 2)
			break;
		CHECK_END(r, FAILURE_EXIT, 6, "the second step fails");
		CHECK(file_exists(dir), "kept");
		OK(file_read(note, 1 << 20, &text, &err));
		CHECK(!strstr(strbuf_cstr(&text), "hunter2"), "no secret");
		CHECK(strstr(strbuf_cstr(&text), "file:TOKEN"), "its reference");
	}
	CHECK_END(r, FAILURE_NONE, 0, "goes on");
	CHECK_LOG(r, "work\nbox\nagain\n");
	CHECK_NO_LOG(r, "\nfirst\n");
	CHECK(!file_exists(dir), "no longer kept");
	/* Nobody's for longer than its time. */
	fresh(r, "exit 7");
	r->spec.attempt = 3;
	r->spec.keep = true;
	job_run(r);
	CHECK(file_exists(dir), "kept");
	exec_sandbox_keep(r->x, USEC_HOUR, 1);
	CHECK(!file_exists(dir), "too many bytes");
	exec_sandbox_keep(r->x, USEC_HOUR, 0);
	r->spec.attempt = 4;
	job_run(r);
	AUTO(freep) char *age = xasprintf("touch -d '2 hours ago' %s", dir);
	assert_int_equal(system(age), 0);
	exec_sandbox_sweep(r->x);
	CHECK(!file_exists(dir), "too old");
	r->spec.keep = false;
	r->spec.attempt = 5;
	job_run(r);
	CHECK(!file_exists(dir), "not asked to keep");
	r->spec.attempt = 6; /* there is nothing to go on with: from the start */
	r->spec.resume = true;
	job_run(r);
	CHECK_END(r, FAILURE_EXIT, 7, "from the start");
}

static void bad_outputs(void **state)
{
	static const struct {
		const char *why, *run;
		bool good;
	} cases[] = {
		{"a link out of it", "mkdir out; ln -s /etc/passwd out/x", false},
		{"a link above it", "mkdir out; ln -s ../../../../x out/x", false},
		{"the folder is a link", "ln -s /etc out", false},
		{"a pipe", "mkdir out; mkfifo out/p", false},
		{"a device, or a pipe", "mkdir out; mknod out/d c 1 3 2>/dev/null || mkfifo out/d",
		 false},
		{"many files", "mkdir out; for i in $(seq 3000); do echo $i > out/$i; done", true},
		{"a link inside", "mkdir out; echo a > out/a; ln -s a out/b", true},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fresh(r, cases[i].run);
		vec_push(&r->spec.def.outputs, lit("out/**"));
		job_run(r);
		CHECK_END(r, cases[i].good ? FAILURE_NONE : FAILURE_OUTPUT, 0, cases[i].why);
		CHECK(!r->end.outputs == !cases[i].good, cases[i].why);
	}
}

static void first_byte(void **state)
{
	struct rig *r = *state;
	usec_t best = USEC_MIN;

	for (int i = 0; i < 5 || (i < 50 && best >= 500 * USEC_MS); i++) {
		fresh(r, "echo hello");
		usec_t begin = clock_mono();
		job_start(r);
		strbuf_clear(&r->log);
		wait_for_log(r, "hello");
		if (i)
			best = MIN_OF(best, clock_mono() - begin);
		job_wait(r);
		job_end(r);
	}
	print_message("first byte of a container's log: %u ms\n", (unsigned)(best / USEC_MS));
	CHECK(best < 500 * USEC_MS, "in time, on a machine that has other work too");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_rig, close_rig)
		T(root),        T(unknown_image),     T(of_repository),  T(memory),
		T(services),    T(services_fail),     T(service_leaves), T(cancel_phases),
		T(shim_killed), T(bad_outputs),       T(caches),         T(kept),
		T(first_byte),  T(pull_is_cancelled),
#undef T
	};
	static const char *const rounds[] = {"bwrap", "runc", "crun", "podman", "docker"};
	const char *only = getenv("TEST_RUNTIME"); /* by hand: one of them */
	int failed = 0;

	if (!layout_possible() || access("/usr/bin/bwrap", X_OK) != 0 || geteuid() != 0) {
		printf("skipped: containers (they need root, bubblewrap and busybox-static)\n");
		return 0;
	}
	layout_make(&image);
	snprintf(image_ref, sizeof(image_ref), "oci:%s", image.dir);
	for (size_t i = 0; i < ARRAY_LEN(rounds); i++) {
		AUTO(freep) char *bin = xasprintf("/usr/bin/%s", rounds[i]);
		AUTO(freep) char *sbin = xasprintf("/usr/sbin/%s", rounds[i]);
		how = rounds[i];
		if (only && !streq(how, only))
			continue;
		/* crun and podman end a service now and then on a loaded machine, docker takes a minute */
		if (i >= 2 && !only && !getenv("TEST_ALL_RUNTIMES")) {
			printf("skipped: %s (set TEST_ALL_RUNTIMES to try it)\n", how);
			continue;
		}
		if (!streq(how, "docker") && access(bin, X_OK) != 0 && access(sbin, X_OK) != 0) {
			printf("skipped: %s (it is not installed)\n", how);
			continue;
		}
		struct err why = {0};
		if (streq(how, "docker") && docker_bed_open(&why) != RC_OK) {
			printf("skipped: docker (%s)\n", why.msg);
			continue;
		}
		server = (struct layout){.user = streq(how, "bwrap") ? NULL : "runner",
					 .cmd = serve};
		layout_make(&server);
		snprintf(server_ref, sizeof(server_ref), "oci:%s", server.dir);
		failed += _cmocka_run_group_tests(how, tests, ARRAY_LEN(tests), NULL, NULL);
		layout_drop(&server);
	}
	layout_drop(&image);
	docker_bed_close();
	return failed;
}
