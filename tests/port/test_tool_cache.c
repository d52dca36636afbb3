/* One suite for all caches of other people's tools. */
#include "port/checks.h"

#include "base/mem.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX ((uint64_t)8 << 20)

struct kind {
	const char *name;
	bool disk;
};
static const struct kind kinds[] = {{"memory", false}, {"disk", true}};
struct rig {
	char dir[64];
	bool disk;
	struct tool_cache *c;
};

static int open_rig(void **state)
{
	const struct kind *k = *state;
	struct rig *r = xcalloc(1, sizeof(*r));
	struct err err = {0};

	*r = (struct rig){.dir = "/tmp/penstock-tools-XXXXXX", .disk = k->disk};
	assert_non_null(mkdtemp(r->dir));
	r->c = k->disk ? tool_cache_disk_new(r->dir, MAX, &err) : tool_cache_memory_new(MAX);
	if (!r->c)
		fail_msg("%s", err.msg);
	*state = r;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *r = *state;
	struct err err = {0};

	tool_cache_free(r->c);
	int code = tree_remove(r->dir, &err) == RC_OK ? 0 : -1;
	xfree(r);
	return code;
}

static enum rc try_put(struct tool_cache *c, struct tool_key k, struct str bytes,
		       const struct digest *want, bool replace, struct err *err)
{
	struct tool_put *p = NULL;
	struct tool_meta meta = {.writer = xstrdup("token:ci"), .run = xstrdup("run-7")};
	enum rc rc = tool_meta_note(&meta, "x-artifact-tag", "a\"b", err);

	if (rc == RC_OK)
		rc = tool_cache_put(c, &k, bytes.n, &p, err);
	for (size_t at = 0; rc == RC_OK && at < bytes.n; at += 100000) /* in pieces */
		rc = tool_put_write(
			c, p, (struct str){bytes.p + at, MIN_OF((size_t)100000, bytes.n - at)},
			err);
	if (rc == RC_OK)
		rc = tool_put_keep(c, p, &meta, want, replace, err);
	else
		tool_put_drop(c, p);
	tool_meta_done(&meta);
	return rc;
}

#define PUT(r, scope, space, id, bytes) \
	OK(try_put((r)->c, (struct tool_key){scope, space, id}, bytes, NULL, false, &err))

static char *bytes_of(const struct tool_found *f)
{
	char *p = xcalloc(1, (size_t)f->meta.size + 1);

	if (f->fd < 0)
		memcpy(p, f->bytes.p ? f->bytes.p : "", f->bytes.n);
	else
		assert_int_equal(pread(f->fd, p, (size_t)f->meta.size, 0), f->meta.size);
	return p;
}

static void reads(struct rig *r, struct tool_key k, struct str want, bool trusted)
{
	AUTO(tool_found_done) struct tool_found f = {.fd = -1};

	OK(tool_cache_find(r->c, &k, &f, &err));
	assert_int_equal(f.meta.size, want.n);
	assert_int_equal(f.fd < 0, want.n <= TOOL_SMALL);
	AUTO(freep) char *got = bytes_of(&f);
	assert_memory_equal(got, want.p, want.n);
	assert_true(digest_eq(f.meta.sha, digest_of(want)));
	assert_int_equal(f.trusted, trusted);
}

static void misses(struct rig *r, struct tool_key k, enum rc want)
{
	struct tool_found f = {.fd = -7};

	FAILS(want, tool_cache_find(r->c, &k, &f, &err));
	assert_int_equal(f.fd, -7);
}

static struct str filled(char **ret, size_t n, char with)
{
	*ret = xmalloc(n + 1);
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = (char)(with + (char)(i % 23));
	return (struct str){*ret, n};
}

/* ---- for all adapters ---- */

