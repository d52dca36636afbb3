/* How a content store on a disk lays files out: links, shared blocks or copies, by what the file system can; and what it notices. */
#include "unit/unit.h"

#include "base/mem.h"
#include "clients/manifest.h"
#include "flow/2-build/adapters.h"
#include "io/files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
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
#define BIG ((size_t)1 << 20)

/* "": where /tmp is. The others are made in a file and mounted, by a superuser whose kernel and tools can. */
static const char *const kinds[] = {"", "ext4", "btrfs", "xfs"};
struct rig {
	char dir[64], at[100];
	bool mounted, clones;
	struct blobs *b;
	struct strbuf big;
};

static bool mount_one(struct rig *r, const char *kind)
{
	if (geteuid() != 0 || mkdir(r->at, 0700) != 0)
		return false;
	AUTO(freep)
	char *command =
		xasprintf("cd %s && truncate -s 400M disk && mkfs.%s -q disk >/dev/null 2>&1 && "
			  "mount -o loop disk at 2>/dev/null",
			  r->dir, kind);
	r->mounted = system(command) == 0;
	return r->mounted;
}

static bool can_clone(const struct rig *r)
{
	AUTO(freep) char *a = xasprintf("%s/a", r->at), *b = xasprintf("%s/b", r->at);
	AUTO(fd_close) int from = open(a, O_RDWR | O_CREAT, 0600);
	AUTO(fd_close) int to = open(b, O_RDWR | O_CREAT, 0600);

	return ftruncate(from, 65536) == 0 && ioctl(to, FICLONE, from) == 0;
}

static int open_rig(void **state)
{
	const char *kind = *(const char *const *)*state;
	struct rig *r = xcalloc(1, sizeof(*r));
	struct err why = {0};

	*r = (struct rig){.dir = "/tmp/penstock-share-XXXXXX", .big = STRBUF(BIG + 100)};
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->at, sizeof(r->at), "%s/at", r->dir);
	while (r->big.n < BIG)
		strbuf_addf(&r->big, "%zu\n", r->big.n);
	*state = r;
	if (*kind && !mount_one(r, kind))
		return 0; /* without a store: skipped */
	OK(dir_make(r->at, 0700, err));
	r->clones = can_clone(r);
	r->b = blobs_disk_new(r->at, &why);
	if (!r->b)
		fail_msg("%s", why.msg);
	return 0;
}

static int close_rig(void **state)
{
	struct rig *r = *state;

	blobs_free(r->b);
	if (r->mounted)
		assert_int_equal(umount(r->at), 0);
	(void)!tree_remove(r->dir, NULL);
	strbuf_done(&r->big);
	xfree(r);
	return 0;
}

static char *in_rig(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->at, name);
}

static char *blob_path(const struct rig *r, const char *hex, const char *more)
{
	return xasprintf("%s/cas/%.2s/%s%s", r->at, hex, hex + 2, more);
}

static void same_bytes(const struct rig *r, const char *path)
{
	AUTO(strbuf_done) struct strbuf out = STRBUF(BIG + 100);

	OK(file_read(path, BIG + 99, &out, err));
	CHECK(str_eq(strbuf_str(&out), strbuf_str(&r->big)), path);
}

static struct stat look(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st;
}

/* Bytes of the disk that are in use. */
static uint64_t used(const struct rig *r)
{
	uint64_t left = 0;

	sync();
	OK(disk_free(r->at, &left, err));
	return UINT64_MAX - left;
}

static void shared(void **state)
{
	struct rig *r = *state;
	char hex[DIGEST_HEX + 1];
	AUTO(freep) char *a = r->b ? in_rig(r, "l1") : NULL;
	AUTO(freep) char *b = r->b ? in_rig(r, "l2") : NULL;
	AUTO(freep) char *x = r->b ? in_rig(r, "l3") : NULL;

	if (!r->b)
		skip();
	OK(blobs_put(r->b, strbuf_str(&r->big), hex, err));
	AUTO(freep) char *blob = blob_path(r, hex, "");
	AUTO(freep) char *run = blob_path(r, hex, ".x");
	OK(blobs_share_file(r->b, hex, a, false, err));
	OK(blobs_share_file(r->b, hex, b, false, err));
	OK(blobs_share_file(r->b, hex, x, true, err));
	CHECK(look(a).st_ino == look(blob).st_ino && look(b).st_ino == look(blob).st_ino, "links");
	CHECK(look(x).st_ino == look(run).st_ino && look(x).st_ino != look(a).st_ino, "two inodes");
	assert_int_equal(look(a).st_mode & 07777, 0444);
	assert_int_equal(look(x).st_mode & 07777, 0555);
	same_bytes(r, a);
	same_bytes(r, x);
	FAILS(RC_CONFLICT, blobs_share_file(r->b, hex, a, false, err));
	hex[0] = hex[0] == '0' ? '1' : '0';
	AUTO(freep) char *none = in_rig(r, "none");
	FAILS(RC_NOT_FOUND, blobs_share_file(r->b, hex, none, false, err));
	FAILS(RC_NOT_FOUND, blobs_share_file(r->b, hex, none, true, err));
	FAILS(RC_INVALID, blobs_share_file(r->b, "../../etc/passwd", none, true, err));
}

