/* image.copy: which outputs go where in the image. */
#include "flow/3-artifact/pack_impl.h"

#include "base/glob.h"

#include <stdlib.h>

#define BYTES_MAX ((uint64_t)4 << 30)

void pack_files_done(struct pack_files *f)
{
	vec_each(file, &f->list)
		xfree(file->path);
	vec_done(&f->list);
	vec_each(m, &f->outputs)
		manifest_done(m);
	vec_done(&f->outputs);
}

static bool same_entry(const struct manifest_entry *a, const struct manifest_entry *b)
{
	return streq(a->sha256, b->sha256) && streq(a->link, b->link) &&
	       (a->mode & 0100) == (b->mode & 0100);
}

/* ---- the outputs ---- */

typedef VEC(const struct manifest_entry *) entries;

static int by_output(const void *a, const void *b)
{
	const struct manifest_entry *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

/* All that the unit's own jobs left, by path. */
static enum rc merge(const struct pack_files *f, const struct job_spec *spec, entries *ret,
		     struct err *err)
{
	size_t n = 0;

	vec_each(m, &f->outputs)
		vec_each(e, &m->entries)
			vec_push(ret, e);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_output);
	for (size_t i = 0; i < ret->n; i++) {
		const struct manifest_entry *e = ret->v[i], *before = n ? ret->v[n - 1] : NULL;
		if (before && streq(before->path, e->path) && !same_entry(before, e))
			return err_set(
				err, RC_INVALID,
				"image of %s: two of its jobs left different bytes as %.200s: let one of them "
				"declare that output",
				spec->unit, e->path);
		if (!before || !streq(before->path, e->path))
			ret->v[n++] = e;
	}
	ret->n = n;
	return RC_OK;
}

static enum rc load(struct blobs *b, const struct job_spec *spec, struct pack_files *f,
		    struct err *err)
{
	vec_each(need, &spec->needs) {
		if (!streq(need->unit, spec->unit) || !need->outputs)
			continue;
		struct manifest m = {0};
		enum rc rc = manifest_list(b, need->outputs, &m, err);
		if (rc != RC_OK)
			return rc;
		vec_push(&f->outputs, m);
	}
	return RC_OK;
}

/* ---- patterns ---- */

static bool is_glob(const char *s)
{
	return strpbrk(s, "*?[{") != NULL;
}

/* Length of the folders of a pattern that are named literally: "out/" of "out/a*". */
static size_t literal_part(const char *pattern)
{
	size_t end = strcspn(pattern, "*?[{");

	while (end && pattern[end - 1] != '/')
		end--;
	return end;
}

/* The path itself or a folder above it, as for outputs. */
static bool glob_takes(struct str glob, const char *path)
{
	bool hit = glob_match(glob, str_of(path));

	for (const char *p = path; !hit && (p = strchr(p, '/')); p++)
		hit = glob_match(glob, (struct str){path, (size_t)(p - path)});
	return hit;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Where `path` goes when `from: to` takes it; NULL when it does not. A file goes to `to` itself (below it, when it ends in '/'); what is in a folder, or
 * matched by a glob, keeps its name below `to`.
 */
static char *destination(const char *from, size_t from_n, const char *to, const char *path)
{
	const char *slash = !*to || to[strlen(to) - 1] == '/' ? "" : "/";
	size_t keep = 0;

	if (is_glob(from)) {
		if (!glob_takes((struct str){from, from_n}, path))
			return NULL;
		keep = literal_part(from);
	} else if (from_n == strlen(path) && memcmp(from, path, from_n) == 0) {
		return *slash ? xstrdup(to) : xasprintf("%s%s", to, base_of(path));
	} else if (from_n == 1 && *from == '.') {
		keep = 0;
	} else if (strncmp(path, from, from_n) == 0 && path[from_n] == '/') {
		keep = from_n + 1;
	} else {
		return NULL;
	}
	return xasprintf("%s%s%s", to, slash, path + keep);
}

static enum rc check_pair(const struct job_spec *spec, const struct pair *p, struct err *err)
{
	if (!p->key || !*p->key || !p->value || *p->value != '/')
		return err_set(
			err, RC_INVALID,
			"image of %s: copy %s: %s: the right side must begin with /, the left must not be empty",
			spec->unit, p->key ? p->key : "", p->value ? p->value : "");
	if (streq(p->key, "."))
		return RC_OK;
	AUTO(freep) char *from = xstrdup(p->key);
	size_t n = strlen(from);
	if (n > 1 && from[n - 1] == '/')
		from[n - 1] = '\0';
	struct err why = {0};
	if ((is_glob(from) ? glob_check(str_of(from), &why) : path_check(str_of(from), &why)) !=
	    RC_OK)
		return err_set(err, RC_INVALID, "image of %s: copy %.200s: %.200s", spec->unit,
			       p->key, why.msg);
	return RC_OK;
}

/* A target that surely stays in the image: relative, ".." at its front only. */
static bool link_stays(const char *path, const char *target)
{
	struct str rest = str_of(target);
	size_t depth = 0, up = 0;
	bool down = false;

	if (!*target || *target == '/')
		return false;
	for (const char *p = path; (p = strchr(p, '/')); p++)
		depth++;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (str_is(part, "..")) {
			up++;
			if (down)
				return false;
		} else if (part.n && !str_is(part, ".")) {
			down = true;
		}
	}
	return up <= depth;
}