static void what_was_put_comes_back(void **state)
{
	struct rig *r = *state;
	static const size_t sizes[] = {0,     1,     1000,   65535,   65536,
				       65537, 70000, 131072, 1000000, 3000000};
	AUTO(tool_found_done) struct tool_found f = {.fd = -1};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		AUTO(freep) char *p = NULL;
		struct str bytes = filled(&p, sizes[i], 'a');
		char id[32];

		snprintf(id, sizeof(id), "k%zu", i);
		PUT(r, TOOL_TRUSTED, "turbo", id, bytes);
		reads(r, (struct tool_key){TOOL_TRUSTED, "turbo", id}, bytes, true);
	}
	misses(r, (struct tool_key){TOOL_TRUSTED, "turbo", "other"}, RC_NOT_FOUND);
	misses(r, (struct tool_key){TOOL_TRUSTED, "nx", "k1"}, RC_NOT_FOUND);
	OK(tool_cache_find(r->c, &(struct tool_key){TOOL_TRUSTED, "turbo", "k2"}, &f, &err));
	assert_string_equal(f.meta.writer, "token:ci");
	assert_string_equal(f.meta.run, "run-7");
	assert_string_equal(tool_meta_get(&f.meta, "x-artifact-tag"), "a\"b");
	assert_null(tool_meta_get(&f.meta, "x-artifact-sha"));
	assert_true(f.meta.created > 0 && f.meta.created <= clock_wall());
}

static void trusted_keys_never_change(void **state)
{
	struct rig *r = *state;
	struct tool_key k = {TOOL_TRUSTED, "nx", "1"}, pr = {"pr/4", "nx", "1"};

	PUT(r, TOOL_TRUSTED, "nx", "1", STR("first"));
	FAILS(RC_CONFLICT, try_put(r->c, k, STR("second"), NULL, false, &err));
	reads(r, k, STR("first"), true);
	OK(try_put(r->c, k, STR("third"), NULL, true, &err));
	reads(r, k, STR("third"), true);
	PUT(r, "pr/4", "nx", "1", STR("one"));
	PUT(r, "pr/4", "nx", "1", STR("two"));
	reads(r, pr, STR("two"), false);
	OK(tool_cache_forget(r->c, &k, &err));
	OK(tool_cache_forget(r->c, &k, &err));
	misses(r, k, RC_NOT_FOUND);
	PUT(r, TOOL_TRUSTED, "nx", "1", STR("again"));
}

static void trusted_runs_never_read_what_a_pull_request_wrote(void **state)
{
	struct rig *r = *state;
	struct tool_key trusted = {TOOL_TRUSTED, "nx", "1"}, mine = {"pr/4", "nx", "1"},
			other = {"pr/40", "nx", "1"};

	PUT(r, "pr/4", "nx", "1", STR("mine"));
	misses(r, trusted, RC_NOT_FOUND);
	misses(r, other, RC_NOT_FOUND);
	assert_false(tool_cache_touch(r->c, &trusted));
	assert_false(tool_cache_touch(r->c, &other));
	assert_true(tool_cache_touch(r->c, &mine));
	PUT(r, TOOL_TRUSTED, "nx", "1", STR("ours"));
	reads(r, trusted, STR("ours"), true);
	reads(r, mine, STR("mine"), false);
	reads(r, other, STR("ours"), true);
	assert_true(tool_cache_touch(r->c, &other));
	assert_false(tool_cache_has_own(r->c, &other));
	assert_true(tool_cache_has_own(r->c, &trusted));
}

static void bytes_must_have_the_wanted_digest(void **state)
{
	struct rig *r = *state;
	struct tool_key k = {TOOL_TRUSTED, "bazel/cas", "1"};
	struct digest want = digest_of(STR("good"));

	FAILS(RC_CORRUPT, try_put(r->c, k, STR("bad"), &want, false, &err));
	misses(r, k, RC_NOT_FOUND);
	OK(try_put(r->c, k, STR("good"), &want, false, &err));
	reads(r, k, STR("good"), true);
}

