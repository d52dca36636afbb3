/* Archives: written deterministically, read without belief, laid out nowhere but where they should. */
#include "clients/tar.h"
#include "clients/unpack.h"
#include "unit.h"

#include "base/strbuf.h"
#include "base/mem.h"
#include "io/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define OK(call)                                            \
	do {                                                \
		struct err err = {0};                       \
		if ((call) != RC_OK)                        \
			fail_msg("%s: %s", #call, err.msg); \
	} while (0)

struct item {
	struct tar_entry e;
	const char *data;
};
#define FILE_(path_, data_)                                                                   \
	{                                                                                     \
		{.path = (path_), .kind = TAR_FILE, .mode = 0644, .size = sizeof(data_) - 1}, \
			(data_)                                                               \
	}
#define DIR_(path_)                                                    \
	{                                                              \
		{.path = (path_), .kind = TAR_DIR, .mode = 0755}, NULL \
	}
#define LINK_(path_, to_)                                                              \
	{                                                                              \
		{.path = (path_), .link = (to_), .kind = TAR_LINK, .mode = 0777}, NULL \
	}
#define HARD_(path_, to_)                                                              \
	{                                                                              \
		{.path = (path_), .link = (to_), .kind = TAR_HARD, .mode = 0644}, NULL \
	}

static int archive(const struct item *items, size_t n)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	AUTO(tar_out_freep) struct tar_out *t = tar_out_new(fd);

	for (size_t i = 0; i < n && items[i].e.path; i++) {
		OK(tar_add(t, &items[i].e, &err));
		if (items[i].data)
			OK(tar_data(t, items[i].data, items[i].e.size, &err));
	}
	OK(tar_end(t, &err));
	return fd;
}

static char *long_path(size_t n)
{
	char *p = xmalloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = i % 60 == 59 ? '/' : (char)('a' + i % 26);
	p[n] = '\0';
	return p;
}

/* What does not fit into ustar's fields comes back all the same. */
static void long_names_and_big_owners(void **state)
{
	static const size_t lengths[] = {1, 99, 100, 101, 155, 156, 200, 255, 256, 257, 1000, 4096};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		AUTO(freep) char *path = long_path(lengths[i]);
		struct item items[] = {
			{{.path = path,
			  .kind = TAR_FILE,
			  .mode = 0755,
			  .uid = 3000000,
			  .gid = 65532,
			  .size = 3},
			 "abc"},
			{{.path = "l", .link = path, .kind = TAR_LINK, .mode = 0777}, NULL},
		};
		AUTO(fd_close) int fd = archive(items, 2);
		lseek(fd, 0, SEEK_SET);
		AUTO(tar_in_freep) struct tar_in *t = tar_in_new(fd, false);
		struct tar_entry e = {0};
		bool any = false;
		char buf[8];
		size_t n = 0;
		OK(tar_next(t, &e, &any, &err));
		assert_true(any && e.kind == TAR_FILE && e.uid == 3000000 && e.gid == 65532 &&
			    e.size == 3 && e.mode == 0755);
		assert_string_equal(e.path, path);
		OK(tar_read(t, buf, sizeof(buf), &n, &err));
		assert_true(n == 3 && memcmp(buf, "abc", 3) == 0);
		OK(tar_read(t, buf, sizeof(buf), &n, &err));
		assert_int_equal(n, 0);
		OK(tar_next(t, &e, &any, &err));
		assert_true(any && e.kind == TAR_LINK);
		assert_string_equal(e.path, "l");
		assert_string_equal(e.link, path);
		OK(tar_next(t, &e, &any, &err));
		assert_false(any);
	}
}

struct place {
	char *folder, *root;
	int fd;
};

static void place_open(struct place *p)
{
	char name[] = "/tmp/penstock-test-XXXXXX";

	assert_non_null(mkdtemp(name));
	p->folder = xstrdup(name);
	p->root = xasprintf("%s/root", name);
	OK(dir_make(p->root, 0755, &err));
	p->fd = open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(freep) char *secret = xasprintf("%s/secret", name);
	OK(file_write(secret, STR("secret"), 0600, &err));
}

static void place_close(struct place *p)
{
	AUTO(freep) char *secret = xasprintf("%s/secret", p->folder);
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);

	OK(file_read(secret, 64, &text, &err)); /* nobody touched what lies beside */
	assert_string_equal(strbuf_cstr(&text), "secret");
	fd_close(&p->fd);
	OK(tree_remove(p->root, &err));
	unlink(secret);
	assert_int_equal(rmdir(p->folder), 0); /* and nobody added to it */
	free(p->root);
	free(p->folder);
}

static enum rc lay(struct place *p, const struct item *items, size_t n, struct err *err)
{
	AUTO(fd_close) int fd = archive(items, n);
	struct unpack_limits left = {.bytes = 1000, .entries = 10};

	return unpack_layer(fd, false, p->fd, &left, err);
}

