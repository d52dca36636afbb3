/* `penstock import`: another system's file becomes a penstock.yml, and what has no counterpart is listed line by line. */
#include "base/glob.h"
#include "base/yaml.h"
#include "dialect/dialect.h"
#include "io/files.h"
#include "main/cmd_dialect.h"
#include "main/local.h"
#include "main/local_dialect.h"
#include "main/zone.h"

#define OUT_MAX ((size_t)16 << 20)

/* Files that a .gitlab-ci.yml includes lie below the folder that it stands in. */
struct include_folder {
	char *path;
};

static enum rc read_include(void *ctx, const char *path, struct strbuf *ret, struct err *err)
{
	const struct include_folder *f = ctx;
	AUTO(freep) char *full = NULL;

	while (*path == '/')
		path++;
	if (path_check(str_of(path), err) != RC_OK)
		return err->rc;
	full = xasprintf("%s/%s", f->path, path);
	return file_read(full, YAML_MAX_BYTES, ret, err);
}

static char *folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? xstrndup(file, (size_t)(slash - file)) : xstrdup(".");
}

void local_remarks(const struct remark *v, size_t n)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(OUT_MAX);

	for (size_t i = 0; i < n; i++) {
		const struct remark *m = &v[i];
		if (m->file)
			strbuf_addf(&text, "%s:%u: ", m->file, m->line);
		strbuf_addf(&text, "%s: not mapped; %s\n", m->what, m->instead);
	}
	for (size_t i = 0; i < text.n; i++)
		if (((unsigned char)text.p[i] < 0x20 && text.p[i] != '\n') || text.p[i] == 0x7f)
			text.p[i] = ' ';
	(void)fflush(stdout);
	fputs(strbuf_cstr(&text), stderr);
}

/* What is written must be what `penstock check` takes: said here, not there. */
static enum rc check_written(const struct strbuf *text, struct err *err)
{
	AUTO(config_done) struct config c = {0};

	if (config_read(strbuf_str(text), "penstock.yml", zone_rule, NULL, &c, err) != RC_OK)
		return err_wrap(err, "the file that was made needs a hand");
	return RC_OK;
}

static enum rc read_draft(const struct import_options *o, struct draft *d, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(YAML_MAX_BYTES);
	struct include_folder folder = {NULL};

	if (file_read(o->file, YAML_MAX_BYTES, &text, err) != RC_OK)
		return err->rc;
	if (o->dialect == DIALECT_GITHUB)
		return import_github(strbuf_str(&text), o->file, d, err);
	folder.path = folder_of(o->file);
	enum rc rc = import_gitlab(strbuf_str(&text), o->file, read_include, &folder, d, err);
	xfree(folder.path);
	return rc;
}

int local_import(const struct import_options *o)
{
	AUTO(draft_done) struct draft d = {0};
	AUTO(strbuf_done) struct strbuf out = STRBUF(OUT_MAX);
	struct err err = {0};

	if (o->out && !o->force && file_exists(o->out)) {
		err_set(&err, RC_CONFLICT, "%s is already there; --force replaces it", o->out);
		return local_fail(&err);
	}
	if (read_draft(o, &d, &err) != RC_OK)
		return local_fail(&err);
	draft_write(&d, &out);
	if (strbuf_failed(&out)) {
		err_set(&err, RC_TOO_BIG, "%s: what came of it is above 16 MiB", o->file);
		return local_fail(&err);
	}
	if (o->out) {
		if (file_write(o->out, strbuf_str(&out), 0644, &err) != RC_OK)
			return local_fail(&err);
	} else {
		local_print(&out);
	}
	local_remarks(d.remarks.v, d.remarks.n);
	if (check_written(&out, &err) != RC_OK) {
		(void)local_fail(&err);
		return EXIT_WORK;
	}
	fprintf(stderr, "penstock: %zu job%s; %zu thing%s did not map\n", d.c.jobs.n,
		d.c.jobs.n == 1 ? "" : "s", d.remarks.n, d.remarks.n == 1 ? "" : "s");
	return d.remarks.n ? EXIT_WORK : EXIT_GOOD;
}