static void keys_have_a_grammar(void **state)
{
	struct rig *r = *state;
	AUTO(freep) char *id = NULL;
	struct str longest = filled(&id, TOOL_ID_MAX + 1, 'a');
	static const struct tool_key bad[] = {
		{"", "nx", "1"},
		{"main", "nx", "1"},
		{"pr/", "nx", "1"},
		{"pr/x", "nx", "1"},
		{"pr/01", "nx", "1"},
		{"pr/1/..", "nx", "1"},
		{"trusted", "", "1"},
		{"trusted", "..", "1"},
		{"trusted", "a//b", "1"},
		{"trusted", "/a", "1"},
		{"trusted", "a/", "1"},
		{"trusted", "a/.b", "1"},
		{"trusted", "a/../b", "1"},
		{"trusted", "nx", ""},
		{"trusted", "nx", "."},
		{"trusted", "nx", "../x"},
		{"trusted", "nx", "a/b"},
		{"trusted", "nx", "a b"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(tool_key_good(&bad[i]));
		FAILS(RC_INVALID, try_put(r->c, bad[i], STR("x"), NULL, false, &err));
		misses(r, bad[i], RC_NOT_FOUND);
		assert_false(tool_cache_touch(r->c, &bad[i]));
	}
	id[longest.n] = 0;
	assert_false(tool_key_good(&(struct tool_key){TOOL_TRUSTED, "nx", id}));
	id[longest.n - 1] = 0;
	for (size_t i = 0; id[i]; i++)
		id[i] = 'x';
	assert_true(tool_key_good(&(struct tool_key){"pr/12", "bazel/my.app-1/ac", id}));
}

static void what_was_used_longest_ago_goes(void **state)
{
	struct rig *r = *state;
	AUTO(freep) char *p = NULL;
	struct str mega = filled(&p, (size_t)1 << 20, 'a');
	char id[32];

	for (int i = 0; i < 7; i++) {
		snprintf(id, sizeof(id), "k%d", i);
		PUT(r, i % 2 ? TOOL_TRUSTED : "pr/1", "turbo", id, mega);
		clock_sleep(5 * USEC_MS);
	}
	reads(r, (struct tool_key){"pr/1", "turbo", "k0"}, mega, false);
	assert_true(tool_cache_touch(r->c, &(struct tool_key){TOOL_TRUSTED, "turbo", "k1"}));
	clock_sleep(5 * USEC_MS);
	PUT(r, TOOL_TRUSTED, "turbo", "k7", mega);
	PUT(r, TOOL_TRUSTED, "turbo", "k8", mega);
	PUT(r, TOOL_TRUSTED, "turbo", "k9", mega);
	misses(r, (struct tool_key){"pr/1", "turbo", "k2"}, RC_NOT_FOUND);
	reads(r, (struct tool_key){"pr/1", "turbo", "k0"}, mega, false);
	reads(r, (struct tool_key){TOOL_TRUSTED, "turbo", "k1"}, mega, true);
	reads(r, (struct tool_key){TOOL_TRUSTED, "turbo", "k9"}, mega, true);
	FAILS(RC_TOO_BIG, tool_cache_put(r->c, &(struct tool_key){TOOL_TRUSTED, "turbo", "big"},
					 MAX + 1, &(struct tool_put *){NULL}, &err));
}

static void more_than_was_announced_is_refused(void **state)
{
	struct rig *r = *state;
	struct tool_key k = {TOOL_TRUSTED, "turbo", "liar"};
	struct tool_put *p = NULL;
	AUTO(freep) char *mega = NULL;
	struct str bytes = filled(&mega, (size_t)1 << 20, 'a');
	enum rc rc = RC_OK;

	OK(tool_cache_put(r->c, &k, 1, &p, &err));
	for (int i = 0; i < 9 && rc == RC_OK; i++)
		rc = tool_put_write(r->c, p, bytes, &(struct err){0});
	assert_int_equal(rc, RC_TOO_BIG);
	tool_put_drop(r->c, p);
	misses(r, k, RC_NOT_FOUND);
}

struct summary {
	uint64_t trusted, pr, bytes;
};
static void sum(void *ctx, const struct tool_usage *u)
{
	struct summary *s = ctx;

	*(streq(u->scope, TOOL_TRUSTED) ? &s->trusted : &s->pr) += u->entries;
	s->bytes += u->bytes;
	assert_true(streq(u->space, "nx") || streq(u->space, "bazel/main/ac"));
}

static void usage_is_told_and_a_scope_can_go(void **state)
{
	struct rig *r = *state;
	struct summary s = {0};
	uint64_t gone = 0;

	PUT(r, TOOL_TRUSTED, "nx", "1", STR("aaaa"));
	PUT(r, TOOL_TRUSTED, "bazel/main/ac", "1", STR("bbbb"));
	PUT(r, "pr/9", "nx", "1", STR("cccc"));
	PUT(r, "pr/9", "nx", "2", STR("dddd"));
	OK(tool_cache_usage(r->c, sum, &s, &err));
	assert_int_equal(s.trusted, 2);
	assert_int_equal(s.pr, 2);
	assert_true(s.bytes >= 16);
	OK(tool_cache_prune(r->c, "pr/9", 0, &gone, &err));
	assert_int_equal(gone, 2);
	s = (struct summary){0};
	OK(tool_cache_usage(r->c, sum, &s, &err));
	assert_int_equal(s.trusted, 2);
	assert_int_equal(s.pr, 0);
	OK(tool_cache_prune(r->c, NULL, MAX, &gone, &err));
	assert_int_equal(gone, 0);
}

#define RACERS 64
static struct rig *race_rig;
static unsigned wins;
static pthread_mutex_t wins_lock = PTHREAD_MUTEX_INITIALIZER;

static void *race(void *arg)
{
	AUTO(freep) char *p = NULL;
	struct str bytes = filled(&p, 200000, (char)(' ' + (long)arg));
	struct err err = {0};
	enum rc rc = try_put(race_rig->c, (struct tool_key){TOOL_TRUSTED, "nx", "7"}, bytes, NULL,
			     false, &err);

	pthread_mutex_lock(&wins_lock);
	wins += rc == RC_OK;
	if (rc != RC_OK && rc != RC_CONFLICT)
		wins += 1000;
	pthread_mutex_unlock(&wins_lock);
	return NULL;
}

static void of_many_puts_of_a_key_one_counts(void **state)
{
	pthread_t threads[RACERS];
	AUTO(tool_found_done) struct tool_found f = {.fd = -1};

	race_rig = *state;
	wins = 0;
	for (long i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, (void *)i), 0);
	for (int i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wins, 1);
	OK(tool_cache_find(race_rig->c, &(struct tool_key){TOOL_TRUSTED, "nx", "7"}, &f, &err));
	AUTO(freep) char *got = bytes_of(&f);
	assert_true(digest_eq(digest_of((struct str){got, 200000}), f.meta.sha));
}

