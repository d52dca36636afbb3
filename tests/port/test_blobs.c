/* One suite for all content stores, and output manifests on top of them. */
#include "unit/unit.h"

#include "base/mem.h"
#include "clients/manifest.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call)                                             \
	do {                                                 \
		struct err ok_ = {0}, *err = &ok_;           \
		if ((call) != RC_OK)                         \
			fail_msg("%s: %s", #call, err->msg); \
	} while (0)
#define FAILS(want, call)                                                       \
	do {                                                                    \
		struct err ok_ = {0}, *err = &ok_;                              \
		enum rc got_ = (call);                                          \
		if (got_ != (want))                                             \
			fail_msg("%s: %s: %s", #call, rc_name(got_), err->msg); \
	} while (0)

struct kind {
	const char *name;
	bool disk;
};
static const struct kind kinds[] = {{"memory", false}, {"disk", true}};
struct rig {
	char dir[64];
	bool disk;
	struct blobs *b;
};

static int open_rig(void **state)
{
	const struct kind *k = *state;
	struct rig *r = xcalloc(1, sizeof(*r));
	struct err err = {0};

	*r = (struct rig){.dir = "/tmp/penstock-blobs-XXXXXX", .disk = k->disk};
	assert_non_null(mkdtemp(r->dir));
	r->b = k->disk ? blobs_disk_new(r->dir, &err) : blobs_memory_new();
	if (!r->b)
		fail_msg("%s", err.msg);
	*state = r;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *r = *state;
	struct err err = {0};

	blobs_free(r->b);
	(void)!tree_remove(r->dir, &err);
	xfree(r);
	return 0;
}

static char *in_rig(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->dir, name);
}

static void put_and_get(void **state)
{
	static const char *const known =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	struct rig *r = *state;
	char hex[DIGEST_HEX + 1], again[DIGEST_HEX + 1];
	struct strbuf out = STRBUF(100);

	OK(blobs_put(r->b, STR("abc"), hex, err));
	CHECK_STR(hex, known, "SHA-256");
	OK(blobs_put(r->b, STR("abc"), again, err));
	CHECK_STR(again, known, "twice");
	CHECK(blobs_has(r->b, hex), "has");
	OK(blobs_get(r->b, hex, 3, &out, err));
	CHECK_STR(strbuf_cstr(&out), "abc", "bytes");
	AUTO(freep) char *prefixed = xasprintf("sha256:%s", hex);
	strbuf_clear(&out);
	OK(blobs_get(r->b, prefixed, 3, &out, err));
	FAILS(RC_TOO_BIG, blobs_get(r->b, hex, 2, &out, err));
	FAILS(RC_INVALID, blobs_get(r->b, "../../etc/passwd", 100, &out, err));
	FAILS(RC_INVALID, blobs_get(r->b, "", 100, &out, err));
	hex[0] = hex[0] == '0' ? '1' : '0';
	FAILS(RC_NOT_FOUND, blobs_get(r->b, hex, 100, &out, err));
	CHECK(!blobs_has(r->b, hex), "has not");
	CHECK_STR(strbuf_cstr(&out), "abc", "outputs untouched by failures");
	OK(blobs_put(r->b, STR(""), hex, err));
	CHECK(blobs_has(r->b, hex), "nothing is something");
	strbuf_done(&out);
}

static void files(void **state)
{
	struct rig *r = *state;
	AUTO(freep)
	char *from = in_rig(r, "from"), *to = in_rig(r, "to"), *link = in_rig(r, "link");
	char hex[DIGEST_HEX + 1];
	uint64_t size = 0;
	struct strbuf big = STRBUF(1 << 20), out = STRBUF(1 << 20);
	struct stat st;

	for (int i = 0; i < 40000; i++)
		strbuf_addf(&big, "%d\n", i);
	OK(file_write_fast(from, strbuf_str(&big), 0600, err));
	OK(blobs_put_file(r->b, from, hex, &size, err));
	CHECK(size == big.n, "size");
	OK(blobs_get_file(r->b, hex, to, 0755, err));
	OK(file_read(to, big.n, &out, err));
	CHECK_STR(strbuf_cstr(&out), strbuf_cstr(&big), "bytes");
	assert_int_equal(stat(to, &st), 0);
	CHECK((st.st_mode & 0777) == 0755 && st.st_nlink == 1, "mode, and no hard link");
	FAILS(RC_CONFLICT, blobs_get_file(r->b, hex, to, 0755, err));
	AUTO(fd_close) int fd = -1;
	OK(blobs_open(r->b, hex, &fd, err));
	strbuf_clear(&out);
	OK(fd_read(fd, big.n, &out, err));
	CHECK_STR(strbuf_cstr(&out), strbuf_cstr(&big), "as an open file");
	FAILS(RC_NOT_FOUND,
	      blobs_open(r->b, "00000000000000000000000000000000000000000000000000000000000000ff",
			 &fd, err));
	assert_int_equal(symlink(from, link), 0);
	FAILS(RC_INVALID, blobs_put_file(r->b, link, hex, &size, err));
	FAILS(RC_INVALID, blobs_put_file(r->b, r->dir, hex, &size, err));
	FAILS(RC_NOT_FOUND, blobs_put_file(r->b, "/nowhere/x", hex, &size, err));
	strbuf_done(&big);
	strbuf_done(&out);
}

static void results(void **state)
{
	struct rig *r = *state;
	char log[DIGEST_HEX + 1];
	char key[] = "00000000000000000000000000000000000000000000000000000000000000aa";
	char run[] = "run-1", other[] = "run-2", missing[DIGEST_HEX + 1];

	OK(blobs_put(r->b, STR("log"), log, err));
	struct result a = {.key = key, .log = log, .run = run, .usec = 5}, got = {0}, b = a;
	FAILS(RC_NOT_FOUND, blobs_get_result(r->b, key, &got, err));
	OK(blobs_put_result(r->b, &a, err));
	OK(blobs_put_result(r->b, &a, err));
	b.run = other;
	FAILS(RC_CONFLICT, blobs_put_result(r->b, &b, err));
	OK(blobs_get_result(r->b, key, &got, err));
	CHECK(shape_equal(&shape_result, &a, &got), "the same");
	shape_done(&shape_result, &got);
	key[0] = '1';
	memcpy(missing, log, sizeof(log));
	missing[0] = missing[0] == '0' ? '1' : '0';
	a.outputs = missing;
	OK(blobs_put_result(r->b, &a, err));
	FAILS(RC_NOT_FOUND, blobs_get_result(r->b, key, &got, err));
	char bad[] = "no key";
	a.key = bad;
	FAILS(RC_INVALID, blobs_put_result(r->b, &a, err));
	FAILS(RC_INVALID, blobs_get_result(r->b, "../x", &got, err));
}

static void *put_many(void *arg)
{
	struct rig *r = arg;

	for (int i = 0; i < 200; i++) {
		AUTO(freep) char *text = xasprintf("text %d of all threads", i);
		char hex[DIGEST_HEX + 1];
		struct err err = {0};
		if (blobs_put(r->b, str_of(text), hex, &err) != RC_OK)
			return r;
		struct strbuf out = STRBUF(100);
		bool same = blobs_get(r->b, hex, 100, &out, &err) == RC_OK &&
			    streq(strbuf_cstr(&out), text);
		strbuf_done(&out);
		if (!same)
			return r;
	}
	return NULL;
}

static void concurrent(void **state)
{
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, *state), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *bad = NULL;
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
}

