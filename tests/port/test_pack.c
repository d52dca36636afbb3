/* Packers: the same inputs give the same image; what is packed is what comes out; nothing hostile gets in. */
#include "port/pack_kit.h"

#include <locale.h>

static const struct output orders[] = {
	{"out/app", "#!/bin/sh\nexec true\n", 0755, NULL},
	{"out/etc/orders.conf", "port = 1\n", 0644, NULL},
	{"out/lib/liba.so.1", "ELF", 0755, NULL},
	{"out/lib/liba.so", NULL, 0, "liba.so.1"},
	{"out/zero", "", 0644, NULL},
};

/* One service with outputs of two of its jobs and of a library. */
static void make_spec(struct blobs *b, struct job_spec *s, bool other_order)
{
	struct output turned[ARRAY_LEN(orders)];
	static const struct output library[] = {{"out/libshared.a", "!<arch>", 0644, NULL}};
	static const struct output tests[] = {{"out/junit.xml", "<testsuite/>", 0644, NULL}};

	for (size_t i = 0; i < ARRAY_LEN(orders); i++)
		turned[i] = orders[other_order ? ARRAY_LEN(orders) - 1 - i : i];
	spec_init(s);
	if (other_order)
		spec_need(s, "shared", "libs/shared", put_outputs(b, library, 1));
	spec_need(s, "orders", "services/orders", put_outputs(b, turned, ARRAY_LEN(orders)));
	spec_need(s, "orders", "services/orders", put_outputs(b, tests, 1));
	if (!other_order)
		spec_need(s, "shared", "libs/shared", put_outputs(b, library, 1));
	const char *const copies[][2] = {
		{"out/app", "/app"}, {"out/lib/", "/usr/lib"}, {"out/etc/*.conf", "/etc/orders/"}};
	for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
		const char *const *c = copies[other_order ? ARRAY_LEN(copies) - 1 - i : i];
		spec_copy(s, c[0], c[1]);
	}
	spec_env(s, other_order ? "B" : "A", other_order ? "2" : "1");
	spec_env(s, other_order ? "A" : "B", other_order ? "1" : "2");
}

static struct packed packed(struct pack *p, const struct job_spec *s)
{
	struct packed r = {0};

	OK(pack_image(p, s, &r, &err));
	assert_true(str_starts(str_of(r.image), "sha256:") && strlen(r.image) == 71);
	assert_int_equal(strlen(r.sbom), DIGEST_HEX);
	return r;
}

/* Both adapters: one key, one image; another key or unit may be another. */
static void suite(struct pack *p, struct blobs *b)
{
	struct job_spec one, two;
	AUTO(strbuf_done) struct strbuf sbom = STRBUF(1 << 20);

	make_spec(b, &one, false);
	make_spec(b, &two, true);
	AUTO(packed_done) struct packed first = packed(p, &one);
	AUTO(packed_done) struct packed again = packed(p, &one), other = packed(p, &two);
	assert_string_equal(first.image, again.image);
	assert_string_equal(first.sbom, again.sbom);
	assert_string_equal(first.image, other.image);
	assert_string_equal(first.sbom, other.sbom);
	assert_true(first.bytes == again.bytes && first.bytes > 0);
	OK(blobs_get(b, first.sbom, 1 << 20, &sbom, &err));
	assert_non_null(strstr(strbuf_cstr(&sbom), first.image));
	assert_non_null(strstr(strbuf_cstr(&sbom), "CycloneDX"));
	spec_done(&one);
	spec_done(&two);
}

static void native_suite(void **state)
{
	(void)state;
	for (int disk = 0; disk < 2; disk++) {
		struct world w;
		world_open(&w, disk);
		suite(w.pack, w.blobs);
		world_close(&w);
	}
}

static void fake_suite(void **state)
{
	struct blobs *b = blobs_memory_new();
	struct pack *p = pack_fake_new(b);
	struct packed r = {0};
	struct job_spec s;

	(void)state;
	suite(p, b);
	spec_init(&s);
	pack_fake_fail(p, 1, RC_UNAVAILABLE);
	r = packed(p, &s);
	packed_done(&r);
	FAILS(RC_UNAVAILABLE, "planted", pack_image(p, &s, &r, &err));
	pack_fake_fail(p, 0, RC_OK);
	r = packed(p, &s);
	packed_done(&r);
	spec_done(&s);
	pack_free(p);
	blobs_free(b);
}

