/* What only the SQLite store can suffer: kill -9, full disks, flipped bytes, two daemons. */
#include "port/store_kit.h"

#include "clients/sql.h"
#include "store/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BATCH 7 /* records a batch in the kill test, with one snapshot and one effect */

static char *path_in(const char *folder)
{
	return xasprintf("%s/journal.db", folder);
}

/* A batch whose parts must come together or not at all. */
static enum rc commit_whole(struct store *s, struct chain_end *end, struct err *err)
{
	struct chain_end next = *end;
	struct record *r = kit_records(&next, BATCH, 300);
	uint64_t batch = next.seq / BATCH;
	AUTO(freep) char *json = xasprintf("%llu", (unsigned long long)batch);
	AUTO(freep) char *id = xasprintf("%llu.0", (unsigned long long)next.seq);
	AUTO(freep) char *old = xasprintf("%llu.0", (unsigned long long)end->seq);
	struct store_snapshot snap = {STR("run"), STR("run-1"), str_of(json), false};
	struct store_effect effect = {str_of(id), STR("timer"), str_of(json), next.seq, 0};
	struct str done = str_of(old);
	struct store_batch b = {.records = r,
				.n_records = BATCH,
				.snapshots = &snap,
				.n_snapshots = 1,
				.effects = &effect,
				.n_effects = 1,
				.done = &done,
				.n_done = 1};
	enum rc rc = store_commit(s, &b, err);

	if (rc == RC_OK)
		*end = next;
	kit_free(r, BATCH);
	return rc;
}

/* What the store holds is exactly the first n batches. */
static uint64_t check_whole(struct store *s, struct chain_end *ret)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF(256), box = STRBUF(256), want = STRBUF(256);
	struct store_report report = {0};

	OK(store_verify(s, NULL, NULL, &report, &err));
	assert_int_equal(report.records % BATCH, 0);
	*ret = (struct chain_end){report.hash, report.records};
	uint64_t batch = report.records / BATCH;
	if (!batch)
		return 0;
	OK(store_get(s, STR("run"), STR("run-1"), &got, &err));
	OK(store_outbox(s, kit_note_pending, &box, &err));
	strbuf_addf(&want, "%llu", (unsigned long long)batch);
	assert_string_equal(strbuf_cstr(&got), strbuf_cstr(&want));
	strbuf_clear(&want);
	strbuf_addf(&want, "%llu.0:timer:%llu:0:0 ", (unsigned long long)report.records,
		    (unsigned long long)batch);
	assert_string_equal(strbuf_cstr(&box), strbuf_cstr(&want));
	return batch;
}

/* Commits until it dies; after each commit that returned, one byte into the pipe. */
static NORETURN void commit_for_ever(const char *path, int pipe)
{
	struct store *s = NULL;
	struct chain_end end = {0};
	struct record last;
	bool any = false;

	if (store_sqlite_open(path, &s, NULL) != RC_OK || store_last(s, &last, &any, NULL) != RC_OK)
		_exit(1);
	if (any)
		end = (struct chain_end){last.hash, last.seq};
	while (commit_whole(s, &end, NULL) == RC_OK)
		if (write(pipe, "x", 1) != 1)
			_exit(2);
	_exit(3);
}

static uint64_t drain(int fd)
{
	char buf[4096];
	uint64_t n = 0;
	ssize_t k;

	while ((k = read(fd, buf, sizeof(buf))) > 0)
		n += (uint64_t)k;
	return n;
}

static void killed_in_the_middle(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = path_in(folder);
	uint64_t promised = 0, found = 0;

	(void)state;
	unsigned round = 0;
	for (; round < 40 || (found <= 40 && round < 1000); round++) {
		int fds[2];
		struct store *s = NULL;
		struct chain_end end;
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid_t pid = fork();
		if (!pid)
			commit_for_ever(path, fds[1]);
		close(fds[1]);
		usleep((3000 + round * 1777 % 40000) *
		       (1 + round / 40)); /* any moment: while opening, too */
		kill(pid, SIGKILL);
		promised += drain(fds[0]);
		close(fds[0]);
		int status = 0;
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		OK(store_sqlite_open(path, &s, &err));
		found = check_whole(s, &end);
		/* all that was promised is there; at most the one in flight comes on top */
		assert_true(found >= promised && found <= promised + 1);
		promised = found;
		store_free(s);
	}
	print_message("%llu batches survived %u kills\n", (unsigned long long)found, round);
	assert_true(found > 40);
	kit_remove(folder);
}

