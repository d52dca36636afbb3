/* Which file is a manifest, and what all readers share. */
#include "project/buildfile.h"
#include "project/buildfile_impl.h"
#include "base/glob.h"

const char *const buildfile_tools[] = {
#define X(name, tool, file) tool,
	BUILDFILE_MAP(X)
#undef X
};
static const char *const files[] = {
#define X(name, tool, file) file,
	BUILDFILE_MAP(X)
#undef X
};

/* ---- paths ---- */
const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_dir(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? xstrndup(file, (size_t)(slash - file)) : xstrdup(".");
}

bool path_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return streq(dir, ".") || (!strncmp(path, dir, n) && (path[n] == '/' || !path[n]));
}

/* Cut the last part off; false when there is none. */
static bool climb(struct strbuf *b)
{
	if (!b->n)
		return false;
	while (b->n && b->p[--b->n] != '/')
		;
	if (b->p)
		b->p[b->n] = '\0';
	return true;
}

char *path_join(const char *dir, struct str rel)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(1024);

	if (rel.n && rel.p[0] == '/')
		return NULL;
	if (!streq(dir, "."))
		strbuf_adds(&b, dir);
	while (rel.p) {
		struct str part = str_cut(&rel, '/');
		if (!part.n || str_is(part, "."))
			continue;
		if (str_is(part, "..")) {
			if (!climb(&b))
				return NULL;
			continue;
		}
		if (b.n)
			strbuf_addc(&b, '/');
		strbuf_addstr(&b, part);
	}
	if (strbuf_failed(&b) || memchr(strbuf_cstr(&b), '\0', b.n))
		return NULL;
	return b.n ? strbuf_take(&b) : xstrdup(".");
}

bool path_is_foreign(const char *path)
{
	static const char *const skipped[] = {"node_modules", "vendor", "third_party", "testdata"};
	struct str rest = str_of(path);

	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (!rest.p)
			break; /* the file's own name */
		if (part.n && part.p[0] == '.')
			return true;
		for (size_t i = 0; i < ARRAY_LEN(skipped); i++)
			if (str_is(part, skipped[i]))
				return true;
	}
	return false;
}

bool buildfile_is(const char *path, enum buildfile_kind *ret)
{
	const char *base = path_base(path);
	size_t n = strlen(base);

	if (n > 4 && streq(base + n - 4, ".kts"))
		n -= 4; /* settings.gradle.kts */
	else if (streq(base, "BUILD.bazel"))
		n = 5;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (strlen(files[i]) != n || memcmp(files[i], base, n) != 0)
			continue;
		if (path_is_foreign(path))
			return false;
		*ret = (enum buildfile_kind)i;
		return true;
	}
	return false;
}

/* ---- what readers fill in ---- */
enum rc source_fail(const struct source *s, uint32_t line, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf what = STRBUF(400);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&what, fmt, ap);
	va_end(ap);
	return err_set(s->err, RC_INVALID, "%s:%u: %s", s->m->file, line, strbuf_cstr(&what));
}

enum rc json_problem(const char *file, struct err *err)
{
	static const char before[] = "JSON, line ";
	const char *line = err ? strstr(err->msg, before) : NULL;
	const char *colon = line ? strchr(line, ':') : NULL;

	if (!colon)
		return err ? err_wrap(err, "%s:1", file) : RC_INVALID;
	line += sizeof(before) - 1;
	AUTO(freep)
	char *said = xasprintf("%s:%.*s%s", file, (int)strcspn(line, ","), line, colon);
	return err_set(err, err->rc, "%s", said);
}

enum rc too_many(const struct source *s)
{
	return err_set(s->err, RC_TOO_BIG, "%s:1: names more than %u others", s->m->file,
		       BUILDFILE_MENTIONS);
}

void source_runs(struct source *s, const char *what, uint32_t line)
{
	if (s->m->runs)
		return;
	s->m->runs = what;
	s->m->runs_line = line;
}

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20)
			return false;
	return s.n && s.n <= 512;
}

