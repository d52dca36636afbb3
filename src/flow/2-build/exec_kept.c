/*
 * Folders of failed jobs, kept for a time in <data>/kept: for `penstock shell`, and for an attempt that goes on where the last one failed. There they are
 * nobody's job: no daemon polls them, and they survive its restart.
 */
#include "flow/2-build/exec_container.h"

#include "flow/2-build/kept.h"
#include "io/clock.h"
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX SHIM_SPEC_MAX
#define EXIT_MAX ((size_t)64 << 10)

static const struct shape_field shell_fields[] = {
	SHAPE_SUB(struct kept_shell, spec, shape_shim_spec),
	SHAPE_LIST(struct kept_shell, secrets, shape_shim_pair),
};
const struct shape shape_kept_shell = SHAPE(struct kept_shell, shell_fields);

enum rc kept_note(const struct job_spec *spec, const struct shim_spec *s, const char *from,
		  struct err *err)
{
	AUTO(freep) char *path = dir_path(from, "shell.json");
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	struct json_out o = JSON_OUT(&text);
	struct kept_shell k = {.spec = *s}; /* its members stay theirs */

	if (!spec->keep)
		return RC_OK;
	memset(&k.spec.secrets, 0, sizeof(k.spec.secrets));
	memset(&k.spec.masks, 0, sizeof(k.spec.masks));
	for (size_t i = 0; i < spec->def.secrets.n; i++) {
		struct shim_pair p = {spec->def.secrets.v[i].key, spec->def.secrets.v[i].value};
		vec_push(&k.secrets, p);
	}
	shape_write(&o, NULL, &shape_kept_shell, &k);
	vec_done(&k.secrets);
	return strbuf_failed(&text) ? err_set(err, RC_TOO_BIG, "the job's spec is too big")
				    : file_make(path, strbuf_str(&text), 0600, err);
}

enum rc kept_shell_read(const char *dir, struct kept_shell *ret, struct err *err)
{
	AUTO(freep) char *path = dir_path(dir, "shell.json");
	AUTO(strbuf_done) struct strbuf text = STRBUF(NOTE_MAX);
	enum rc rc = file_read(path, NOTE_MAX, &text, err);

	return rc == RC_OK ? shape_parse(strbuf_str(&text), NOTE_MAX, &shape_kept_shell, ret, err)
			   : rc;
}

static bool read_exit(const char *dir, struct shim_exit *ret)
{
	AUTO(freep) char *path = dir_path(dir, "exit");
	AUTO(strbuf_done) struct strbuf text = STRBUF(EXIT_MAX);
	struct err err = {0};

	return file_exists(path) && file_read(path, EXIT_MAX, &text, &err) == RC_OK &&
	       shape_parse(strbuf_str(&text), EXIT_MAX, &shape_shim_exit, ret, &err) == RC_OK;
}

/* ---- time is over, or room is needed ---- */

static enum rc add_size(void *ctx, const struct file_seen *seen, struct err *err)
{
	(void)err;
	*(uint64_t *)ctx += seen->kind == FILE_REGULAR ? seen->size + 512 : 512;
	return RC_OK;
}

struct kept {
	char *dir;
	usec_t since;
	uint64_t bytes;
};

static int by_age(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return x->since < y->since ? -1 : x->since > y->since;
}

/* <dir>/bytes is written when it is kept: walking all of them at each sweep would be slow. */
static uint64_t read_bytes(const char *dir)
{
	AUTO(freep) char *path = dir_path(dir, "bytes");
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	struct err err = {0};
	uint64_t n = 0;

	return file_read(path, 32, &text, &err) == RC_OK && parse_u64(strbuf_str(&text), &n) ? n
											     : 0;
}

static void write_bytes(const char *dir)
{
	AUTO(freep) char *path = dir_path(dir, "bytes");
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	struct err err = {0};
	uint64_t n = 0;

	(void)!tree_walk(dir, add_size, &n,
			 &err); /* what is too deep counts as far as it was seen */
	strbuf_addf(&text, "%llu", (unsigned long long)n);
	(void)!file_write_fast(path, strbuf_str(&text), 0600, &err);
}

static void sweep(const struct sandbox_exec *x)
{
	AUTO(freep) char *top = dir_path(x->data, "kept");
	VEC(struct kept) all = {0};
	usec_t now = clock_wall();
	uint64_t total = 0;
	DIR *d = opendir(top);
	struct stat st;

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0) {
			struct kept k = {.dir = dir_path(top, e->d_name),
					 .since = (usec_t)st.st_mtim.tv_sec * USEC_SEC};
			k.bytes = read_bytes(k.dir);
			total += k.bytes;
			vec_push(&all, k);
		}
	if (d)
		closedir(d);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_age);
	vec_each(k, &all) {
		AUTO(freep) char *lock = dir_path(k->dir, KEPT_LOCK);
		bool old = k->since + x->keep_for < now;
		bool over = x->keep_max && total > x->keep_max;
		if ((old || over) && !file_is_locked(lock) && tree_remove(k->dir, NULL) == RC_OK)
			total -= k->bytes;
		xfree(k->dir);
	}
	vec_done(&all);
}

