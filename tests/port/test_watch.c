/* One suite for every adapter of ports/watch.h; then inotify's own troubles, and the hook. */
#include "clients/git.h"
#include "flow/1-source/adapters.h"
#include "io/clock.h"
#include "port/checks.h"
#include "port/git_input.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#define MAIN "refs/heads/main"
#define DEV  "refs/heads/dev"
#define X1   "1111111111111111111111111111111111111111"
#define X2   "2222222222222222222222222222222222222222"

static struct {
	bool fake;
	unsigned repos;
	char name[32];
	struct watch *w;
	struct strbuf got;
	const char *a, *b; /* two commits */
} bed = {.got = STRBUF(100000)};

static const char *letter(const char *commit)
{
	return !commit ? "-" : streq(commit, bed.a) ? "a" : streq(commit, bed.b) ? "b" : "?";
}

static void note(void *ctx, const struct watch_move *m)
{
	(void)ctx;
	strbuf_addf(&bed.got, "%s%s %s>%s ", strcmp(m->repo, bed.name) ? m->repo : "",
		    m->ref + strlen("refs/heads"), letter(m->old_commit), letter(m->new_commit));
}

static bool readable(int ms)
{
	struct pollfd p = {.fd = watch_fd(bed.w), .events = POLLIN};

	return poll(&p, 1, ms) > 0;
}

/* Poll while there is something to read, until nothing came for `quiet` ms. */
static const char *moves(int quiet)
{
	strbuf_clear(&bed.got);
	while (readable(quiet))
		OK(watch_poll(bed.w, note, NULL, &err));
	return strbuf_cstr(&bed.got);
}

/* These moves and no more; patient with the machine. */
static void moved(const char *want)
{
	strbuf_clear(&bed.got);
	while (strcmp(strbuf_cstr(&bed.got), want) != 0 && readable((int)(PATIENCE / USEC_MS)))
		OK(watch_poll(bed.w, note, NULL, &err));
	while (readable(30))
		OK(watch_poll(bed.w, note, NULL, &err));
	assert_string_equal(strbuf_cstr(&bed.got), want);
}

static void bed_new(void)
{
	static char ids[2][GIT_HEX + 1];

	moves(0);
	snprintf(bed.name, sizeof(bed.name), "w%u", ++bed.repos);
	bed.a = X1;
	bed.b = X2;
	if (bed.fake)
		return;
	make_repo(bed.name);
	memcpy(ids[0], push_file(bed.name, "f", "1"), GIT_HEX);
	memcpy(ids[1], push_file(bed.name, "f", "2"), GIT_HEX);
	sh("git -C %s.git update-ref -d " MAIN, bed.name);
	bed.a = ids[0];
	bed.b = ids[1];
}

static void bed_add(void)
{
	AUTO(freep) char *path = xasprintf("%s/%s.git", input_dir, bed.name);

	OK(watch_add(bed.w, bed.name, path, &err));
}

static void bed_push(const char *ref, const char *commit)
{
	if (bed.fake)
		watch_fake_push(bed.w, bed.name, ref, commit);
	else if (commit)
		sh("git -C %s.git update-ref %s %s", bed.name, ref, commit);
	else
		sh("git -C %s.git update-ref -d %s", bed.name, ref);
}

/* ---- the suite ---- */
static void pushes(void **state)
{
	(void)state;
	bed_new();
	bed_add();
	assert_string_equal(moves(30), "");
	bed_push(MAIN, bed.a);
	moved("/main ->a ");
	assert_string_equal(moves(30), "");
	bed_push(MAIN, bed.b);
	bed_push(DEV, bed.a);
	moved("/dev ->a /main a>b ");
	bed_push(MAIN, bed.a); /* back, by force */
	moved("/main b>a ");
	bed_push(DEV, NULL);
	moved("/dev a>- ");
	bed_push(DEV, bed.b);
	moved("/dev ->b ");
	watch_poke(bed.w, bed.name);
	watch_poke(bed.w, NULL);
	assert_true(readable(5000));
	assert_string_equal(moves(30), "");
}

static void knowing(void **state)
{
	(void)state;
	bed_new();
	watch_know(bed.w, bed.name, MAIN, bed.a); /* not added yet: nothing */
	bed_add();
	watch_know(bed.w, bed.name, MAIN, bed.a);
	watch_know(bed.w, bed.name, DEV, bed.a);
	watch_know(bed.w, bed.name, "refs/heads/x", bed.a);
	watch_know(bed.w, bed.name, "refs/heads/x", NULL);
	watch_know(bed.w, bed.name, "refs/heads/y", NULL);
	bed_push(MAIN, bed.a);
	bed_push(DEV, bed.b);
	moved("/dev a>b ");
	watch_know(bed.w, bed.name, MAIN, bed.b); /* somebody dealt with it */
	bed_push(MAIN, bed.b);
	assert_string_equal(moves(30), "");
}