static const struct {
	const char *why;
	struct item items[4];
	const char *message; /* NULL: it is fine */
} layers[] = {
	{"plain", {DIR_("a/"), FILE_("a/b", "x"), LINK_("a/c", "b"), HARD_("a/d", "a/b")}, NULL},
	{"dots and slashes", {FILE_("./a//b/./c", "x")}, NULL},
	{"root itself", {DIR_("./"), FILE_("a", "x")}, NULL},
	{"a file twice", {FILE_("a", "x"), FILE_("a", "yy")}, NULL},
	{"a folder, then a file", {FILE_("a/b", "x"), FILE_("a", "y")}, NULL},
	{"a file, then a folder", {FILE_("a", "x"), DIR_("a/"), FILE_("a/b", "y")}, NULL},
	{"a link, then a file", {LINK_("a", "../secret"), FILE_("a", "y")}, "leaves"},
	{"a link to the root, then a file", {LINK_("a", "/secret"), FILE_("a", "y")}, NULL},
	{"absolute link inside", {LINK_("a", "/usr/bin/env")}, NULL},
	{"dot dot", {FILE_("../secret", "x")}, "leaves"},
	{"dot dot later", {FILE_("a/../../secret", "x")}, "leaves"},
	{"absolute", {FILE_("/tmp/x", "x")}, "absolute"},
	{"link out", {LINK_("a", "../secret")}, "leaves"},
	{"link out by a detour", {LINK_("a/b", "c/../../../secret")}, "leaves"},
	{"through a link", {LINK_("a", "/tmp"), FILE_("a/x", "x")}, "is a link"},
	{"through a link of a link",
	 {LINK_("a", "b"), LINK_("b", "."), FILE_("a/x", "x")},
	 "is a link"},
	{"folder over a link", {LINK_("a", "/tmp"), DIR_("a/"), FILE_("a/x", "x")}, NULL},
	{"hard link out", {HARD_("a", "../secret")}, "leaves"},
	{"hard link to a link", {LINK_("b", "/etc/passwd"), HARD_("a", "b")}, "no file"},
	{"hard link through a link", {LINK_("b", "/etc"), HARD_("a", "b/passwd")}, "is a link"},
	{"hard link to nothing", {HARD_("a", "b")}, "no file"},
	{"hard link to itself", {FILE_("a", "x"), HARD_("a", "a")}, NULL},
	{"hard link to a folder", {DIR_("b/"), HARD_("a", "b")}, "no file"},
	{"whiteout of dot dot", {FILE_(".wh...", "")}, "whiteout"},
	{"whiteout out", {FILE_("../.wh.secret", "")}, "leaves"},
	{"deep",
	 {FILE_("a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/"
		"a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
		"x")},
	 "too deep"},
};

static void hostile_layers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct place p;
		struct err err = {0};
		place_open(&p);
		enum rc rc = lay(&p, layers[i].items, 4, &err);
		if (rc != (layers[i].message ? RC_INVALID : RC_OK) ||
		    (layers[i].message && !strstr(err.msg, layers[i].message)))
			fail_msg("%s: %s: %s", layers[i].why, rc_name(rc), err.msg);
		place_close(&p);
	}
}

static bool there(const struct place *p, const char *name)
{
	AUTO(freep) char *path = xasprintf("%s/%s", p->root, name);

	return file_exists(path);
}

static void whiteouts_concern_layers_below(void **state)
{
	static const struct item below[] = {FILE_("a/x", "1"), FILE_("a/y/z", "2"),
					    FILE_("b/x", "3"), FILE_("b/y", "4")};
	static const struct item above[] = {FILE_("a/new", "5"), FILE_("a/.wh..wh..opq", ""),
					    FILE_("b/.wh.y", ""), FILE_("none/.wh.x", "")};
	struct place p;

	(void)state;
	place_open(&p);
	OK(lay(&p, below, 4, &err));
	OK(lay(&p, above, 4, &err));
	assert_true(there(&p, "a/new")); /* though it stands before the mark */
	assert_false(there(&p, "a/x") || there(&p, "a/y") || there(&p, "b/y"));
	assert_true(there(&p, "b/x"));
	assert_false(there(&p, "none") || there(&p, "b/.wh.y") || there(&p, "a/.wh..wh..opq"));
	place_close(&p);
}

static void limits_and_modes(void **state)
{
	static const char big[1001];
	static const struct item items[] = {
		{{.path = "big", .kind = TAR_FILE, .mode = 0644, .size = sizeof(big)}, big}};
	static const struct item special[] = {
		{{.path = "suid", .kind = TAR_FILE, .mode = 06755, .uid = 7, .gid = 8, .size = 0},
		 NULL},
		{{.path = "tmp", .kind = TAR_DIR, .mode = 01777}, NULL}};
	struct place p;
	struct stat st;
	struct item many[11];

	(void)state;
	place_open(&p);
	assert_int_equal(lay(&p, items, 1, NULL), RC_TOO_BIG);
	for (size_t i = 0; i < 11; i++)
		many[i] = (struct item)FILE_("a", "");
	assert_int_equal(lay(&p, many, 11, NULL), RC_TOO_BIG);
	OK(lay(&p, special, 2, &err));
	AUTO(freep) char *suid = xasprintf("%s/suid", p.root), *tmp = xasprintf("%s/tmp", p.root);
	assert_true(stat(suid, &st) == 0 && (st.st_mode & 07777) == 0755);
	assert_true(geteuid() != 0 || (st.st_uid == 7 && st.st_gid == 8));
	assert_true(stat(tmp, &st) == 0 && (st.st_mode & 07777) == 01777);
	place_close(&p);
}

