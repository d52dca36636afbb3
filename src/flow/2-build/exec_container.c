/* Jobs in an image's file system: the same sandbox with another root. What a job changes in it goes into a folder of its own. */
#include "flow/2-build/exec_container.h"

#include "base/glob.h"
#include "io/child.h"
#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOSTS_MAX  65536
#define RESOLV_MAX 65536

void container_pair(shim_pairs *to, const char *key, const char *value)
{
	struct shim_pair p = {xstrdup(key), xstrdup(value ? value : "")};

	vec_push(to, p);
}

/* ---- the changeable part of a box ---- */

static enum rc fill_etc(const char *etc, const char *hosts, bool network, struct err *err)
{
	AUTO(freep)
	char *h = dir_path(etc, "hosts"), *r = dir_path(etc, "resolv.conf"),
	     *n = dir_path(etc, "hostname");
	AUTO(strbuf_done) struct strbuf resolv = STRBUF(RESOLV_MAX);
	struct err why = {0};

	if (network && file_read("/etc/resolv.conf", RESOLV_MAX - 1, &resolv, &why) != RC_OK)
		strbuf_clear(&resolv);
	/* What the image has there may be a link to anywhere. */
	if (unlink(h) < 0 || unlink(r) < 0 || unlink(n) < 0)
		errno = 0;
	enum rc rc = file_write_fast(h, str_of(hosts), 0644, err);
	if (rc == RC_OK)
		rc = file_write_fast(r, strbuf_str(&resolv), 0644, err);
	return rc == RC_OK ? file_write_fast(n, STR("job\n"), 0644, err) : rc;
}

/* Without the right to mount, the tree is copied: shared blocks where the disk can. */
static enum rc copy_root(const char *lower, const char *to, struct err *err)
{
	AUTO(strbuf_done) struct strbuf said = STRBUF(4096);
	const char *argv[] = {"cp", "-a", "--reflink=auto", "-T", lower, to, NULL};
	struct child_run run = {.spec = {.argv = argv, .fds = {-1, -1, -1, -1}},
				.timeout = 10 * USEC_MIN};
	int code = 0;
	enum rc rc = child_capture(&run, &said, NULL, &code, err);

	return rc == RC_OK && code
		       ? err_set(err, RC_UNAVAILABLE, "copy the image: %.300s", strbuf_cstr(&said))
		       : rc;
}

enum rc container_box(const struct sandbox_exec *x, const struct image_root *root, const char *from,
		      const char *dir, const char *hosts, bool network, struct shim_box *ret,
		      struct err *err)
{
	bool overlay = geteuid() == 0;
	AUTO(freep) char *top = dir_path(from, overlay ? "upper" : "root");
	AUTO(freep) char *etc = dir_path(top, "etc");
	struct stat st;

	enum rc rc = dir_make(from, 0700, err);
	if (rc == RC_OK && !overlay && !file_exists(top))
		rc = copy_root(root->path, top, err);
	if (rc == RC_OK)
		rc = dir_make(top, 0755, err);
	if (rc == RC_OK && lstat(etc, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = err_set(err, RC_INVALID, "the image's /etc is no folder");
	if (rc == RC_OK)
		rc = dir_make(etc, 0755, err);
	if (rc == RC_OK)
		rc = fill_etc(etc, hosts, network, err);
	if (rc != RC_OK)
		return rc;
	*ret = (struct shim_box){.dir = xstrdup(dir),
				 .lower = overlay ? xstrdup(root->path) : NULL,
				 .runtime = x->runtime ? xstrdup(x->runtime) : NULL,
				 .host = x->docker_host ? xstrdup(x->docker_host) : NULL,
				 .data = x->docker_host ? xstrdup(x->data) : NULL};
	return RC_OK;
}

/* ---- the job ---- */

/* The image's words first: what is declared wins. */
static void environment(const struct image_root *root, struct shim_spec *s)
{
	shim_pairs env = {0};

	container_pair(&env, "HOME", "/root");
	for (size_t i = 0; i < root->env.n; i++)
		container_pair(&env, root->env.v[i].key, root->env.v[i].value);
	for (size_t i = 0; i < s->env.n; i++)
		vec_push(&env, s->env.v[i]);
	vec_done(&s->env);
	s->env = env;
}

/* Names of services are names of this machine, which they share with the job. */
static void hosts_text(const struct job_spec *spec, struct strbuf *to)
{
	strbuf_adds(to, "127.0.0.1 localhost job\n::1 localhost\n");
	for (size_t i = 0; i < spec->def.services.n; i++)
		strbuf_addf(to, "127.0.0.1 %s\n", spec->def.services.v[i].name);
}

/* A process job keeps its root; only what it calls hosts is another file. */
static enum rc hosts_file(const char *from, const char *dir, const struct strbuf *hosts,
			  struct shim_spec *s, struct err *err)
{
	AUTO(freep) char *path = dir_path(from, "hosts"), *there = dir_path(dir, "hosts");
	struct shim_bind b = {xstrdup(there), xstrdup("/etc/hosts"), false};

	vec_push(&s->binds, b);
	return file_write_fast(path, strbuf_str(hosts), 0644, err);
}

static enum rc job_box(const struct sandbox_exec *x, const struct job_spec *spec,
		       const struct exec_inputs *in, const char *from, const char *dir,
		       const char *hosts, struct shim_spec *s, struct err *err)
{
	AUTO(freep) char *box_from = dir_path(from, "box"), *box_dir = dir_path(dir, "box");
	AUTO(image_root_done) struct image_root root = {0};

	enum rc rc = container_image(x, spec, in, spec->def.container, from, &root, err);
	if (rc == RC_OK)
		rc = container_box(x, &root, box_from, box_dir, hosts, spec->def.network, &s->box,
				   err);
	if (rc == RC_OK)
		environment(&root, s);
	return rc;
}

enum rc container_make(const struct sandbox_exec *x, const struct job_spec *spec,
		       const struct exec_inputs *in, struct shim_spec *s, struct err *err)
{
	AUTO(freep) char *dir = job_dir(x, spec->job, false), *from = job_dir(x, spec->job, true);
	AUTO(strbuf_done) struct strbuf hosts = STRBUF(HOSTS_MAX);
	bool boxed = spec->def.container && *spec->def.container;
	enum rc rc = RC_OK;

	if (!boxed && !spec->def.services.n)
		return RC_OK;
	hosts_text(spec, &hosts);
	if (strbuf_failed(&hosts))
		return err_set(err, RC_TOO_BIG, "too many services");
	if (spec->def.services.n && geteuid() != 0)
		return err_set(
			err, RC_UNSUPPORTED,
			"services need a daemon that is root: they get a network of their own");
	if (boxed)
		rc = job_box(x, spec, in, from, dir, strbuf_cstr(&hosts), s, err);
	else
		rc = hosts_file(from, dir, &hosts, s, err);
	return rc == RC_OK ? container_sides(x, spec, in, from, dir, strbuf_cstr(&hosts), s, err)
			   : rc;
}