/* Another machine: other umask, zone, locale, working folder and time. The digest is written down: it must never change by itself. */
static void the_same_on_any_machine(void **state)
{
	static const char *const zones[] = {"UTC", "America/St_Johns"};
	static const char *const locales[] = {"C", "C.UTF-8"};
	AUTO(freep) char *before = NULL;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world w;
		struct job_spec s;
		mode_t old = umask(i ? 077 : 0);
		setenv("TZ", zones[i], 1);
		setlocale(LC_ALL, locales[i]);
		world_open(&w, i);
		make_spec(w.blobs, &s, i);
		struct packed r = packed(w.pack, &s);
		if (i) {
			assert_string_equal(r.image, before);
#if defined(__x86_64__)
			assert_string_equal(
				r.image,
				"sha256:c397253c43ea947830e10c35fce16adfb9a9c4692ceb1e5f2959e663df83872f");
#endif
		} else {
			before = xstrdup(r.image);
		}
		packed_done(&r);
		spec_done(&s);
		world_close(&w);
		umask(old);
	}
}

static char *text_of(const char *folder, const char *name)
{
	AUTO(freep) char *path = xasprintf("%s/%s", folder, name);
	struct strbuf b = STRBUF(1 << 20);

	OK(file_read(path, 1 << 20, &b, &err));
	return strbuf_take(&b);
}

static void check_stat(const char *folder, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	AUTO(freep) char *path = xasprintf("%s/%s", folder, name);
	struct stat st;

	CHECK(lstat(path, &st) == 0, name);
	CHECK(st.st_mode == mode, name);
	CHECK(geteuid() != 0 || (st.st_uid == uid && st.st_gid == gid), name);
}

static void what_goes_in_comes_out(void **state)
{
	struct world w;
	struct job_spec s;
	AUTO(strbuf_done) struct strbuf config = STRBUF(1 << 20);
	char target[64] = "";

	(void)state;
	world_open(&w, true);
	make_spec(w.blobs, &s, false);
	struct packed r = packed(w.pack, &s);
	AUTO(freep) char *root = xasprintf("%s/root", w.folder);
	OK(dir_make(root, 0755, &err));
	OK(pack_rootfs(w.pack, r.image, root, &config, &err));
	AUTO(freep)
	char *app = text_of(root, "app"), *conf = text_of(root, "etc/orders/orders.conf");
	assert_string_equal(app, orders[0].bytes);
	assert_string_equal(conf, orders[1].bytes);
	check_stat(root, "app", S_IFREG | 0755, 65532, 65533);
	check_stat(root, "etc/orders/orders.conf", S_IFREG | 0644, 65532, 65533);
	check_stat(root, "usr/lib/liba.so.1", S_IFREG | 0755, 65532, 65533);
	check_stat(root, "usr", S_IFDIR | 0755, 0, 0);
	AUTO(freep) char *link = xasprintf("%s/usr/lib/liba.so", root);
	assert_int_equal(readlink(link, target, sizeof(target)), 9);
	assert_string_equal(target, "liba.so.1");
	AUTO(freep)
	char *zero = xasprintf("%s/zero", root), *junit = xasprintf("%s/junit.xml", root);
	assert_false(file_exists(zero) || file_exists(junit));
	static const char want[] =
		"{\"created\":\"1970-01-01T00:00:00Z\",\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"User\":"
		"\"65532:65533\",\"Env\":[\"A=1\",\"B=2\"],\"Entrypoint\":[\"/app\"]},\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[\"sha256:";
#if defined(__x86_64__)
	assert_int_equal(strncmp(strbuf_cstr(&config), want, sizeof(want) - 1), 0);
#endif
	FAILS(RC_CONFLICT, "not empty", pack_rootfs(w.pack, r.image, root, NULL, &err));
	packed_done(&r);
	spec_done(&s);
	world_close(&w);
}