static void corruption(void **state)
{
	struct rig *r = *state;
	char hex[DIGEST_HEX + 1];
	struct strbuf out = STRBUF(1000);

	if (!r->disk)
		skip();
	OK(blobs_put(r->b, STR("precious bytes"), hex, err));
	AUTO(freep) char *path = xasprintf("%s/cas/%.2s/%s", r->dir, hex, hex + 2);
	AUTO(freep) char *aside = xasprintf("%s.corrupt", path);
	AUTO(freep) char *to = in_rig(r, "to");
	OK(file_write_fast(path, STR("precious bytez"), 0600, err));
	FAILS(RC_CORRUPT, blobs_get(r->b, hex, 100, &out, err));
	CHECK(!out.n && file_exists(aside) && !blobs_has(r->b, hex), "put aside");
	OK(blobs_put(r->b, STR("precious bytes"), hex, err));
	OK(blobs_get(r->b, hex, 100, &out, err));
	OK(file_write_fast(path, STR(""), 0600, err));
	FAILS(RC_CORRUPT, blobs_get_file(r->b, hex, to, 0644, err));
	CHECK(!file_exists(to), "nothing is left");
	int fd = -1;
	OK(blobs_put(r->b, STR("precious bytes"), hex, err));
	OK(file_write_fast(path, STR("precious bytez"), 0600, err));
	FAILS(RC_CORRUPT, blobs_open(r->b, hex, &fd, err));
	CHECK(fd == -1, "no descriptor");
	strbuf_done(&out);
}

