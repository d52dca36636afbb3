/* Outputs of other units may be links to the content store's own files: whatever a job tries, it cannot change the store by one. */
#include "port/exec_kit.h"

#include <sys/stat.h>

/* Each attempt says its name and how it ended; one that was let through says DONE. */
static const char attack[] =
	"cat >/tmp/attack.py <<'END'\n"
	"import ctypes, errno, fcntl, mmap, os, subprocess, sys\n"
	"d = '/repo/libs/shared/out/'\n"
	"f = d + 'lib.txt'\n"
	"own = '/repo/services/orders/'\n"
	"libc = ctypes.CDLL(None, use_errno=True)\n"
	"inner = sys.argv[1:] == ['inner']\n"
	"def t(name, fn):\n"
	"    try: r = fn(); print(name, 'DONE' if r != 'no' else 'refused', flush=True)\n"
	"    except OSError as e: print(name, errno.errorcode[e.errno], flush=True)\n"
	"def put(path):\n"
	"    fd = os.open(path, os.O_RDWR); os.write(fd, b'evil')\n"
	"def by_path_fd(): put('/proc/self/fd/%d' % os.open(f, os.O_PATH))\n"
	"def by_read_fd(): put('/proc/self/fd/%d' % os.open(f, os.O_RDONLY))\n"
	"def mapped():\n"
	"    fd = os.open(f, os.O_RDONLY); m = mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_WRITE); m[0:4] = b'evil'\n"
	"def protect():\n"
	"    fd = os.open(f, os.O_RDONLY); libc.mmap.restype = ctypes.c_void_p\n"
	"    p = libc.mmap(None, 4096, 1, 1, fd, 0)\n"
	"    if libc.mprotect(ctypes.c_void_p(p), 4096, 3): raise OSError(ctypes.get_errno(), '')\n"
	"    ctypes.memset(p, 120, 4)\n"
	"def link_here(): os.link(f, own + 'link'); put(own + 'link')\n"
	"def link_fd():\n"
	"    fd = os.open(f, os.O_RDONLY); os.link('/proc/self/fd/%d' % fd, own + 'link2', follow_symlinks=True); put(own + 'link2')\n"
	"def move_here(): os.rename(f, own + 'moved')\n"
	"def move_over(): open(own + 'new', 'w').write('evil'); os.rename(own + 'new', f)\n"
	"def flags():\n"
	"    fd = os.open(f, os.O_RDONLY); fcntl.ioctl(fd, 0x40086602, b'\\x10' + bytes(7))\n"
	"def clone_over():\n"
	"    a = os.open(own + 'new2', os.O_RDWR | os.O_CREAT); os.write(a, b'evil'); b = os.open(f, os.O_RDONLY); fcntl.ioctl(b, 0x40049409, a)\n"
	"def allocate():\n"
	"    fd = os.open(f, os.O_RDONLY); os.posix_fallocate(fd, 0, 9999)\n"
	"def handle():\n"
	"    class H(ctypes.Structure): _fields_ = [('n', ctypes.c_uint), ('t', ctypes.c_int), ('b', ctypes.c_char * 128)]\n"
	"    h = H(128, 0, b''); m = ctypes.c_int()\n"
	"    if libc.name_to_handle_at(-100, f.encode(), ctypes.byref(h), ctypes.byref(m), 0): raise OSError(ctypes.get_errno(), '')\n"
	"    top = os.open(own, os.O_RDONLY)\n"
	"    fd = libc.open_by_handle_at(top, ctypes.byref(h), os.O_RDWR)\n"
	"    if fd < 0: raise OSError(ctypes.get_errno(), '')\n"
	"    os.write(fd, b'evil')\n"
	"def sh(text): return 'DONE' if subprocess.call(['sh', '-c', text], stderr=subprocess.DEVNULL) == 0 else 'no'\n"
	"p = 'inner-' if inner else ''\n"
	"t(p + 'write', lambda: put(f))\n"
	"t(p + 'append', lambda: open(f, 'ab').write(b'evil'))\n"
	"t(p + 'truncate', lambda: os.truncate(f, 0))\n"
	"t(p + 'chmod', lambda: os.chmod(f, 0o777))\n"
	"t(p + 'chown', lambda: os.chown(f, 1, 1))\n"
	"t(p + 'utime', lambda: os.utime(f, (1, 1)))\n"
	"t(p + 'xattr', lambda: os.setxattr(f, 'user.evil', b'x'))\n"
	"t(p + 'unlink', lambda: os.unlink(f))\n"
	"t(p + 'create', lambda: open(d + 'more', 'w'))\n"
	"for n in ('by_path_fd', 'by_read_fd', 'mapped', 'protect', 'link_here', 'link_fd', 'move_here', 'move_over', 'flags', 'clone_over', 'allocate', 'handle'):\n"
	"    t(p + n, globals()[n])\n"
	"t(p + 'remount', lambda: sh('mount -o remount,rw,bind /repo && echo evil >' + f))\n"
	"t(p + 'rebind', lambda: sh('mkdir -p /tmp/m && mount --bind /repo/libs/shared/out /tmp/m && mount -o remount,rw,bind /tmp/m && echo evil >/tmp/m/lib.txt'))\n"
	"t(p + 'uncover', lambda: sh('umount -l /repo && echo evil >' + f))\n"
	"if not inner:\n"
	"    if sh('unshare -Urm true') == 'no': print('no user namespace can be made here', flush=True)\n"
	"    else: sh('unshare -Urm python3 /tmp/attack.py inner')\n"
	"END\n"
	"python3 /tmp/attack.py; ls -ln /repo/libs/shared/out; cat /repo/libs/shared/out/lib.txt; /repo/libs/shared/out/tool; test -w source.txt";

