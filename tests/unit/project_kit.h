/* A commit in memory for tests of src/project/: files by path, as a project_source. */
#pragma once
#include "unit.h"
#include "base/digest.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "project/read.h"

#include <dirent.h>

struct kit_file {
	char *path, *text;
};
struct kit_commit {
	const char *name;
	VEC(struct kit_file) files;
};
struct kit {
	struct kit_commit commits[2];
	unsigned reads; /* files that were asked for */
};

static inline void kit_put(struct kit_commit *c, const char *path, const char *text)
{
	vec_each(f, &c->files)
		if (streq(f->path, path)) {
			xfree(f->text);
			f->text = xstrdup(text);
			return;
		}
	vec_push(&c->files, ((struct kit_file){xstrdup(path), xstrdup(text)}));
}

static inline const char *kit_get(const struct kit_commit *c, const char *path)
{
	vec_each(f, &c->files)
		if (streq(f->path, path))
			return f->text;
	return NULL;
}

static inline void kit_copy(struct kit_commit *to, const struct kit_commit *from)
{
	vec_each(f, &from->files)
		kit_put(to, f->path, f->text);
}

static inline void kit_done(struct kit *k)
{
	for (size_t i = 0; i < 2; i++) {
		vec_each(f, &k->commits[i].files) {
			xfree(f->path);
			xfree(f->text);
		}
		vec_done(&k->commits[i].files);
	}
}

/* Replaces the first `old` in a file, which must be there. */
static inline void kit_edit(struct kit_commit *c, const char *path, const char *old,
			    const char *new)
{
	const char *text = kit_get(c, path);
	const char *at = text ? strstr(text, old) : NULL;

	if (!at)
		fail_msg("%s holds no <%s>", path, old);
	char *edited = xasprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
	kit_put(c, path, edited);
	xfree(edited);
}

/* Every file below tests/data/project/NAME. */
static inline void kit_load(struct kit_commit *c, const char *root, const char *below)
{
	AUTO(freep)
	char *dir = xasprintf("tests/data/project/%s%s%s", root, *below ? "/" : "", below);
	DIR *d = opendir(dir);

	if (!d)
		fail_msg("no folder %s: run it from the top of the tree", dir);
	for (struct dirent *e; (e = readdir(d));) {
		AUTO(freep) char *path = xasprintf("%s%s%s", below, *below ? "/" : "", e->d_name);
		AUTO(freep) char *full = xasprintf("%s/%s", dir, e->d_name);
		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (e->d_type == DT_DIR) {
			kit_load(c, root, path);
			continue;
		}
		AUTO(strbuf_done) struct strbuf text = STRBUF((size_t)4 << 20);
		char buffer[65536];
		size_t n;
		FILE *f = fopen(full, "r");
		while (f && (n = fread(buffer, 1, sizeof(buffer), f)) > 0)
			strbuf_add(&text, buffer, n);
		if (f)
			fclose(f);
		kit_put(c, path, strbuf_cstr(&text));
	}
	closedir(d);
}

static inline const struct kit_commit *kit_commit(const struct kit *k, const char *name)
{
	return &k->commits[streq(name, "base")];
}

static inline enum rc kit_read(void *ctx, const char *commit, const char *path, const char *oid,
			       size_t max, struct strbuf *ret, struct err *err)
{
	struct kit *k = ctx;
	const char *text = kit_get(kit_commit(k, commit), path);

	(void)oid;
	k->reads++;
	if (!text)
		return err_set(err, RC_NOT_FOUND, "no file %s", path);
	if (strlen(text) > max)
		return err_set(err, RC_TOO_BIG, "%s is too big", path);
	strbuf_adds(ret, text);
	return RC_OK;
}

static inline bool kit_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return streq(dir, ".") || (!strncmp(path, dir, n) && path[n] == '/');
}

/* The id of a file, or of all that lies below a folder; NULL: there is nothing. */
static inline char *kit_oid(const struct kit_commit *c, const char *path, uint32_t *mode)
{
	AUTO(strbuf_done) struct strbuf all = STRBUF((size_t)64 << 20);
	const char *text = kit_get(c, path);

	*mode = text ? 0100644 : 040000;
	if (text)
		strbuf_adds(&all, text);
	for (size_t i = 0; !text && i < c->files.n; i++)
		if (kit_below(c->files.v[i].path, path))
			strbuf_addf(&all, "%s\n%s\n", c->files.v[i].path, c->files.v[i].text);
	if (!text && !all.n)
		return NULL;
	char *oid = digest_hex_dup(strbuf_str(&all));
	oid[40] = '\0';
	return oid;
}

static inline enum rc kit_tree(void *ctx, const char *commit, const texts *dirs, const texts *list,
			       bool (*wanted)(const char *), struct tree_facts *ret,
			       struct err *err)
{
	const struct kit_commit *c = kit_commit(ctx, commit);
	uint32_t mode;

	(void)err;
	vec_each(dir, dirs) {
		char *oid = kit_oid(c, *dir, &mode);
		if (oid)
			vec_push(&ret->entries, ((struct tree_entry){xstrdup(*dir), oid, mode}));
	}
	vec_each(dir, list)
		vec_each(f, &c->files)
			if (kit_below(f->path, *dir) && (!wanted || wanted(f->path)))
				vec_push(
					&ret->entries,
					((struct tree_entry){xstrdup(f->path),
							     kit_oid(c, f->path, &mode), 0100644}));
	ret->commit = xstrdup(commit);
	ret->tree = kit_oid(c, ".", &mode);
	return RC_OK;
}

static inline enum rc kit_other(void *ctx, const char *source, const char *commit, const char *path,
				size_t max, struct strbuf *ret, struct err *err)
{
	(void)ctx, (void)max;
	if (!streq(source, "templates") || !streq(path, "node.yml"))
		return err_set(err, RC_NOT_FOUND, "no %s in %s", path, source);
	strbuf_addf(ret, "version: 1\ntemplates:\n  node: {run: \"echo %.4s\"}\n", commit);
	return RC_OK;
}

static inline struct project_source kit_source(struct kit *k)
{
	return (struct project_source){
		.ctx = k, .file = kit_read, .tree = kit_tree, .other = kit_other};
}

static inline struct project_ask kit_ask(const struct project_source *source)
{
	return (struct project_ask){.source = source,
				    .head = "head",
				    .base = "base",
				    .stage = STAGE_CI,
				    .toolchain = "t",
				    .without_file = true};
}