static enum rc check_name(const struct job_spec *spec, const struct pack_file *f, struct err *err)
{
	struct err why = {0};

	if (path_check(str_of(f->path), &why) != RC_OK)
		return err_set(err, RC_INVALID, "image of %s: /%.200s: %.200s", spec->unit, f->path,
			       why.msg);
	if (strncmp(f->path, ".wh.", 4) == 0 || strstr(f->path, "/.wh."))
		return err_set(
			err, RC_INVALID,
			"image of %s: /%.200s: names that begin with .wh. have a meaning in images",
			spec->unit, f->path);
	if (f->entry->link && !link_stays(f->path, f->entry->link))
		return err_set(err, RC_INVALID,
			       "image of %s: /%.200s is a link that leaves the image (%.100s)",
			       spec->unit, f->path, f->entry->link);
	return RC_OK;
}

static enum rc nothing_matches(const struct job_spec *spec, const struct pair *p,
			       const entries *all, struct err *err)
{
	const char *nearest = NULL;
	VEC(const char *) names = {0};

	for (size_t i = 0; i < all->n; i++)
		vec_push(&names, all->v[i]->path);
	nearest = str_nearest(str_of(p->key), names.v, names.n);
	vec_done(&names);
	if (!nearest && all->n)
		nearest = all->v[0]->path;
	return err_set(err, RC_INVALID,
		       "image of %s: copy %.200s: no output of its jobs matches%s%.200s%s",
		       spec->unit, p->key,
		       nearest ? "; there is " : " (they left none: declare outputs)",
		       nearest ? nearest : "", nearest && all->n > 1 ? " ..." : "");
}

static enum rc take(const struct job_spec *spec, const struct pair *p, const entries *all,
		    struct pack_files *f, struct err *err)
{
	size_t n = strlen(p->key), before = f->list.n;
	enum rc rc = check_pair(spec, p, err);

	if (n > 1 && p->key[n - 1] == '/')
		n--;
	for (size_t i = 0; i < all->n && rc == RC_OK; i++) {
		char *to = destination(p->key, n, p->value + 1, all->v[i]->path);
		if (!to)
			continue;
		struct pack_file file = {.path = to, .entry = all->v[i]};
		vec_push(&f->list, file);
		rc = check_name(spec, &file, err);
	}
	if (rc == RC_OK && f->list.n == before)
		rc = nothing_matches(spec, p, all, err);
	return rc;
}

/* ---- the whole ---- */

static int by_path(const void *a, const void *b)
{
	const struct pack_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static void add_folders(struct pack_files *f)
{
	size_t n = f->list.n;

	for (size_t i = 0; i < n; i++) {
		const char *path = f->list.v[i].path;
		for (const char *p = path; (p = strchr(p, '/')); p++) {
			struct pack_file folder = {.path = xstrndup(path, (size_t)(p - path))};
			vec_push(&f->list, folder);
		}
	}
}

/* Sort; the same thing twice is once, two things of one name are a mistake. */
static enum rc settle(const struct job_spec *spec, struct pack_files *f, struct err *err)
{
	uint64_t bytes = 0;
	size_t n = 0;

	if (f->list.n > 1)
		qsort(f->list.v, f->list.n, sizeof(*f->list.v), by_path);
	for (size_t i = 0; i < f->list.n; i++) {
		struct pack_file *at = &f->list.v[i], *last = n ? &f->list.v[n - 1] : NULL;
		bool twice = last && streq(last->path, at->path);
		if (twice && (!last->entry != !at->entry ||
			      (at->entry && !same_entry(last->entry, at->entry)))) {
			enum rc rc = err_set(err, RC_INVALID,
					     "image of %s: two different things would be /%.200s",
					     spec->unit, at->path);
			for (; i < f->list.n; i++) /* keep what is not yet moved */
				f->list.v[n++] = f->list.v[i];
			f->list.n = n;
			return rc;
		}
		if (twice) {
			xfree(at->path);
			continue;
		}
		bytes += at->entry ? at->entry->size : 0;
		f->list.v[n++] = *at;
	}
	f->list.n = n;
	return bytes <= BYTES_MAX ? RC_OK
				  : err_set(err, RC_TOO_BIG, "image of %s: more than %llu bytes",
					    spec->unit, (unsigned long long)BYTES_MAX);
}

enum rc pack_select(struct blobs *b, const struct job_spec *spec, struct pack_files *ret,
		    struct err *err)
{
	struct pack_files f = {0};
	entries all = {0};
	enum rc rc = load(b, spec, &f, err);

	if (rc == RC_OK)
		rc = merge(&f, spec, &all, err);
	for (size_t i = 0; i < spec->def.image.copy.n && rc == RC_OK; i++)
		rc = take(spec, &spec->def.image.copy.v[i], &all, &f, err);
	if (rc == RC_OK)
		add_folders(&f);
	if (rc == RC_OK)
		rc = settle(spec, &f, err);
	vec_done(&all);
	if (rc == RC_OK)
		*ret = f;
	else
		pack_files_done(&f);
	return rc;
}