static void a_second_daemon_is_refused(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = path_in(folder);
	AUTO(freep) char *pid = xasprintf("(pid %ld)", (long)getpid());
	struct store *s = NULL, *other = NULL, *looking = NULL;
	struct chain_end end = {0};
	struct stat st;

	(void)state;
	OK(store_sqlite_open(path, &s, &err));
	OK(kit_commit(s, &end, 3, &err));
	FAILS(RC_CONFLICT, pid, store_sqlite_open(path, &other, &err));
	OK(store_sqlite_open_readonly(path, &looking, &err));
	OK(kit_commit(s, &end, 2, &err)); /* while another looks */
	struct record last = {0};
	bool any = false;
	OK(store_last(looking, &last, &any, &err));
	assert_true(any && last.seq == 5);
	FAILS(RC_DENIED, "reading", kit_commit(looking, &end, 1, &err));
	FAILS(RC_DENIED, "reading", store_defer(looking, STR("1.0"), 1, 1, &err));
	store_free(looking);
	store_free(s);
	OK(store_sqlite_open(path, &s, &err));
	store_free(s);
	assert_true(stat(path, &st) == 0 && (st.st_mode & 077) == 0);
	OK(store_sqlite_open_readonly(path, &looking, &err)); /* nobody else has it open */
	OK(store_last(looking, &last, &any, &err));
	assert_true(any && last.seq == 5);
	store_free(looking);
	AUTO(freep) char *none = xasprintf("%s/none.db", folder);
	FAILS(RC_NOT_FOUND, "none.db", store_sqlite_open_readonly(none, &looking, &err));
	kit_remove(folder);
}

/* Killed between fork and exec of a child: that has the lock for a moment more. */
static void a_dead_daemons_lock(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = path_in(folder);
	struct store *s = NULL;
	int status;

	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = {0};
		if (store_sqlite_open(path, &s, &err) == RC_OK && fork() == 0)
			usleep(300000);
		_exit(err.rc == RC_OK ? 0 : 1);
	}
	assert_true(waitpid(pid, &status, 0) == pid && status == 0);
	OK(store_sqlite_open(path, &s, &err));
	store_free(s);
	kit_remove(folder);
}

/* Commits into a file that may not grow; then it may again. */
static void no_room(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = path_in(folder);
	struct store *s = NULL;
	struct chain_end end = {0}, seen;
	struct rlimit old, tight;
	struct err said = {0};
	enum rc rc = RC_OK;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = (struct rlimit){300000, old.rlim_max};
	OK(store_sqlite_open(path, &s, &err));
	setrlimit(RLIMIT_FSIZE, &tight);
	while (rc == RC_OK)
		rc = commit_whole(s, &end, &said);
	for (int i = 0; i < 3 && rc == RC_NO_SPACE; i++)
		rc = commit_whole(s, &end, &said);
	enum rc deferred = store_defer(s, STR("7.0"), 1, 1, NULL);
	setrlimit(RLIMIT_FSIZE, &old);
	if (rc != RC_NO_SPACE)
		fail_msg("%s: %s", rc_name(rc), said.msg);
	assert_true(deferred == RC_NO_SPACE || deferred == RC_NOT_FOUND);
	assert_non_null(strstr(said.msg, "make room"));
	assert_int_equal(check_whole(s, &seen), end.seq / BATCH);
	OK(commit_whole(s, &end, &err));
	store_free(s);
	OK(store_sqlite_open(path, &s, &err));
	assert_int_equal(check_whole(s, &seen), end.seq / BATCH);
	store_free(s);
	kit_remove(folder);
}