void exec_sandbox_sweep(struct exec *base)
{
	sweep(container_of(base, struct sandbox_exec, base));
}

void exec_sandbox_keep(struct exec *base, usec_t keep_for, uint64_t max)
{
	struct sandbox_exec *x = container_of(base, struct sandbox_exec, base);

	x->keep_for = keep_for;
	x->keep_max = max;
	sweep(x);
}

/* ---- into it and out of it ---- */

static char *kept_dir(const struct sandbox_exec *x, const char *dir)
{
	return xasprintf("%s/kept%s", x->data, strrchr(dir, '/'));
}

enum rc kept_retire(const struct sandbox_exec *x, const char *dir, struct err *err)
{
	AUTO(freep) char *shell = dir_path(dir, "shell.json"), *to = kept_dir(x, dir);
	AUTO(freep) char *top = dir_path(x->data, "kept");
	struct shim_exit end = {0};

	bool ended = read_exit(dir, &end);
	enum shim_class how = end.failure;
	shape_done(&shape_shim_exit, &end);
	if (ended && how == SHIM_PASSED)
		caches_save(x, dir);
	if (!ended || how == SHIM_PASSED || how == SHIM_CANCELLED || !x->keep_for ||
	    !file_exists(shell))
		return job_remove(x, dir, err);
	enum rc rc = dir_make(top, 0700, err);
	if (rc == RC_OK)
		rc = tree_remove(to, err);
	if (rc == RC_OK && rename(dir, to) < 0)
		rc = err_errno(err, errno, "keep %s", dir);
	if (rc != RC_OK)
		return job_remove(x, dir, err);
	write_bytes(to);
	utimensat(AT_FDCWD, to, NULL, 0);
	sweep(x);
	return RC_OK;
}

/* What the attempt before left besides its files: a box's upper folder, or its whole tree where nothing is mounted, stays. */
static enum rc clean_folder(const char *dir, const char *const *stay, size_t n, struct err *err)
{
	DIR *d = opendir(dir);
	enum rc rc = RC_OK;

	for (struct dirent *e; d && rc == RC_OK && (e = readdir(d));) {
		bool keep = streq(e->d_name, ".") || streq(e->d_name, "..");
		for (size_t i = 0; i < n; i++)
			keep |= streq(e->d_name, stay[i]);
		AUTO(freep) char *path = dir_path(dir, e->d_name);
		if (!keep)
			rc = tree_remove(path, err);
	}
	if (d)
		closedir(d);
	return rc;
}

static enum rc clean(const char *from, struct err *err)
{
	static const char *const top[] = {"work", "box", "services"}, *const box[] = {"upper",
										      "root"};
	static const char *const service[] = {"box"};
	AUTO(freep) char *b = dir_path(from, "box"), *s = dir_path(from, "services");
	enum rc rc = clean_folder(from, top, ARRAY_LEN(top), err);

	if (rc == RC_OK)
		rc = clean_folder(b, box, ARRAY_LEN(box), err);
	DIR *d = opendir(s);
	for (struct dirent *e; d && rc == RC_OK && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		AUTO(freep) char *one = dir_path(s, e->d_name), *its = dir_path(one, "box");
		rc = clean_folder(one, service, ARRAY_LEN(service), err);
		if (rc == RC_OK)
			rc = clean_folder(its, box, ARRAY_LEN(box), err);
	}
	if (d)
		closedir(d);
	return rc;
}

enum rc kept_take(const struct sandbox_exec *x, const struct job_spec *spec, const char *from,
		  uint32_t *ret_resume_from, struct err *err)
{
	AUTO(freep) char *dir = job_dir(x, spec->job, false), *kept = kept_dir(x, dir);
	AUTO(freep) char *lock = dir_path(kept, KEPT_LOCK);
	AUTO(fd_close) int fd = -1;
	struct shim_exit end = {0};

	if (!file_exists(kept))
		return err_set(err, RC_NOT_FOUND, "the workspace of the attempt before is gone");
	enum rc rc = file_lock(lock, &fd, err);
	if (rc == RC_CONFLICT)
		return err_set(err, RC_CONFLICT, "somebody has a shell in the job's workspace");
	if (rc != RC_OK)
		return rc;
	if (read_exit(kept, &end) && end.step)
		*ret_resume_from = end.step - 1;
	shape_done(&shape_shim_exit, &end);
	if (rename(kept, from) < 0)
		return err_errno(err, errno, "take %s", kept);
	return clean(from, err);
}