static void other_tools_can_read_the_layout(void **state)
{
	struct world w;
	struct job_spec s;
	(void)state;
	world_open(&w, true);
	make_spec(w.blobs, &s, false);
	struct packed r = packed(w.pack, &s), again = packed(w.pack, &s);
	free(s.unit);
	s.unit = xstrdup("auth");
	free(s.needs.v[0].unit);
	s.needs.v[0].unit = xstrdup("auth");
	struct packed other = packed(w.pack, &s);
	AUTO(freep)
	char *mark = text_of(w.folder, "oci/oci-layout"),
	     *index = text_of(w.folder, "oci/index.json");
	assert_string_equal(mark, "{\"imageLayoutVersion\":\"1.0.0\"}");
	AUTO(freep)
	char *want = xasprintf(
		"\"annotations\":{\"org.opencontainers.image.ref.name\":\"orders-%.12s\"}}]}",
		r.image + 7);
	assert_non_null(strstr(index, want));
	assert_true(strstr(index, "\"auth-") < strstr(index, "\"orders-"));
	AUTO(freep) char *blob = xasprintf("oci/blobs/sha256/%s", r.image + 7);
	AUTO(strbuf_done) struct strbuf m = STRBUF(1 << 20);
	AUTO(freep) char *path = xasprintf("%s/%s", w.folder, blob), *real = realpath(path, NULL);
	OK(file_read(real, 1 << 20, &m, &err));
	struct digest want_digest = {{0}};
	assert_true(digest_parse(str_of(r.image), &want_digest));
	assert_true(digest_eq(digest_of(strbuf_str(&m)), want_digest));
	AUTO(freep)
	char *command = xasprintf(
		"command -v skopeo >/dev/null || exit 9; skopeo inspect oci:%s/oci:orders-%.12s "
		">/dev/null && skopeo copy -q oci:%s/oci:orders-%.12s dir:%s/copied",
		w.folder, r.image + 7, w.folder, r.image + 7, w.folder);
	int code = system(command);
	if (code == 9 << 8)
		print_message("skopeo is not here: the layout was read by ourselves only\n");
	else
		assert_int_equal(code, 0);
	packed_done(&r);
	packed_done(&again);
	packed_done(&other);
	spec_done(&s);
	world_close(&w);
}

static const struct {
	const char *why, *from, *to, *message;
	enum rc want;
} copies[] = {
	{"a file", "out/app", "/bin/app", "", RC_OK},
	{"into a folder", "out/app", "/bin/", "", RC_OK},
	{"into the root", "out/app", "/", "", RC_OK},
	{"all", ".", "/all", "", RC_OK},
	{"a folder", "out", "/all", "", RC_OK},
	{"a glob", "out/**", "/all", "", RC_OK},
	{"folders by a glob", "out/l*", "/all", "", RC_OK},
	{"alternatives", "out/{app,zero}", "/x", "", RC_OK},
	{"nothing", "out/ap", "/app", "there is out/app", RC_INVALID},
	{"nothing by a glob", "bin/*", "/app", "no output", RC_INVALID},
	{"half a name", "ou", "/app", "no output", RC_INVALID},
	{"left leaves", "../auth/out/app", "/app", "copy ../auth", RC_INVALID},
	{"left is absolute", "/etc/passwd", "/app", "copy /etc", RC_INVALID},
	{"left is empty", "", "/app", "must", RC_INVALID},
	{"right is relative", "out/app", "app", "begin with /", RC_INVALID},
	{"right is empty", "out/app", "", "begin with /", RC_INVALID},
	{"right leaves", "out/app", "/../app", "/../app", RC_INVALID},
	{"right leaves later", "out/app", "/a/../../app", "app", RC_INVALID},
	{"a whiteout", "out/app", "/.wh.app", ".wh.", RC_INVALID},
	{"an opaque folder", "out", "/a/.wh..wh..opq", ".wh.", RC_INVALID},
};

static void copy_patterns(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, false);
	for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
		struct job_spec s;
		AUTO(packed_done) struct packed r = {0};
		struct err err = {0};
		spec_init(&s);
		spec_need(&s, "orders", "services/orders",
			  put_outputs(w.blobs, orders, ARRAY_LEN(orders)));
		spec_copy(&s, copies[i].from, copies[i].to);
		enum rc rc = pack_image(w.pack, &s, &r, &err);
		if (rc != copies[i].want || !strstr(err.msg, copies[i].message))
			fail_msg("%s: %s: %s", copies[i].why, rc_name(rc), err.msg);
		spec_done(&s);
	}
	world_close(&w);
}