bool add_mention(struct source *s, struct str name, struct str range, bool dev, uint32_t line)
{
	if (s->m->deps.n == BUILDFILE_MENTIONS)
		return false;
	if (is_plain(name))
		vec_push(&s->m->deps, ((struct mention){xstrndup(name.p, name.n),
							range.n ? xstrndup(range.p, range.n) : NULL,
							false, dev, line}));
	return true;
}

bool add_path(struct source *s, struct str rel, bool dev, uint32_t line)
{
	char *path = is_plain(rel) ? path_join(s->m->dir, rel) : NULL;

	if (!path)
		return true;
	if (s->m->deps.n == BUILDFILE_MENTIONS) {
		xfree(path);
		return false;
	}
	vec_push(&s->m->deps, ((struct mention){path, NULL, true, dev, line}));
	return true;
}

void add_name(struct source *s, struct str name)
{
	if (is_plain(name) && s->m->names.n < BUILDFILE_MENTIONS)
		vec_push(&s->m->names, xstrndup(name.p, name.n));
}

void add_member(struct source *s, struct str glob, bool exclude)
{
	if (glob.n && glob.p[0] == '!') {
		exclude = true;
		glob.p++;
		glob.n--;
	}
	texts *to = exclude ? &s->m->excludes : &s->m->members;
	char *path = is_plain(glob) ? path_join(s->m->dir, glob) : NULL;

	if (path && to->n < BUILDFILE_MENTIONS && glob_check(str_of(path), NULL) == RC_OK)
		vec_push(to, path);
	else
		xfree(path);
	s->m->workspace = true;
}

static void texts_free(texts *t)
{
	vec_each(s, t)
		xfree(*s);
	vec_done(t);
}

void buildfile_done(struct buildfile *m)
{
	vec_each(d, &m->deps) {
		xfree(d->name);
		xfree(d->range);
	}
	vec_done(&m->deps);
	texts_free(&m->names);
	texts_free(&m->members);
	texts_free(&m->excludes);
	vec_each(p, &m->places) {
		xfree(p->key);
		xfree(p->value);
	}
	vec_done(&m->places);
	texts_free(&m->refs);
	xfree(m->parent);
	xfree(m->settings);
	xfree(m->file);
	xfree(m->dir);
	*m = (struct buildfile){.kind = BUILDFILE_NPM};
}

static enum rc read_docker(struct source *s)
{
	s->m->unit = true;
	source_runs(s, "it has a Dockerfile", 1);
	return RC_OK;
}

enum rc buildfile_read(const char *file, struct str text, struct buildfile *ret, struct err *err)
{
	static enum rc (*const readers[])(struct source *) = {
		[BUILDFILE_NPM] = read_npm,
		[BUILDFILE_PNPM] = read_pnpm,
		[BUILDFILE_GO] = read_go,
		[BUILDFILE_GO_WORK] = read_go_work,
		[BUILDFILE_CARGO] = read_cargo,
		[BUILDFILE_MAVEN] = read_maven,
		[BUILDFILE_GRADLE_SETTINGS] = read_gradle_settings,
		[BUILDFILE_GRADLE] = read_gradle,
		[BUILDFILE_PYTHON] = read_python,
		[BUILDFILE_CMAKE] = read_cmake,
		[BUILDFILE_BAZEL] = read_bazel,
		[BUILDFILE_DOCKER] = read_docker,
	};
	struct buildfile m = {.kind = BUILDFILE_NPM};
	enum buildfile_kind kind;

	if (!buildfile_is(file, &kind))
		return err_set(err, RC_INVALID, "%s:1: is no manifest", file);
	if (text.n > BUILDFILE_MAX)
		return err_set(err, RC_TOO_BIG, "%s:1: is larger than %zu bytes", file,
			       BUILDFILE_MAX);
	if (text.n && memchr(text.p, '\0', text.n))
		return err_set(err, RC_INVALID, "%s:1: holds a NUL byte: it is no text", file);
	m.kind = kind;
	m.file = xstrdup(file);
	m.dir = path_dir(file);
	struct source s = {&m, text, err};
	enum rc rc = readers[kind](&s);
	if (rc != RC_OK) {
		buildfile_done(&m);
		return rc;
	}
	*ret = m;
	return RC_OK;
}