static void own(void **state)
{
	struct rig *r = *state;
	char hex[DIGEST_HEX + 1];

	if (!r->b)
		skip();
	OK(blobs_put(r->b, strbuf_str(&r->big), hex, err));
	AUTO(freep) char *blob = blob_path(r, hex, "");
	uint64_t before = used(r);
	for (int i = 0; i < 16; i++) {
		AUTO(freep) char *name = xasprintf("copy%d", i);
		AUTO(freep) char *to = in_rig(r, name);
		OK(blobs_get_file(r->b, hex, to, 0644, err));
		CHECK(look(to).st_ino != look(blob).st_ino && look(to).st_nlink == 1, "its own");
		same_bytes(r, to);
		OK(file_write_fast(to, STR("mine"), 0644, err));
		OK(tree_remove(to, err));
		OK(blobs_get_file(r->b, hex, to, 0755, err));
		AUTO(fd_close) int fd = open(to, O_WRONLY);
		assert_int_equal(pwrite(fd, "mine", 4, 0), 4);
	}
	if (r->mounted && r->clones)
		CHECK(used(r) - before < 8 * BIG, "blocks are shared, not copied");
	same_bytes(r, blob);
}

/* Changed behind the store's back, in place: by bytes, with the old time set again, and with the old size. */
static void damage(void **state)
{
	static const char *const ways[] = {
		"printf X | dd of=$BLOB conv=notrunc 2>/dev/null",
		"touch -r $BLOB $BLOB.t && printf X | dd of=$BLOB conv=notrunc 2>/dev/null; touch -r $BLOB.t $BLOB",
		"truncate -s 10 $BLOB"};
	struct rig *r = *state;
	char hex[DIGEST_HEX + 1];

	if (!r->b || geteuid() != 0)
		skip();
	AUTO(freep) char *to = in_rig(r, "to"), *first = in_rig(r, "first");
	for (size_t i = 0; i < ARRAY_LEN(ways) * 3; i++) {
		bool exec = i % 3 == 1;
		OK(blobs_put(r->b, strbuf_str(&r->big), hex, err));
		AUTO(freep) char *blob = blob_path(r, hex, "");
		AUTO(freep) char *aside = xasprintf("%s.corrupt", blob);
		(void)!tree_remove(first, NULL);
		OK(blobs_share_file(r->b, hex, first, false, err)); /* verified, and linked */
		if (i / 3 != 1) /* a time set back is seen only where no link came or went */
			OK(tree_remove(first, err));
		usleep(10000); /* a tick of the clock of an older kernel */
		setenv("BLOB", blob, 1);
		assert_int_equal(system(ways[i / 3]), 0);
		if (i % 3 == 2)
			FAILS(RC_CORRUPT, blobs_get_file(r->b, hex, to, 0644, err));
		else
			FAILS(RC_CORRUPT, blobs_share_file(r->b, hex, to, exec, err));
		CHECK(!file_exists(to) && !blobs_has(r->b, hex) && file_exists(aside), ways[i / 3]);
	}
}

/* A run's outputs of which one was put aside are no hit any more. */
static void miss(void **state)
{
	static const char *const globs[] = {"out"};
	struct rig *r = *state;
	char key[] = "00000000000000000000000000000000000000000000000000000000000000aa",
	     run[] = "run-1";
	char hex[DIGEST_HEX + 1];

	if (!r->b)
		skip();
	AUTO(freep)
	char *from = in_rig(r, "from"), *out = in_rig(r, "from/out"), *to = in_rig(r, "to"),
	     *list = NULL, *again = NULL;
	OK(dir_make(from, 0700, err));
	OK(dir_make(to, 0700, err));
	OK(file_write_fast(out, strbuf_str(&r->big), 0644, err));
	OK(manifest_collect(r->b, from, globs, 1, &list, err));
	OK(blobs_put(r->b, strbuf_str(&r->big), hex, err));
	struct result made = {.key = key, .outputs = list, .run = run}, got = {0};
	OK(blobs_put_result(r->b, &made, err));
	OK(blobs_get_result(r->b, key, &got, err));
	shape_done(&shape_result, &got);
	AUTO(freep) char *blob = blob_path(r, hex, "");
	OK(tree_remove(blob, err));
	OK(file_write_fast(blob, STR("not it"), 0444, err));
	FAILS(RC_CORRUPT, manifest_layout(r->b, list, to, NULL, err));
	FAILS(RC_NOT_FOUND, blobs_get_result(r->b, key, &got, err));
	OK(manifest_collect(r->b, from, globs, 1, &again, err)); /* the job ran again */
	assert_string_equal(again, list);
	OK(blobs_put_result(r->b, &made, err));
	OK(blobs_get_result(r->b, key, &got, err));
	shape_done(&shape_result, &got);
	OK(manifest_layout(r->b, list, to, NULL, err));
}

/* Another process of the same store, and one that laid out and went, change nothing. */
static void neighbours(void **state)
{
	struct rig *r = *state;
	char hex[DIGEST_HEX + 1];
	struct err why = {0};

	if (!r->b)
		skip();
	struct blobs *other = blobs_disk_new(r->at, &why);
	OK(blobs_put(r->b, strbuf_str(&r->big), hex, err));
	for (int i = 0; i < 6; i++) {
		AUTO(freep) char *name = xasprintf("n%d", i / 2);
		AUTO(freep) char *to = in_rig(r, name);
		(void)!tree_remove(to, NULL);
		OK(blobs_share_file(i % 2 ? other : r->b, hex, to, i % 3 == 0, err));
		same_bytes(r, to);
	}
	blobs_free(other);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} tests[] = {{"links", shared},
		     {"own", own},
		     {"damage", damage},
		     {"miss", miss},
		     {"neighbours", neighbours}};
	struct CMUnitTest all[ARRAY_LEN(tests) * ARRAY_LEN(kinds)];
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; i < ARRAY_LEN(tests); i++)
			all[n++] = (struct CMUnitTest){
				xasprintf("%s: %s", *kinds[k] ? kinds[k] : "here", tests[i].name),
				tests[i].run, open_rig, close_rig, (void *)(uintptr_t)&kinds[k]};
	int failed = _cmocka_run_group_tests("blobs laid out", all, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		xfree((char *)(uintptr_t)all[i].name);
	return failed;
}