static void damaged_result(void **state)
{
	struct rig *r = *state;
	char key[] = "00000000000000000000000000000000000000000000000000000000000000aa",
	     run[] = "run-1";
	struct result a = {.key = key, .run = run}, got = {0};

	if (!r->disk)
		skip();
	OK(blobs_put_result(r->b, &a, err));
	AUTO(freep) char *path = xasprintf("%s/results/00/%s.json", r->dir, key + 2);
	OK(file_write_fast(path, STR("{\"key\":"), 0600, err));
	FAILS(RC_NOT_FOUND, blobs_get_result(r->b, key, &got, err));
	OK(blobs_put_result(r->b, &a, err));
	OK(blobs_get_result(r->b, key, &got, err));
	shape_done(&shape_result, &got);
}

static void full_disk(void **state)
{
	struct rig *r = *state;
	char *at = in_rig(r, "small");
	char hex[DIGEST_HEX + 1];
	char *big = xcalloc(1, 300000);
	struct err why = {0};

	if (!r->disk || geteuid() != 0 || mkdir(at, 0700) != 0 ||
	    mount("tmpfs", at, "tmpfs", 0, "size=256k") != 0) {
		xfree(big);
		xfree(at); /* skip() jumps: nothing is cleaned up on the way */
		skip();
	}
	struct blobs *b = blobs_disk_new(at, &why);
	assert_non_null(b);
	struct str bytes = {big, 300000};
	enum rc full = blobs_put(b, bytes, hex, &why);
	OK(blobs_put(b, STR("small"), hex, err));
	assert_int_equal(mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	enum rc fixed = blobs_put(b, STR("other"), hex, &why);
	blobs_free(b);
	assert_int_equal(umount2(at, MNT_DETACH), 0);
	xfree(big);
	xfree(at);
	assert_int_equal(full, RC_NO_SPACE);
	assert_int_equal(fixed, RC_NO_SPACE);
}

static void write_file_at(const struct rig *r, const char *name, const char *text, unsigned mode)
{
	AUTO(freep) char *path = in_rig(r, name);
	AUTO(freep) char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	OK(dir_make(dir, 0755, err));
	OK(file_write_fast(path, str_of(text), mode, err));
}

static void manifests(void **state)
{
	struct rig *r = *state;
	AUTO(freep)
	char *from = in_rig(r, "from"), *to = in_rig(r, "to"), *hex = NULL, *again = NULL;
	static const char *const globs[] = {"out/**", "report.xml"};
	AUTO(manifest_done) struct manifest m = {0};
	struct strbuf text = STRBUF(100);
	struct stat st;

	write_file_at(r, "from/out/b/deep.txt", "deep", 0600);
	write_file_at(r, "from/out/a", "run me", 0700);
	write_file_at(r, "from/report.xml", "<x/>", 0644);
	write_file_at(r, "from/not-declared", "no", 0644);
	AUTO(freep) char *link = in_rig(r, "from/out/b/link"), *laid = in_rig(r, "to/out/b/link");
	assert_int_equal(symlink("../a", link), 0);
	OK(manifest_collect(r->b, from, globs, 2, &hex, err));
	OK(manifest_collect(r->b, from, globs, 2, &again, err));
	CHECK_STR(hex, again, "canonical");
	OK(manifest_list(r->b, hex, &m, err));
	assert_int_equal(m.entries.n, 4);
	CHECK_STR(m.entries.v[0].path, "out/a", "order");
	CHECK_STR(m.entries.v[2].link, "../a", "link");
	assert_int_equal(mkdir(to, 0755), 0);
	write_file_at(r, "to/out/a", "in the way", 0644);
	OK(manifest_layout(r->b, hex, to, ".", err));
	OK(file_read(laid, 100, &text, err));
	CHECK_STR(strbuf_cstr(&text), "run me", "through the link");
	assert_int_equal(stat(laid, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	strbuf_done(&text);
}

static void hostile_layout(void **state)
{
	static const char *const lists[] = {
		"[{\"path\":\"../x\",\"mode\":420,\"sha256\":\"%s\"}]",
		"[{\"path\":\"/x\",\"mode\":420,\"sha256\":\"%s\"}]",
		"[{\"path\":\"a/../x\",\"mode\":420,\"sha256\":\"%s\"}]",
		"[{\"path\":\"x\",\"link\":\"/etc/passwd\"}]",
		"[{\"path\":\"x\",\"link\":\"../out\"}]",
		"[{\"path\":\"evil/x\",\"mode\":420,\"sha256\":\"%s\"}]",
		"[{\"path\":\"x\"}]",
		"[{\"path\":\"x\",\"sha256\":\"abc\"}]",
		"{",
		"[1]",
	};
	struct rig *r = *state;
	AUTO(freep) char *to = in_rig(r, "to"), *evil = in_rig(r, "to/evil"), *x = in_rig(r, "x");
	char hex[DIGEST_HEX + 1], blob[DIGEST_HEX + 1];

	assert_int_equal(mkdir(to, 0755), 0);
	assert_int_equal(symlink("..", evil), 0);
	OK(blobs_put(r->b, STR("bytes"), blob, err));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct strbuf text = STRBUF(1000);
		const char *mark = strstr(lists[i], "%s");
		if (mark) {
			strbuf_add(&text, lists[i], (size_t)(mark - lists[i]));
			strbuf_adds(&text, blob);
			strbuf_adds(&text, mark + 2);
		} else {
			strbuf_adds(&text, lists[i]);
		}
		OK(blobs_put(r->b, strbuf_str(&text), hex, err));
		struct err why = {0};
		CHECK(manifest_layout(r->b, hex, to, i % 2 ? NULL : ".", &why) != RC_OK, lists[i]);
		CHECK(!file_exists(x), lists[i]);
		strbuf_done(&text);
	}
}

struct busy {
	pthread_rwlock_t *users;
	usec_t held;
};

static void *use(void *arg)
{
	struct busy *u = arg;

	pthread_rwlock_rdlock(u->users);
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	u->held = clock_mono();
	pthread_rwlock_unlock(u->users);
	return NULL;
}

/* What was used longest ago goes, and nothing while somebody uses the store. */
static void trimmed(void **state)
{
	struct rig *r = *state;
	pthread_rwlock_t users;
	struct busy user = {.users = &users};
	char hex[8][DIGEST_HEX + 1], text[16384];
	pthread_t thread;
	uint64_t freed = 1;

	if (!r->disk)
		skip();
	assert_int_equal(pthread_rwlock_init(&users, NULL), 0);
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 8; i++) {
		text[0] = (char)('a' + i);
		OK(blobs_put(r->b, (struct str){text, sizeof(text)}, hex[i], err));
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	AUTO(freep) char *laid = xasprintf("%s/laid", r->dir);
	OK(blobs_share_file(r->b, hex[0], laid, false, err)); /* the oldest is used again */
	OK(blobs_disk_trim(r->b, 1 << 20, &users, &freed, err));
	assert_int_equal(freed, 0);
	assert_int_equal(pthread_create(&thread, NULL, use, &user), 0);
	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	OK(blobs_disk_trim(r->b, 4 * sizeof(text), &users, &freed, err));
	usec_t end = clock_mono();
	pthread_join(thread, NULL);
	assert_true(user.held && user.held <= end);
	assert_int_equal(freed, 4 * sizeof(text));
	for (int i = 0; i < 8; i++)
		if (blobs_has(r->b, hex[i]) != (i == 0 || i > 4))
			fail_msg("blob %d", i);
	OK(blobs_disk_trim(r->b, 0, &users, &freed, err));
	assert_false(blobs_has(r->b, hex[0]));
	pthread_rwlock_destroy(&users);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} tests[] = {
		{"put and get", put_and_get},
		{"files", files},
		{"results", results},
		{"concurrent", concurrent},
		{"corruption", corruption},
		{"damaged result", damaged_result},
		{"full disk", full_disk},
		{"manifests", manifests},
		{"hostile layout", hostile_layout},
		{"trimmed", trimmed},
	};
	struct CMUnitTest all[ARRAY_LEN(tests) * ARRAY_LEN(kinds)];
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; i < ARRAY_LEN(tests); i++)
			all[n++] = (struct CMUnitTest){
				xasprintf("%s: %s", kinds[k].name, tests[i].name), tests[i].run,
				open_rig, close_rig, (void *)(uintptr_t)&kinds[k]};
	int failed = _cmocka_run_group_tests("blobs", all, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		xfree((char *)(uintptr_t)all[i].name);
	return failed;
}
