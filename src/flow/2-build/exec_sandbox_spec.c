/* What a job gets: its inputs, its environment, its limits. */
#include "flow/2-build/exec_container.h"

#include "base/glob.h"
#include "io/files.h"

#define RUN_MAX        ((size_t)100 << 10) /* an argument of a program has at most 128 KiB */
#define SECRET_MAX     ((size_t)64 << 10)
#define SUMMARY_INSIDE "/run/penstock-summary.md"

/* "." is the whole work folder. */
static char *unit_dir(const char *work, const char *path)
{
	return path && *path && !streq(path, ".") ? dir_path(work, path) : xstrdup(work);
}

static enum rc check_path(const char *path, struct err *err)
{
	return !path || !*path || streq(path, ".") ? RC_OK : path_check(str_of(path), err);
}

static bool is_whole(const char *path)
{
	return !path || !*path || streq(path, ".");
}

static bool is_in(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

/*
 * Which part of a need's outputs stands in the unit's folder, seen from the need's: "." all, NULL none. That folder is the only one that
 * the job may write to, the rest of /repo is bound read-only: there outputs may be hard links to the store's files, here they never are.
 */
static const char *own_part(const char *unit, const char *need)
{
	if (is_whole(unit) || is_in(need, unit))
		return ".";
	if (is_whole(need))
		return unit;
	return is_in(unit, need) ? unit + strlen(need) + 1 : NULL;
}

enum rc job_inputs(const struct job_spec *spec, const char *dir, const struct exec_inputs *in,
		   struct err *err)
{
	AUTO(freep) char *work = dir_path(dir, "work");
	AUTO(freep) char *unit = unit_dir(work, spec->path);

	enum rc rc = check_path(spec->path, err);
	if (rc == RC_OK)
		rc = dir_make(work, 0755, err);
	if (rc == RC_OK && in->sources && spec->reads.n)
		rc = in->sources(in->ctx, &spec->change, &spec->reads, work, err);
	if (rc == RC_OK)
		rc = dir_make(unit, 0755, err);
	for (size_t i = 0; i < spec->needs.n && rc == RC_OK; i++) {
		const struct need_output *need = &spec->needs.v[i];
		if (!need->outputs || !*need->outputs)
			continue;
		AUTO(freep) char *into = unit_dir(work, need->path);
		rc = check_path(need->path, err);
		if (rc == RC_OK)
			rc = dir_make(into, 0755, err);
		if (rc == RC_OK)
			rc = in->outputs(in->ctx, need->outputs, into,
					 own_part(spec->path, need->path), err);
	}
	return rc;
}

static void bind(struct shim_spec *s, const char *from, const char *to, bool writable)
{
	struct shim_bind b = {xstrdup(from), xstrdup(to), writable};

	vec_push(&s->binds, b);
}

static void binds(const struct sandbox_exec *x, const struct job_spec *spec, const char *dir,
		  struct shim_spec *s)
{
	AUTO(freep) char *work = dir_path(dir, "work");
	AUTO(freep) char *unit = unit_dir(work, spec->path);
	AUTO(freep) char *inside = unit_dir("/repo", spec->path);

	bool boxed = spec->def.container && *spec->def.container; /* it has an /etc of its own */

	if (!boxed) {
		bind(s, x->etc, "/etc", false);
		bind(s, "/etc/ld.so.cache", "/etc/ld.so.cache", false);
		bind(s, "/etc/alternatives", "/etc/alternatives", false);
	}
	if (!boxed && spec->def.network) {
		bind(s, "/etc/resolv.conf", "/etc/resolv.conf", false);
		bind(s, "/etc/ssl/certs", "/etc/ssl/certs", false);
	}
	if (!streq(work, unit))
		bind(s, work, "/repo", false);
	bind(s, unit, inside, true);
	s->cwd = xstrdup(inside);
}

static void pair_into(shim_pairs *to, const char *key, const char *value)
{
	struct shim_pair p = {xstrdup(key ? key : ""), xstrdup(value ? value : "")};

	vec_push(to, p);
}

static enum rc secrets(const struct job_spec *spec, const struct exec_inputs *in,
		       struct shim_spec *s, struct err *err)
{
	for (size_t i = 0; i < spec->def.secrets.n; i++) {
		const struct pair *p = &spec->def.secrets.v[i];
		struct strbuf value = STRBUF(SECRET_MAX);
		struct err here = {0};
		enum rc rc = in->secret ? in->secret(in->ctx, p->value, &value, &here)
					: err_set(&here, RC_NOT_FOUND, "there are no secrets here");
		if (rc == RC_OK &&
		    (!str_is_utf8(strbuf_str(&value)) || strlen(strbuf_cstr(&value)) != value.n))
			rc = err_set(
				&here, RC_INVALID,
				"it is not text (UTF-8 without NUL): encode it, as base64 for example");
		if (rc == RC_OK)
			pair_into(&s->secrets, p->key, strbuf_cstr(&value));
		if (value.p)
			mem_wipe(value.p, value.size);
		strbuf_done(&value);
		if (rc != RC_OK)
			return err_set(err, rc, "secret %s (%s): %s", p->key, p->value, here.msg);
	}
	return RC_OK;
}

static void steps(const struct job_spec *spec, struct shim_spec *s)
{
	for (size_t i = 0; i < spec->def.steps.n; i++) {
		const struct step_def *d = &spec->def.steps.v[i];
		struct shim_step step = {xstrdup(d->name ? d->name : ""),
					 xstrdup(d->run ? d->run : ""), d->timeout};
		vec_push(&s->steps, step);
	}
}

static void reports(const struct job_spec *spec, const char *dir, struct shim_spec *s)
{
	const struct reports_def *def = &spec->def.reports;
	const char *const globs[] = {def->junit, def->sarif, def->coverage, def->summary};
	AUTO(freep) char *work = dir_path(dir, "work");

	for (size_t i = 0; i < ARRAY_LEN(globs); i++) {
		if (!globs[i] || !*globs[i])
			continue;
		char *text = xstrdup(globs[i]);
		vec_push(&s->reports, text);
	}
	if (s->reports.n)
		s->unit = unit_dir(work, spec->path);
}

static enum rc check_steps(const struct job_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->def.steps.n; i++)
		if (spec->def.steps.v[i].run && strlen(spec->def.steps.v[i].run) > RUN_MAX)
			return err_set(err, RC_TOO_BIG,
				       "step \"%s\" has more than %zu bytes: put it into a file",
				       spec->def.steps.v[i].name ? spec->def.steps.v[i].name : "",
				       RUN_MAX);
	return RC_OK;
}

