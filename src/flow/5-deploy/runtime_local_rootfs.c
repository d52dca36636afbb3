/* Root file systems: one for each image, shared read-only by all its replicas. */
#include "flow/5-deploy/runtime_local.h"
#include "io/files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)4 << 20)

void pairs_done(shim_pairs *p)
{
	vec_each(x, p) {
		xfree(x->key);
		xfree(x->value);
	}
	vec_done(p);
}

void pair_set(shim_pairs *to, const char *key, const char *value)
{
	vec_each(x, to)
		if (streq(x->key, key)) {
			xfree(x->value);
			x->value = xstrdup(value);
			return;
		}
	vec_push(to, ((struct shim_pair){xstrdup(key), xstrdup(value)}));
}

void image_words_done(struct image_words *w)
{
	vec_each(a, &w->argv)
		xfree(*a);
	vec_done(&w->argv);
	pairs_done(&w->env);
	xfree(w->cwd);
	*w = (struct image_words){0};
}

char *rootfs_path(const struct runtime_local *l, const char *image)
{
	char d[13];

	digest12(image, d);
	return xasprintf("%s/rootfs/%s", l->data, d);
}

static enum rc touch(const char *root, const char *name, struct err *err)
{
	char *path AUTO(freep) = xasprintf("%s/%s", root, name);
	int fd AUTO(fd_close) = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	/* The image has something else there: it keeps it, and the container gets no mount on
	 * it. */
	return fd >= 0 || errno == EISDIR || errno == ELOOP || errno == EACCES
		       ? RC_OK
		       : err_errno(err, errno, "%s", path);
}

/* Places for mounts: the root is read-only when the container starts. */
static enum rc places(const char *root, struct err *err)
{
	static const char *const dirs[] = {"proc", "dev", "sys", "etc", "tmp"};
	char *tmp AUTO(freep) = xasprintf("%s/tmp", root);

	if (chmod(root, 0755) != 0) /* not only for us: the service's user must get in */
		return err_errno(err, errno, "%s", root);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char *path AUTO(freep) = xasprintf("%s/%s", root, dirs[i]);

		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return err_errno(err, errno, "%s", path);
	}
	if (chmod(tmp, 01777) != 0) /* of plain processes; containers have their own */
		return err_errno(err, errno, "%s", tmp);
	if (touch(root, "etc/hosts", err) != RC_OK || touch(root, "etc/resolv.conf", err) != RC_OK)
		return err->rc;
	return RC_OK;
}

static void tree_drop(char **path)
{
	struct err ignored;

	if (*path)
		(void)!tree_remove(*path, &ignored);
	xfree(*path);
}

/* {"image": ..., "config": ...}: twelve digits are short, the note says which image it is. */
static enum rc note(const char *path, const char *image, const struct strbuf *config,
		    struct err *err)
{
	struct strbuf text AUTO(strbuf_done) = STRBUF(CONFIG_MAX * 2);
	struct json_out o = JSON_OUT(&text);

	json_open(&o, NULL);
	json_cstr(&o, "image", image);
	json_raw(&o, "config", strbuf_str(config));
	json_close(&o);
	return strbuf_failed(&text) ? err_set(err, RC_TOO_BIG, "the config of %s is too big", image)
				    : file_write_fast(path, strbuf_str(&text), 0644, err);
}

static enum rc note_read(const struct runtime_local *l, const char *image, struct json **ret,
			 struct err *err)
{
	char *root AUTO(freep) = rootfs_path(l, image),
		   *path AUTO(freep) = xasprintf("%s.json", root);
	struct strbuf text AUTO(strbuf_done) = STRBUF(CONFIG_MAX * 2);
	struct json *j AUTO(json_freep) = NULL;
	enum rc rc = file_read(path, CONFIG_MAX * 2, &text, err);

	if (rc == RC_OK)
		rc = json_read(strbuf_str(&text), CONFIG_MAX * 2, &j, err);
	if (rc != RC_OK)
		return rc;
	if (!streq(json_get_text(j, "image", ""), image))
		return err_set(err, RC_CONFLICT,
			       "%s belongs to another image with the same first 12 digits", path);
	*ret = j;
	j = NULL;
	return RC_OK;
}