static void two_repositories(void **state)
{
	char first[sizeof(bed.name)], a[GIT_HEX + 1];

	(void)state;
	bed_new();
	memcpy(first, bed.name, sizeof(first));
	bed_add();
	memcpy(a, bed.a, sizeof(a));
	moves(10);
	bed_push(MAIN, bed.a);
	bed_new();
	bed_add();
	moves(10);
	bed_push(MAIN, bed.a);
	moved("/main ->a ");
	if (bed.fake)
		watch_fake_push(bed.w, first, DEV, bed.a);
	else
		sh("git -C %s.git update-ref " DEV " %s", first, a);
	assert_true(str_starts(str_of(moves(30)), first));
}

/* ---- only the fake ---- */
static void lost(void **state)
{
	(void)state;
	bed_new();
	bed_add();
	moves(0);
	watch_fake_lose(bed.w, 1);
	bed_push(MAIN, bed.a);
	assert_string_equal(moves(5), "");
	watch_poke(bed.w, NULL);
	moved("/main ->a ");
}

/* ---- only inotify ---- */
static void in_time(void **state)
{
	int quick = 0;

	(void)state;
	bed_new();
	bed_add();
	moves(30);
	for (int i = 0; i < 400 && quick < 20; i++) {
		AUTO(repo_freep) struct repo *r = NULL;
		AUTO(freep) char *path = xasprintf("%s/%s.git", input_dir, bed.name);
		OK(repo_open(path, &r, &err));
		usec_t start = clock_mono();
		OK(repo_move(r, MAIN,
			     i == 0  ? NULL
			     : i % 2 ? bed.a
				     : bed.b,
			     i % 2 ? bed.b : bed.a, &err));
		strbuf_clear(&bed.got);
		while (!bed.got.n && readable(30000))
			OK(watch_poll(bed.w, note, NULL, &err));
		assert_true(bed.got.n > 0);
		quick += clock_mono() - start < 50 * USEC_MS;
	}
	assert_int_equal(quick, 20);
}

static void real_pushes(void **state)
{
	(void)state;
	bed_new();
	bed_add();
	moves(30);
	sh("cd %s && git push -q origin %s:" MAIN " %s:refs/heads/very/deep/name", bed.name, bed.a,
	   bed.b);
	moved("/main ->a /very/deep/name ->b ");
	sh("cd %s.git && git pack-refs --all --prune && git gc -q", bed.name);
	assert_string_equal(moves(50), "");
	sh("cd %s && git push -q origin :refs/heads/very/deep/name %s:" MAIN, bed.name, bed.b);
	moved("/main a>b /very/deep/name b>- ");
	sh("cd %s && git push -q origin %s:refs/heads/very %s:refs/tags/v1", bed.name, bed.a,
	   bed.a);
	assert_string_equal(
		moves(50),
		"/very ->a v1 ->a "); /* the tag is told too (its name is shown from the tenth byte on) */
	for (int i = 0; i < 20; i++)
		sh("cd %s.git && mkdir -p refs/heads/d%d/e && echo %s > refs/heads/d%d/e/f",
		   bed.name, i, bed.a, i);
	moves(50);
	sh("cd %s.git && for i in $(seq 0 19); do echo %s > refs/heads/d$i/e/f.lock && mv refs/heads/d$i/e/f.lock refs/heads/d$i/e/f; done",
	   bed.name, bed.b);
	moves(50);
	assert_int_equal(bed.got.n, strlen("/d0/e/f a>b ") * 10 + strlen("/d10/e/f a>b ") * 10);
}