enum rc shim_spec_make(const struct sandbox_exec *x, const struct job_spec *spec, const char *dir,
		       const struct exec_inputs *in, struct shim_spec *ret, struct err *err)
{
	struct shim_spec s = {.kind = SHIM_JOB};

	if (spec->def.run && strlen(spec->def.run) > RUN_MAX)
		return err_set(err, RC_TOO_BIG,
			       "the command has more than %zu bytes: put it into a file", RUN_MAX);
	enum rc checked = check_steps(spec, err);
	if (checked != RC_OK)
		return checked;
	s.name = xstrdup(spec->job);
	s.sandbox = xstrdup(x->bwrap);
	s.run = xstrdup(spec->def.run ? spec->def.run : "");
	s.network = spec->def.network;
	s.timeout = spec->def.timeout;
	s.memory = spec->def.memory;
	for (size_t i = 0; i < spec->def.finally.n; i++) {
		char *text = xstrdup(spec->def.finally.v[i]);
		vec_push(&s.finally, text);
	}
	for (size_t i = 0; i < spec->def.env.n; i++)
		pair_into(&s.env, spec->def.env.v[i].key, spec->def.env.v[i].value);
	for (size_t i = 0; i < spec->env.n; i++)
		pair_into(&s.env, spec->env.v[i].key, spec->env.v[i].value);
	binds(x, spec, dir, &s);
	strict_rules(spec, &s);
	AUTO(freep) char *summary = dir_path(dir, "summary.md");
	bind(&s, summary, SUMMARY_INSIDE, true);
	pair_into(&s.env, "PENSTOCK_SUMMARY", SUMMARY_INSIDE);
	reports(spec, dir, &s);
	steps(spec, &s);
	enum rc rc = container_make(x, spec, in, &s, err);
	if (rc == RC_OK)
		rc = secrets(spec, in, &s, err);
	if (rc == RC_OK)
		*ret = s;
	else
		shim_spec_wipe(&s);
	return rc;
}

void shim_spec_wipe(struct shim_spec *s)
{
	for (size_t i = 0; i < s->secrets.n; i++)
		if (s->secrets.v[i].value)
			mem_wipe(s->secrets.v[i].value, strlen(s->secrets.v[i].value));
	shape_done(&shape_shim_spec, s);
}