struct shared {
	struct rig r;
	char *file[2]; /* the store's */
	struct stat st[2];
	char *manifest;
};

static void stored(struct shared *s, size_t i, const char *text)
{
	char hex[DIGEST_HEX + 1];

	OK(blobs_put(s->r.blobs, str_of(text), hex, &err));
	s->file[i] = xasprintf("%s/cas/%.2s/%s%s", s->r.dir, hex, hex + 2, i ? ".x" : "");
}

static int open_shared(void **state)
{
	static const char *const globs[] = {"out/**"};
	struct shared *s = xcalloc(1, sizeof(*s));
	struct err why = {0};

	rig_open(&s->r, false);
	blobs_free(s->r.blobs);
	s->r.blobs = blobs_disk_new(s->r.dir, &why);
	assert_non_null(s->r.blobs);
	AUTO(freep) char *from = xasprintf("%s/from", s->r.dir);
	AUTO(freep) char *out = xasprintf("%s/out", from);
	AUTO(freep) char *lib = xasprintf("%s/lib.txt", out);
	AUTO(freep) char *tool = xasprintf("%s/tool", out);
	OK(dir_make(out, 0755, &err));
	OK(file_write_fast(lib, STR("precious\n"), 0644, &err));
	OK(file_write_fast(tool, STR("#!/bin/sh\necho a tool runs\n"), 0755, &err));
	OK(manifest_collect(s->r.blobs, from, globs, 1, &s->manifest, &err));
	stored(s, 0, "precious\n");
	stored(s, 1, "#!/bin/sh\necho a tool runs\n");
	*state = s;
	return 0;
}

static int close_shared(void **state)
{
	struct shared *s = *state;

	vec_done(&s->r.spec.needs);
	rig_close(&s->r);
	xfree(s->manifest);
	xfree(s->file[0]);
	xfree(s->file[1]);
	xfree(s);
	return 0;
}

static void need(struct shared *s, const char *path)
{
	struct need_output n = {lit("shared"), lit(path), s->manifest};

	vec_push(&s->r.spec.needs, n);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void hostile(void **state)
{
	struct shared *s = *state;
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(1000);
	struct stat st[2];

	spec_new(&s->r, attack);
	need(s, "libs/shared");
	job_start(&s->r);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(stat(s->file[i], &s->st[i]), 0);
		CHECK(s->st[i].st_nlink == 2, "it is a link to the store's own");
		assert_int_equal(s->st[i].st_mode & 07777, i ? 0555 : 0444);
	}
	job_wait(&s->r);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(stat(s->file[i], &st[i]), 0);
		CHECK(same_file(&st[i], &s->st[i]), "the store's file is as it was");
	}
	job_end(&s->r);
	CHECK_END(&s->r, FAILURE_NONE, 0, "attack");
	CHECK_LOG(&s->r, "write E");
	CHECK_LOG(&s->r, "\nchmod EROFS\n");
	CHECK_LOG(&s->r, "\nlink_here EXDEV\n");
	if (!strstr(strbuf_cstr(&s->r.log), "no user namespace"))
		CHECK_LOG(&s->r, "inner-uncover ");
	CHECK_LOG(&s->r, "\na tool runs\n");
	CHECK_NO_LOG(&s->r, "DONE");
	OK(file_read(s->file[0], 100, &bytes, &err));
	CHECK_STR(strbuf_cstr(&bytes), "precious\n", "its bytes");
}