/* ---- on a disk ---- */

static char *found_path;
static enum rc note_path(void *ctx, const struct file_seen *seen, struct err *err)
{
	(void)err;
	if (seen->kind == FILE_REGULAR) {
		assert_null(found_path);
		found_path = xasprintf("%s/%s", (const char *)ctx, seen->path);
	}
	return RC_OK;
}

static char *only_file(struct rig *r)
{
	found_path = NULL;
	OK(tree_walk(r->dir, note_path, r->dir, &err));
	char *path = found_path;
	found_path = NULL;
	return path;
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	struct stat st;
	char c;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	at = at < 0 ? st.st_size + at : at;
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

/* Wherever a bit flips, and wherever the file is cut, the entry was never there; and it can be put again. */
static void damage_is_never_given_out(void **state)
{
	struct rig *r = *state;
	struct tool_key k = {TOOL_TRUSTED, "nx", "1"};
	static const size_t sizes[] = {0, 1000, 200000};
	static const off_t places[] = {0, 500, -1, -40, -60, -64, -65, -100, -150, -200};

	for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
		for (size_t i = 0; i < 2 * ARRAY_LEN(places); i++) {
			AUTO(freep) char *p = NULL;
			struct str bytes = filled(&p, sizes[s], 'a');
			bool cut = i >= ARRAY_LEN(places);
			off_t at = places[i % ARRAY_LEN(places)];

			if (at > 0 && !sizes[s])
				continue;
			PUT(r, TOOL_TRUSTED, "nx", "1", bytes);
			reads(r, k, bytes, true);
			AUTO(freep) char *path = only_file(r);
			clock_sleep(5 * USEC_MS); /* the file's times have the clock's grain */
			if (cut) {
				struct stat st;

				assert_int_equal(stat(path, &st), 0);
				assert_int_equal(truncate(path, at < 0 ? st.st_size + at : at), 0);
			} else {
				flip(path, at);
			}
			misses(r, k, RC_CORRUPT);
			misses(r, k, RC_NOT_FOUND);
		}
}

static void a_file_under_another_name_is_none(void **state)
{
	struct rig *r = *state;
	struct tool_key k = {TOOL_TRUSTED, "nx", "1"};

	PUT(r, "pr/1", "nx", "1", STR("poison"));
	AUTO(freep) char *from = only_file(r);
	OK(tool_cache_forget(r->c, &k, &err));
	PUT(r, TOOL_TRUSTED, "nx", "2", STR("good"));
	AUTO(freep) char *folder = xasprintf("%s/trusted", r->dir);
	AUTO(freep) char *rest = xstrdup(strstr(from, "/nx/"));
	AUTO(freep) char *to = xasprintf("%s%s", folder, rest);
	AUTO(freep) char *dir = xstrdup(to);
	*strrchr(dir, '/') = 0;
	OK(dir_make(dir, 0700, &err));
	assert_int_equal(rename(from, to), 0);
	misses(r, k, RC_CORRUPT);
}

static void it_is_all_there_after_a_restart(void **state)
{
	struct rig *r = *state;
	struct summary s = {0};
	AUTO(freep) char *half = NULL, *fresh = NULL;

	PUT(r, TOOL_TRUSTED, "nx", "1", STR("kept"));
	AUTO(freep) char *path = only_file(r);
	*strrchr(path, '/') = 0;
	half = xasprintf("%s/.put.1.1", path);
	fresh = xasprintf("%s/.put.2.1", path);
	OK(file_write(half, STR("half of a put, of a daemon that died"), 0600, &err));
	OK(file_write(fresh, STR("half of a put"), 0600, &err));
	const struct timespec long_ago[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	assert_int_equal(utimensat(AT_FDCWD, half, long_ago, 0), 0);
	tool_cache_free(r->c);
	r->c = tool_cache_disk_new(r->dir, MAX, NULL);
	assert_non_null(r->c);
	reads(r, (struct tool_key){TOOL_TRUSTED, "nx", "1"}, STR("kept"), true);
	OK(tool_cache_usage(r->c, sum, &s, &err));
	assert_int_equal(s.trusted, 1);
	assert_false(file_exists(half));
	assert_true(file_exists(fresh));
}

/* What was there before the daemon's start counts, too. */
static void old_entries_count(void **state)
{
	struct rig *r = *state;
	AUTO(freep) char *p = NULL;
	struct str mega = filled(&p, (size_t)1 << 20, 'a');
	char id[32];

	for (int i = 0; i < 7; i++) {
		snprintf(id, sizeof(id), "k%d", i);
		PUT(r, TOOL_TRUSTED, "turbo", id, mega);
	}
	tool_cache_free(r->c);
	r->c = tool_cache_disk_new(r->dir, (uint64_t)3 << 20, NULL);
	PUT(r, TOOL_TRUSTED, "turbo", "last", mega);
	struct summary s = {0};
	uint64_t gone;
	OK(tool_cache_prune(r->c, NULL, 0, &gone, &err));
	assert_true(gone >= 1 && gone <= 2); /* 3 MiB less a tenth, and each has a foot */
	OK(tool_cache_usage(r->c, sum, &s, &err));
	assert_int_equal(s.trusted, 0);
}

int main(void)
{
#define CASE(name, i)                                                       \
	cmocka_unit_test_prestate_setup_teardown(name, open_rig, close_rig, \
						 (void *)(uintptr_t)&kinds[i])
#define BOTH(name) CASE(name, 0), CASE(name, 1)
	const struct CMUnitTest tests[] = {
		BOTH(what_was_put_comes_back),
		BOTH(trusted_keys_never_change),
		BOTH(trusted_runs_never_read_what_a_pull_request_wrote),
		BOTH(bytes_must_have_the_wanted_digest),
		BOTH(keys_have_a_grammar),
		BOTH(what_was_used_longest_ago_goes),
		BOTH(more_than_was_announced_is_refused),
		BOTH(usage_is_told_and_a_scope_can_go),
		BOTH(of_many_puts_of_a_key_one_counts),
		CASE(damage_is_never_given_out, 1),
		CASE(a_file_under_another_name_is_none, 1),
		CASE(it_is_all_there_after_a_restart, 1),
		CASE(old_entries_count, 1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