/* Cut after every byte, and every byte changed: an error or an archive, never a crash; and never more than was in it. */
static void damaged_archives(void **state)
{
	static const struct item items[] = {FILE_("a", "hello"), LINK_("b", "a")};
	AUTO(strbuf_done) struct strbuf whole = STRBUF(1 << 16);
	AUTO(fd_close) int fd = archive(items, 2);
	struct place p;

	(void)state;
	lseek(fd, 0, SEEK_SET);
	OK(fd_read(fd, 1 << 16, &whole, &err));
	assert_int_equal(whole.n % 512, 0);
	place_open(&p);
	for (size_t i = 0; i < whole.n; i++) {
		struct unpack_limits left = {.bytes = 1000, .entries = 10};
		AUTO(fd_close) int cut = memfd_create("cut", MFD_CLOEXEC);
		OK(fd_write(cut, whole.p, i, &err));
		enum rc rc = unpack_layer(cut, false, p.fd, &left, NULL);
		/* the second empty block at the end is not needed */
		assert_true(rc == RC_INVALID || i % 512 == 0 || i > whole.n - 512);
		if (i >= 2048)
			continue;
		char old = whole.p[i];
		AUTO(fd_close) int bent = memfd_create("bent", MFD_CLOEXEC);
		whole.p[i] = (char)(old ^ 0x21);
		OK(fd_write(bent, whole.p, whole.n, &err));
		(void)!unpack_layer(bent, false, p.fd, &left, NULL);
		whole.p[i] = old;
	}
	place_close(&p);
}

static void gzip_layers(void **state)
{
	static const struct item items[] = {FILE_("a", "hello"), DIR_("d")};
	AUTO(strbuf_done) struct strbuf whole = STRBUF(1 << 16);
	AUTO(fd_close) int fd = archive(items, 2), zipped = memfd_create("gz", MFD_CLOEXEC);
	struct unpack_limits left = {.bytes = 1000, .entries = 10};
	struct place p;

	(void)state;
	lseek(fd, 0, SEEK_SET);
	OK(fd_read(fd, 1 << 16, &whole, &err));
	gzFile gz = gzdopen(dup(zipped), "wb");
	assert_int_equal(gzwrite(gz, whole.p, (unsigned)whole.n), whole.n);
	gzclose(gz);
	place_open(&p);
	OK(unpack_layer(zipped, true, p.fd, &left, &err));
	assert_true(there(&p, "a") && there(&p, "d"));
	off_t size = lseek(zipped, 0, SEEK_END);
	assert_int_equal(ftruncate(zipped, size / 2), 0);
	assert_int_equal(unpack_layer(zipped, true, p.fd, &left, NULL), RC_INVALID);
	assert_int_equal(unpack_layer(fd, true, p.fd, &left, NULL), RC_INVALID);
	place_close(&p);
}

/* Also in two frames; cut off, or followed by what is no frame, it is refused. */
static void zstd_layers(void **state)
{
	static const struct item items[] = {FILE_("a", "hello"), DIR_("d")};
	AUTO(strbuf_done) struct strbuf whole = STRBUF(1 << 16);
	AUTO(fd_close) int fd = archive(items, 2), packed = memfd_create("zst", MFD_CLOEXEC);
	struct unpack_limits left = {.bytes = 1000, .entries = 10};
	char buf[1 << 16];
	struct place p;

	(void)state;
	lseek(fd, 0, SEEK_SET);
	OK(fd_read(fd, 1 << 16, &whole, &err));
	size_t half = whole.n / 2, one = ZSTD_compress(buf, sizeof(buf), whole.p, half, 3);
	size_t two = ZSTD_compress(buf + one, sizeof(buf) - one, whole.p + half, whole.n - half, 3);
	OK(fd_write(packed, buf, one + two, &err));
	place_open(&p);
	OK(unpack_layer(packed, TAR_ZSTD, p.fd, &left, &err));
	assert_true(there(&p, "a") && there(&p, "d"));
	assert_int_equal(ftruncate(packed, (off_t)one / 2), 0);
	assert_int_equal(unpack_layer(packed, TAR_ZSTD, p.fd, &left, NULL), RC_INVALID);
	assert_int_equal(unpack_layer(fd, TAR_ZSTD, p.fd, &left, NULL), RC_INVALID);
	place_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_names_and_big_owners),
		cmocka_unit_test(hostile_layers),
		cmocka_unit_test(whiteouts_concern_layers_below),
		cmocka_unit_test(limits_and_modes),
		cmocka_unit_test(damaged_archives),
		cmocka_unit_test(gzip_layers),
		cmocka_unit_test(zstd_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