/* Where the job may write, what it finds is its own: below its unit, and in the very same folder. */
static void writable(void **state)
{
	static const struct {
		const char *unit, *need;
	} places[] = {{"services/orders", "services/orders"},
		      {"services/orders", "services/orders/sub"},
		      {".", "libs/shared"}};
	struct shared *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		AUTO(freep)
		char *run = xasprintf(
			"cd /repo/%s && ls -ln out; stat -c 'links %%h' out/lib.txt; echo evil >out/lib.txt",
			places[i].need);
		AUTO(strbuf_done) struct strbuf bytes = STRBUF(1000);
		spec_new(&s->r, run);
		s->r.spec.path = lit(places[i].unit);
		need(s, places[i].need);
		job_run(&s->r);
		CHECK_END(&s->r, FAILURE_NONE, 0, places[i].need);
		CHECK_LOG(&s->r, "links 1\n");
		OK(file_read(s->file[0], 100, &bytes, &err));
		CHECK_STR(strbuf_cstr(&bytes), "precious\n", places[i].need);
	}
}

/* An install of the whole repository, as node_modules is: links where the job only reads, its own files in its folder, however many there are of the others. */
static void partly(void **state)
{
	static const char *const globs[] = {"**"};
	static const char *const needs[] = {".", "services"}, *const below[] = {"services/orders",
										"orders"};
	struct shared *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		AUTO(freep) char *from = xasprintf("%s/wide%zu", s->r.dir, i);
		AUTO(freep) char *folder = xasprintf("%s/%s", from, below[i]);
		AUTO(freep) char *wide = xasprintf("%s/lib.txt", from);
		AUTO(freep) char *beside = xasprintf("%s-too.txt", folder);
		AUTO(freep) char *own = xasprintf("%s/own.txt", folder);
		AUTO(strbuf_done) struct strbuf bytes = STRBUF(1000);
		OK(dir_make(folder, 0755, &err));
		OK(file_write_fast(wide, STR("precious\n"), 0644, &err));
		OK(file_write_fast(beside, STR("precious\n"), 0644, &err));
		OK(file_write_fast(own, STR("precious\n"), 0644, &err));
		xfree(s->manifest);
		s->manifest = NULL;
		OK(manifest_collect(s->r.blobs, from, globs, 1, &s->manifest, &err));
		AUTO(freep)
		char *run = xasprintf(
			"cd /repo/%s; stat -c 'links %%h %%a %%n' lib.txt %s-too.txt %s/own.txt; "
			"if echo evil >lib.txt; then exit 4; fi; echo evil >%s/own.txt",
			needs[i], below[i], below[i], below[i]);
		spec_new(&s->r, run);
		s->r.spec.path = lit("services/orders");
		need(s, needs[i]);
		job_run(&s->r);
		CHECK_END(&s->r, FAILURE_NONE, 0, needs[i]);
		CHECK_LOG(&s->r, "links 3 444 lib.txt\n");
		CHECK_LOG(&s->r, "-too.txt\n");
		CHECK_LOG(&s->r, "links 1 644 ");
		OK(file_read(s->file[0], 100, &bytes, &err));
		CHECK_STR(strbuf_cstr(&bytes), "precious\n", needs[i]);
	}
}

/* The folder of a job goes, the store's file stays: and is laid out again. */
static void again(void **state)
{
	struct shared *s = *state;

	for (int i = 0; i < 3; i++) {
		struct stat st;
		spec_new(
			&s->r,
			"cat ../../libs/shared/out/lib.txt; [ ../../libs/shared/out/lib.txt -nt ../../libs/shared/source.txt ]");
		need(s, "libs/shared");
		job_run(&s->r);
		CHECK_END(&s->r, FAILURE_NONE, 0, "laid out as new as a copy");
		CHECK_LOG(&s->r, "precious");
		assert_int_equal(stat(s->file[0], &st), 0);
		assert_int_equal(st.st_nlink, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hostile, open_shared, close_shared),
		cmocka_unit_test_setup_teardown(writable, open_shared, close_shared),
		cmocka_unit_test_setup_teardown(partly, open_shared, close_shared),
		cmocka_unit_test_setup_teardown(again, open_shared, close_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