/* In a child with its own mounts: a disk of 1 MiB fills up; then it is mounted read-only. Exit 77: may not mount. */
static int on_a_small_disk(const char *folder)
{
	AUTO(freep) char *path = path_in(folder);
	struct store *s = NULL;
	struct chain_end end = {0}, seen;
	enum rc rc = RC_OK;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", folder, "tmpfs", 0, "size=1m") < 0)
		return 77;
	if (store_sqlite_open(path, &s, NULL) != RC_OK)
		return 1;
	while (rc == RC_OK)
		rc = commit_whole(s, &end, NULL);
	if (rc != RC_NO_SPACE || commit_whole(s, &end, NULL) != RC_NO_SPACE)
		return 2;
	if (check_whole(s, &seen) != end.seq / BATCH || !end.seq)
		return 3;
	if (mount("none", folder, "tmpfs", MS_REMOUNT, "size=8m") < 0)
		return 77;
	if (commit_whole(s, &end, NULL) != RC_OK)
		return 4;
	store_free(s);
	if (mount("none", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=8m") < 0)
		return 77;
	if (store_sqlite_open(path, &s, NULL) != RC_NO_SPACE)
		return 5;
	if (store_sqlite_open_readonly(path, &s, NULL) != RC_OK)
		return 6;
	if (check_whole(s, &seen) != end.seq / BATCH)
		return 7;
	store_free(s);
	return 0;
}

static void a_full_and_a_read_only_disk(void **state)
{
	char *folder = kit_folder();
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(on_a_small_disk(folder));
	waitpid(pid, &status, 0);
	kit_remove(folder);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("may not mount a small disk here\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static char *filled(const char *folder, uint64_t records)
{
	char *path = path_in(folder);
	struct store *s = NULL;
	struct chain_end end = {0};

	OK(store_sqlite_open(path, &s, &err));
	while (end.seq < records)
		OK(commit_whole(s, &end, &err));
	store_free(s);
	return path;
}

/* Replace the first `from` in the file, same length. */
static void patch(const char *path, const char *from, const char *to)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(64 << 20);

	OK(file_read(path, 64 << 20, &b, &err));
	char *at = memmem(b.p, b.n, from, strlen(from));
	assert_non_null(at);
	memcpy(at, to, strlen(to));
	OK(file_write(path, strbuf_str(&b), 0600, &err));
}

static void a_changed_record_is_found(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = filled(folder, 700);
	struct store *s = NULL;
	struct store_report report = {0};

	(void)state;
	patch(path, "{\"n\":345,", "{\"n\":346,"); /* SQLite itself cannot see this */
	OK(store_sqlite_open(path, &s, &err));
	FAILS(RC_CORRUPT, "record 345 was changed", store_verify(s, NULL, NULL, &report, &err));
	assert_true(report.bad == 345 && report.records == 344);
	store_free(s);
	patch(path, "{\"n\":700,", "{\"n\":707,"); /* the last one is checked when opening */
	FAILS(RC_CORRUPT, "last record", store_sqlite_open(path, &s, &err));
	kit_remove(folder);
}

static bool never(void *ctx, const struct store_pending *p)
{
	(void)ctx;
	(void)p;
	return true;
}

static void changed_rows_are_found(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = path_in(folder);
	AUTO(strbuf_done) struct strbuf b = STRBUF(1024);
	struct store *s = NULL;
	struct store_effect effect = {STR("1.0"), STR("timer"), STR("{\"at\":111}"), 1, 0};
	struct store_batch batch = {.effects = &effect, .n_effects = 1};

	(void)state;
	OK(store_sqlite_open(path, &s, &err));
	OK(kit_snapshot(s, "run", "run-1", "{\"state\":\"failed\"}", false, &err));
	OK(store_commit(s, &batch, &err));
	store_free(s);
	patch(path, "\"failed\"", "\"passed\"");
	patch(path, "\"at\":111", "\"at\":911");
	OK(store_sqlite_open(path, &s, &err));
	FAILS(RC_CORRUPT, "snapshot run run-1", store_get(s, STR("run"), STR("run-1"), &b, &err));
	FAILS(RC_CORRUPT, "snapshot run run-1", store_active(s, kit_note_snapshot, &b, &err));
	FAILS(RC_CORRUPT, "effect 1.0", store_outbox(s, never, NULL, &err));
	assert_int_equal(b.n, 0);
	store_free(s);
	kit_remove(folder);
}

/* Wherever a page is overwritten: an error that says so, or all is still there; never a crash, never other data. */
static void damaged_pages(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = filled(folder, 210);
	AUTO(strbuf_done) struct strbuf whole = STRBUF(64 << 20);
	unsigned said = 0, pages;

	(void)state;
	OK(file_read(path, 64 << 20, &whole, &err));
	pages = (unsigned)(whole.n / 4096);
	assert_true(pages > 10);
	for (unsigned page = 0; page < pages; page++) {
		AUTO(strbuf_done) struct strbuf b = STRBUF(64 << 20);
		struct store *s = NULL;
		struct store_report report = {0};
		struct err why = {0};
		strbuf_addstr(&b, strbuf_str(&whole));
		memset(b.p + page * 4096 + 7, 0xa5, 600);
		OK(file_write_fast(path, strbuf_str(&b), 0600, &err));
		enum rc rc = store_sqlite_open(path, &s, &why);
		if (rc == RC_OK)
			rc = store_verify(s, NULL, NULL, &report, &why);
		if (rc != RC_OK && rc != RC_CORRUPT)
			fail_msg("page %u: %s: %s", page, rc_name(rc), why.msg);
		assert_true(rc == RC_CORRUPT || report.records == 210);
		said += rc == RC_CORRUPT;
		store_free(s);
	}
	print_message("%u of %u damaged pages said\n", said, pages);
	assert_true(said * 10 >= pages * 8);
	kit_remove(folder);
}

static void files_that_are_no_journal(void **state)
{
	char *folder = kit_folder();
	AUTO(freep) char *path = path_in(folder);
	struct store *s = NULL;
	struct sql *db = NULL;

	(void)state;
	OK(file_write(
		path,
		STR("this is a letter to my aunt, and it is longer than the head of a database"),
		0600, &err));
	FAILS(RC_CORRUPT, "journal.db", store_sqlite_open(path, &s, &err));
	FAILS(RC_CORRUPT, "journal.db", store_sqlite_open_readonly(path, &s, &err));
	OK(tree_remove(path, &err));
	OK(sql_open(path, SQL_WRITE, &db, &err));
	OK(sql_exec(db, "CREATE TABLE accounts (n)", &err));
	sql_free(db);
	FAILS(RC_CORRUPT, "not a journal of Penstock", store_sqlite_open(path, &s, &err));
	OK(tree_remove(path, &err));
	OK(file_write(path, STR(""), 0600, &err)); /* an empty file is a new one */
	FAILS(RC_CORRUPT, "not a journal", store_sqlite_open_readonly(path, &s, &err));
	OK(store_sqlite_open(path, &s, &err));
	store_free(s);
	OK(sql_open(path, SQL_WRITE, &db, &err));
	OK(sql_exec(db, "PRAGMA user_version = 99", &err));
	sql_free(db);
	FAILS(RC_UNSUPPORTED, "newer Penstock", store_sqlite_open(path, &s, &err));
	FAILS(RC_UNSUPPORTED, "newer Penstock", store_sqlite_open_readonly(path, &s, &err));
	FAILS(RC_NOT_FOUND, "no-such", store_sqlite_open("/no-such/journal.db", &s, &err));
	kit_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_in_the_middle),
		cmocka_unit_test(a_second_daemon_is_refused),
		cmocka_unit_test(a_dead_daemons_lock),
		cmocka_unit_test(no_room),
		cmocka_unit_test(a_full_and_a_read_only_disk),
		cmocka_unit_test(a_changed_record_is_found),
		cmocka_unit_test(changed_rows_are_found),
		cmocka_unit_test(damaged_pages),
		cmocka_unit_test(files_that_are_no_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
