/* Pulling from a registry that is slow, wants a login, or packs layers with zstd: a small one in threads, for what a real one cannot be made to do. */
#include "port/oci_kit.h"

#include "flow/2-build/adapters.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <zstd.h>

#define LAYERS 6
#define LOGIN  "Authorization: Basic bWU6c2VjcmV0" /* me:secret */

static char dir[64], data[64];
static struct {
	int fd;
	unsigned port, wait_ms, at_once, most, asked;
	bool private;
	pthread_t thread;
	char manifest[DIGEST_HEX + 8];
} reg;

/* ---- the image: a file a layer, every second one packed with zstd ---- */

static char *put(struct str bytes)
{
	struct layout l = {0};

	strcpy(l.dir, dir);
	return layout_put(&l, bytes);
}

static void tar_of(size_t i, struct strbuf *ret)
{
	AUTO(freep) char *path = xasprintf("%s/tar", dir), *name = xasprintf("file-%zu", i);
	AUTO(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct tar_out *t = tar_out_new(fd);

	layout_file(t, name, str_of(name), 0644);
	KIT_OK(tar_end(t, &kit_err));
	tar_out_free(t);
	KIT_OK(file_read(path, 1 << 20, ret, &kit_err));
}

static void add_layer(size_t i, struct oci_manifest *m, struct oci_config *c)
{
	AUTO(strbuf_done) struct strbuf tar = STRBUF(1 << 20);
	static char packed[1 << 20];
	bool zstd = i % 2;

	tar_of(i, &tar);
	size_t n = ZSTD_compress(packed, sizeof(packed), tar.p, tar.n, 3);
	char *plain = put(strbuf_str(&tar));
	char *digest = zstd ? put((struct str){packed, n}) : xstrdup(plain);
	vec_push(&c->rootfs.diff_ids, plain);
	vec_push(&m->layers,
		 layout_desc(zstd ? OCI_LAYER_ZSTD : OCI_LAYER_TAR, digest, zstd ? n : tar.n));
}

static void image_make(void)
{
	static char arch[16], os[] = "linux", kind[] = "layers";
	AUTO(strbuf_done) struct strbuf config = STRBUF(65536), manifest = STRBUF(65536);
	AUTO(freep) char *blobs = xasprintf("%s/blobs/sha256", dir);
	struct oci_config c = {.os = os, .architecture = arch, .rootfs = {.type = kind}};
	struct oci_manifest m = {.schemaVersion = 2, .mediaType = (char *)(uintptr_t)OCI_MANIFEST};

	KIT_OK(dir_make(blobs, 0755, &kit_err));
	strcpy(arch, oci_architecture());
	for (size_t i = 0; i < LAYERS; i++)
		add_layer(i, &m, &c);
	oci_write(&shape_oci_config, &c, &config);
	AUTO(freep) char *config_digest = put(strbuf_str(&config));
	m.config = layout_desc(OCI_CONFIG, config_digest, config.n);
	oci_write(&shape_oci_manifest, &m, &manifest);
	AUTO(freep) char *digest = put(strbuf_str(&manifest));
	strcpy(reg.manifest, digest);
	for (size_t i = 0; i < LAYERS; i++) {
		xfree(m.layers.v[i].digest);
		xfree(c.rootfs.diff_ids.v[i]);
	}
	vec_done(&m.layers);
	vec_done(&c.rootfs.diff_ids);
}

/* ---- the registry ---- */

static void answer(int fd, const char *status, const char *more, struct str body)
{
	AUTO(freep)
	char *head = xasprintf("HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
			       status, body.n, more);

	if (fd_write(fd, head, strlen(head), NULL) == RC_OK)
		(void)!fd_write(fd, body.p, body.n, NULL);
}

/* In pieces, so that whoever counts sees some of it. */
static void blob(int fd, const char *digest)
{
	AUTO(freep) char *path = xasprintf("%s/blobs/sha256/%.64s", dir, digest);
	AUTO(strbuf_done) struct strbuf body = STRBUF(1 << 20);
	unsigned now = __atomic_add_fetch(&reg.at_once, 1, __ATOMIC_SEQ_CST), most = reg.most;

	while (now > most && !__atomic_compare_exchange_n(&reg.most, &most, now, false,
							  __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	usleep(reg.wait_ms * 1000);
	if (file_read(path, 1 << 20, &body, NULL) == RC_OK)
		answer(fd, "200 OK", "", strbuf_str(&body));
	else
		answer(fd, "404 Not Found", "", STR("{}"));
	__atomic_sub_fetch(&reg.at_once, 1, __ATOMIC_SEQ_CST);
}

static void *talk(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char in[8192];
	size_t n = 0;
	ssize_t k;

	while (n < sizeof(in) - 1 && (k = read(fd, in + n, sizeof(in) - 1 - n)) > 0) {
		n += (size_t)k;
		in[n] = '\0';
		if (strstr(in, "\r\n\r\n"))
			break;
	}
	in[n] = '\0';
	__atomic_add_fetch(&reg.asked, 1, __ATOMIC_SEQ_CST);
	char *at = strstr(in, "/blobs/sha256:"), *manifest = strstr(in, "/manifests/");
	if (reg.private && !strstr(in, LOGIN))
		answer(fd, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"here\"\r\n",
		       STR("{}"));
	else if (manifest)
		blob(fd, reg.manifest + 7);
	else if (at)
		blob(fd, at + 14);
	else
		answer(fd, "404 Not Found", "", STR("{}"));
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	pthread_t t;
	int fd;

	while ((fd = accept4(reg.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		if (pthread_create(&t, NULL, talk, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
	return arg;
}

static int open_all(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	(void)state;
	memset(&reg, 0, sizeof(reg));
	strcpy(dir, "/tmp/penstock-registry-XXXXXX");
	strcpy(data, "/tmp/penstock-image-XXXXXX");
	assert_true(mkdtemp(dir) && mkdtemp(data));
	image_make();
	reg.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(reg.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(reg.fd, 64), 0);
	assert_int_equal(getsockname(reg.fd, (struct sockaddr *)&a, &n), 0);
	reg.port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&reg.thread, NULL, serve, NULL), 0);
	AUTO(freep) char *auth = xasprintf("%s/auth.json", dir);
	AUTO(freep)
	char *text =
		xasprintf("{\"auths\":{\"127.0.0.1:%u\":{\"auth\":\"bWU6c2VjcmV0\"}}}", reg.port);
	KIT_OK(file_write_fast(auth, str_of(text), 0600, &kit_err));
	setenv("REGISTRY_AUTH_FILE", auth, 1);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	shutdown(reg.fd, SHUT_RDWR);
	close(reg.fd);
	pthread_join(reg.thread, NULL);
	unsetenv("REGISTRY_AUTH_FILE");
	(void)!tree_remove(dir, NULL);
	(void)!tree_remove(data, NULL);
	return 0;
}

static struct image *disk(void)
{
	struct err err = {0};
	struct image *i = image_disk_new(data, NULL, &err);

	if (!i)
		fail_msg("%s", err.msg);
	return i;
}

/* ---- cases ---- */

struct seen {
	unsigned calls, stop_after, inside;
	bool twice; /* two threads at a time */
};

static bool see(void *ctx, const char *what, uint64_t have, uint64_t size)
{
	struct seen *s = ctx;

	s->twice |= __atomic_add_fetch(&s->inside, 1, __ATOMIC_SEQ_CST) > 1;
	s->calls += *what && have <= size;
	__atomic_sub_fetch(&s->inside, 1, __ATOMIC_SEQ_CST);
	return !s->stop_after || s->calls < s->stop_after;
}

static void parallel(void **state)
{
	AUTO(freep) char *name = xasprintf("127.0.0.1:%u/a/b:v1", reg.port);
	AUTO(image_root_done) struct image_root root = {0};
	struct seen seen = {0};
	const struct image_how how = {.progress = see, .ctx = &seen};
	struct image *i = disk();

	(void)state;
	reg.wait_ms = 100;
	KIT_OK(image_pull(i, name, &how, &root, &kit_err));
	CHECK_STR(root.digest, reg.manifest, "what it is");
	assert_int_equal(reg.most, 4);
	CHECK(seen.calls >= LAYERS, "each is told");
	CHECK(!seen.twice, "by one thread at a time");
	for (size_t k = 0; k < LAYERS; k++) {
		AUTO(freep) char *path = xasprintf("%s/file-%zu", root.path, k);
		CHECK(file_exists(path), path);
	}
	image_free(i);
}

static void stopped(void **state)
{
	AUTO(freep) char *name = xasprintf("127.0.0.1:%u/a/b:v1", reg.port);
	AUTO(image_root_done) struct image_root root = {0};
	struct seen seen = {.stop_after = 2};
	const struct image_how how = {.progress = see, .ctx = &seen};
	struct image *i = disk();
	struct err err = {0};

	(void)state;
	CHECK(image_pull(i, name, &how, &root, &err) == RC_CONFLICT, err.msg);
	CHECK(!root.path, "nothing is given");
	KIT_OK(image_pull(i, name, NULL, &root, &kit_err));
	image_free(i);
}

/* Neither what is asked for now, nor what somebody with a login left on the disk. */
static void forks(void **state)
{
	AUTO(freep) char *name = xasprintf("127.0.0.1:%u/a/b:v1", reg.port);
	AUTO(image_root_done) struct image_root root = {0};
	const struct image_how anonymous = {.anonymous = true};
	struct image *i = disk();
	struct err err = {0};

	(void)state;
	reg.private = true;
	CHECK(image_pull(i, name, &anonymous, &root, &err) == RC_DENIED, err.msg);
	KIT_OK(image_pull(i, name, NULL, &root, &kit_err));
	image_root_done(&root);
	CHECK(image_pull(i, name, &anonymous, &root, &err) == RC_DENIED, err.msg);
	CHECK(!root.path, "nothing is given");
	reg.private = false; /* anybody may have it now */
	KIT_OK(image_pull(i, name, &anonymous, &root, &kit_err));
	unsigned asked = reg.asked;
	image_root_done(&root);
	KIT_OK(image_pull(i, name, NULL, &root, &kit_err));
	assert_int_equal(reg.asked, asked);
	image_free(i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parallel, open_all, close_all),
		cmocka_unit_test_setup_teardown(stopped, open_all, close_all),
		cmocka_unit_test_setup_teardown(forks, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