enum rc rootfs_ready(const struct runtime_local *l, const char *image,
		     const struct runtime_inputs *in, struct err *err)
{
	char *root AUTO(freep) = rootfs_path(l, image),
		   *path AUTO(freep) = xasprintf("%s.json", root);
	char *fresh AUTO(tree_drop) = NULL;
	struct strbuf config AUTO(strbuf_done) = STRBUF(CONFIG_MAX);
	struct json *j AUTO(json_freep) = NULL;
	char *dir AUTO(freep) = xasprintf("%s/rootfs", l->data);

	if (file_exists(root)) {
		enum rc rc = note_read(l, image, &j, err);
		if (rc != RC_NOT_FOUND && rc != RC_INVALID)
			return rc;
	}
	if (dir_make(dir, 0755, err) != RC_OK)
		return err->rc;
	fresh = xasprintf("%s/.new-XXXXXX", dir);
	if (!mkdtemp(fresh)) {
		err_errno(err, errno, "%s", fresh);
		freep(&fresh);
		return err->rc;
	}
	if (in->rootfs(in->ctx, image, fresh, &config, err) != RC_OK)
		return err_wrap(err, "unpack %.19s", image);
	if (places(fresh, err) != RC_OK)
		return err->rc;
	/* Another lane may be at the same image: the first one wins, the other's is as good. */
	if (rename(fresh, root) != 0 && errno != ENOTEMPTY && errno != EEXIST)
		return err_errno(err, errno, "%s", root);
	return note(path, image, &config, err);
}

/* "65532" or "65532:65532"; names only as the image's own passwd says: we have none, so digits
 * it is. */
static enum rc user(const char *text, const char *image, struct image_words *w, struct err *err)
{
	struct str rest = str_of(text), u = str_cut(&rest, ':');

	w->uid = w->gid = 0;
	if (!*text || str_is(str_of(text), "root"))
		return RC_OK;
	if (!parse_u32(u, &w->uid) || (rest.p && !parse_u32(rest, &w->gid)))
		return err_set(
			err, RC_INVALID,
			"%.19s runs as user \"%.60s\": it must be a number, as in user: 65532",
			image, text);
	if (!rest.p)
		w->gid = w->uid;
	return RC_OK;
}

static void add_args(shim_texts *to, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++)
		vec_push(to, xstrdup(json_text(json_at(list, i), "")));
}

enum rc rootfs_words(const struct runtime_local *l, const char *image, struct image_words *ret,
		     struct err *err)
{
	struct json *j AUTO(json_freep) = NULL;
	struct image_words w AUTO(image_words_done) = {0};
	const struct json *c, *env;

	if (note_read(l, image, &j, err) != RC_OK)
		return err->rc;
	c = json_get(json_get(j, "config"), "config");
	env = json_get(c, "Env");
	add_args(&w.argv, json_get(c, "Entrypoint"));
	add_args(&w.argv, json_get(c, "Cmd"));
	if (!w.argv.n || w.argv.v[0][0] != '/')
		return err_set(err, RC_INVALID, "%.19s has no entrypoint with an absolute path",
			       image);
	if (user(json_get_text(c, "User", ""), image, &w, err) != RC_OK)
		return err->rc;
	for (size_t i = 0; i < json_count(env); i++) {
		struct str rest = str_of(json_text(json_at(env, i), "")), key = str_cut(&rest, '=');
		char *k AUTO(freep) = xstrndup(key.p, key.n);

		if (key.n && rest.p)
			pair_set(&w.env, k, rest.p);
	}
	w.cwd = xstrdup(json_get_text(c, "WorkingDir", "/"));
	if (w.cwd[0] != '/') {
		xfree(w.cwd);
		w.cwd = xstrdup("/");
	}
	*ret = w;
	w = (struct image_words){0};
	return RC_OK;
}