/* Manifests that no executor of ours would write. */
static const struct {
	const char *why;
	struct output outputs[2];
	const char *message;
} hostile[] = {
	{"a path that leaves", {{"../app", "x", 0755, NULL}}, ""},
	{"an absolute path", {{"/app", "x", 0755, NULL}}, ""},
	{"a link that leaves", {{"out/app", NULL, 0, "../../../etc/shadow"}}, ""},
	{"an absolute link", {{"out/app", NULL, 0, "/etc/shadow"}}, ""},
	{"a link that leaves by a detour", {{"out/app", NULL, 0, "a/../../../x"}}, ""},
	{"one name twice", {{"out/app", "x", 0755, NULL}, {"out/app", "y", 0755, NULL}}, "out/app"},
	{"a file as a folder",
	 {{"out/app", "x", 0755, NULL}, {"out/app/x", "y", 0755, NULL}},
	 "two different"},
};

static void hostile_manifests(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, false);
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct job_spec s;
		struct packed r = {0};
		struct err err = {0};
		spec_init(&s);
		spec_need(&s, "orders", "services/orders",
			  put_outputs(w.blobs, hostile[i].outputs,
				      hostile[i].outputs[1].path ? 2 : 1));
		spec_copy(&s, "**", "/");
		enum rc rc = pack_image(w.pack, &s, &r, &err);
		if (rc == RC_OK || !*err.msg || !strstr(err.msg, hostile[i].message))
			fail_msg("%s: %s: %s", hostile[i].why, rc_name(rc), err.msg);
		spec_done(&s);
	}
	world_close(&w);
}

static void what_the_image_says(void **state)
{
	static const struct {
		const char *user;
		enum rc want;
	} users[] = {{"0", RC_OK},
		     {"1:2", RC_OK},
		     {"nobody", RC_INVALID},
		     {"1:x", RC_INVALID},
		     {"-1", RC_INVALID},
		     {"", RC_INVALID},
		     {"4294967295", RC_INVALID},
		     {"1:", RC_INVALID}};
	struct world w;
	struct job_spec s;
	struct packed r = {0};

	(void)state;
	world_open(&w, false);
	make_spec(w.blobs, &s, false);
	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		free(s.def.image.user);
		s.def.image.user = xstrdup(users[i].user);
		CHECK(pack_image(w.pack, &s, &r, NULL) == users[i].want, users[i].user);
		packed_done(&r);
	}
	free(s.def.image.from);
	s.def.image.from = xstrdup("debian");
	FAILS(RC_UNSUPPORTED, "scratch", pack_image(w.pack, &s, &r, &err));
	spec_done(&s);
	world_close(&w);
}

/* Big files take another way through the packer; and a blob that rotted is told. */
static void big_and_rotten(void **state)
{
	struct world w;
	struct job_spec s;
	size_t n = (3 << 20) + 17;
	char *bytes = xmalloc(n + 1);
	struct packed r = {0};
	char hex[DIGEST_HEX + 1];

	(void)state;
	memset(bytes, 'b', n);
	bytes[n] = '\0';
	world_open(&w, true);
	spec_init(&s);
	struct output big = {"out/big", bytes, 0644, NULL};
	spec_need(&s, "orders", "services/orders", put_outputs(w.blobs, &big, 1));
	spec_copy(&s, "out/big", "/big");
	r = packed(w.pack, &s);
	AUTO(freep) char *root = xasprintf("%s/root", w.folder);
	OK(dir_make(root, 0755, &err));
	OK(pack_rootfs(w.pack, r.image, root, NULL, &err));
	AUTO(strbuf_done) struct strbuf got = STRBUF(8 << 20);
	AUTO(freep) char *file = xasprintf("%s/big", root);
	OK(file_read(file, 8 << 20, &got, &err));
	assert_true(got.n == n && memcmp(got.p, bytes, n) == 0);
	packed_done(&r);
	digest_hex(digest_of(str_of(bytes)), hex);
	AUTO(freep) char *blob = xasprintf("%s/cas/%.2s/%s", w.folder, hex, hex + 2);
	chmod(blob, 0600);
	int fd = open(blob, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 1 << 20), 1);
	close(fd);
	FAILS(RC_CORRUPT, hex, pack_image(w.pack, &s, &r, &err));
	AUTO(freep) char *temp = xasprintf("%s/tmp/pack", w.folder);
	assert_int_equal(rmdir(temp), 0); /* nothing lies about */
	spec_done(&s);
	world_close(&w);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_suite),
		cmocka_unit_test(fake_suite),
		cmocka_unit_test(the_same_on_any_machine),
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(other_tools_can_read_the_layout),
		cmocka_unit_test(copy_patterns),
		cmocka_unit_test(hostile_manifests),
		cmocka_unit_test(what_the_image_says),
		cmocka_unit_test(big_and_rotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