static void overflow(void **state)
{
	(void)state;
	bed_new();
	bed_add();
	moves(30);
	for (int i = 0; i < 40000;
	     i++) { /* more events than the kernel keeps; in turn, or it makes one of them */
		AUTO(freep) char *path = xasprintf("%s.git/refs/heads/x%d.lock", bed.name, i % 2);
		AUTO(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
	}
	bed_push(MAIN, bed.a);
	moved("/main ->a ");
	bed_push(MAIN, bed.b);
	moved("/main a>b ");
}

/* Not there yet, there, gone, there again. */
static void comes_and_goes(void **state)
{
	struct err err = {0};

	(void)state;
	bed_new();
	bed_push(MAIN, bed.a);
	sh("mv %s.git elsewhere", bed.name);
	bed_add();
	assert_true(readable(5000));
	assert_int_equal(watch_poll(bed.w, note, NULL, &err), RC_NOT_FOUND);
	assert_non_null(strstr(err.msg, bed.name));
	moves(50); /* told once only: OK in there */
	sh("mv elsewhere %s.git", bed.name);
	assert_true(readable(30000));
	moved("/main ->a ");
	bed_push(MAIN, bed.b);
	moved("/main a>b ");
	sh("mv %s.git elsewhere", bed.name);
	assert_true(readable(5000));
	while (readable(50) && watch_poll(bed.w, note, NULL, &err) == RC_OK)
		;
	sh("mv elsewhere %s.git", bed.name);
	bed_push(MAIN, bed.a);
	assert_true(readable(30000));
	moved("/main b>a ");
}

/* ---- the hook ---- */
static void installs_hook(void **state)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(10000);
	struct stat st;

	(void)state;
	make_repo("hooked");
	sh("printf '#!/bin/sh\\necho \"$@ $PENSTOCK_SOCKET\" >> %s/called; cat >> %s/called; exit $(cat %s/status)\\n' > 'pen stock' && chmod 755 "
	   "'pen stock' && echo 0 > status",
	   input_dir, input_dir, input_dir);
	AUTO(freep) char *program = xasprintf("%s/pen stock", input_dir);
	AUTO(freep) char *repo = xasprintf("%s/hooked.git", input_dir);
	OK(scm_install_hook(repo, "/run/pen'stock.sock", program, &err));
	assert_int_equal(stat("hooked.git/hooks/post-receive", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	ino_t first = st.st_ino;
	OK(scm_install_hook(repo, "/run/pen'stock.sock", program, &err));
	assert_int_equal(stat("hooked.git/hooks/post-receive", &st), 0);
	assert_int_equal(st.st_ino, first);
	const char *a = push_file("hooked", "f", "1");
	OK(file_read("called", 10000, &text, &err));
	AUTO(freep)
	char *want =
		xasprintf("hook %s /run/pen'stock.sock\n%040d %s refs/heads/main\n", repo, 0, a);
	assert_string_equal(strbuf_cstr(&text), want);
	sh("echo 1 > status");
	push_file("hooked", "f", "2"); /* does not fail */
	sh("rm 'pen stock' && cd hooked && echo 3 > f && git commit -qam 3 && git push origin HEAD > ../said 2>&1");
	assert_string_equal(sh("grep -c 'penstock: ' said"), "1");
	assert_string_equal(sh("git -C hooked.git rev-parse main"),
			    sh("git -C hooked rev-parse HEAD"));
	/* a new place is written over the old one */
	OK(scm_install_hook(repo, "/new.sock", program, &err));
	assert_string_equal(sh("grep -c /new.sock hooked.git/hooks/post-receive"), "1");
}

static void keeps_hooks(void **state)
{
	(void)state;
	make_repo("mine");
	AUTO(freep) char *repo = xasprintf("%s/mine.git", input_dir);
	sh("printf '#!/bin/sh\\ncat > %s/mine-saw\\nexit 3\\n' > mine.git/hooks/post-receive && chmod 755 mine.git/hooks/post-receive",
	   input_dir);
	OK(scm_install_hook(repo, "/s", "/no/penstock", &err));
	OK(scm_install_hook(repo, "/s", "/no/penstock", &err));
	const char *a = push_file("mine", "f", "1");
	assert_string_equal(sh("cut -d' ' -f2,3 mine-saw"), sh("echo %s refs/heads/main", a));
	/* they write one again */
	sh("printf 'x' > mine.git/hooks/post-receive");
	FAILS(RC_CONFLICT, scm_install_hook(repo, "/s", "/no/penstock", &err));
	assert_string_equal(sh("cat mine.git/hooks/post-receive"), "x");
	sh("rm mine.git/hooks/post-receive && ln -s /etc/hosts mine.git/hooks/post-receive");
	FAILS(RC_CONFLICT, scm_install_hook(repo, "/s", "/no/penstock", &err));
	sh("rm mine.git/hooks/post-receive && git -C mine.git config core.hooksPath /etc/hooks");
	FAILS(RC_UNSUPPORTED, scm_install_hook(repo, "/s", "/no/penstock", &err));
	FAILS(RC_NOT_FOUND, scm_install_hook("/no/such.git", "/s", "/no/penstock", &err));
}

static int begin_local(void **state)
{
	input_begin(state);
	bed.fake = false;
	OK(watch_local_new(&bed.w, &err));
	return 0;
}

static int begin_fake(void **state)
{
	input_begin(state);
	bed.fake = true;
	OK(watch_fake_new(&bed.w, &err));
	return 0;
}

static int end(void **state)
{
	watch_free(bed.w);
	strbuf_done(&bed.got);
	return input_end(state);
}

#define SUITE \
	cmocka_unit_test(pushes), cmocka_unit_test(knowing), cmocka_unit_test(two_repositories)

int main(void)
{
	const struct CMUnitTest local[] = {
		SUITE,
		cmocka_unit_test(in_time),
		cmocka_unit_test(real_pushes),
		cmocka_unit_test(overflow),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(installs_hook),
		cmocka_unit_test(keeps_hooks),
	};
	const struct CMUnitTest fake[] = {SUITE, cmocka_unit_test(lost)};

	return cmocka_run_group_tests_name("local", local, begin_local, end) +
	       cmocka_run_group_tests_name("fake", fake, begin_fake, end);
}
