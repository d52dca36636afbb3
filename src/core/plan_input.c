/* From input patterns to entries of a tree. */
#include "base/glob.h"
#include "core/config_impl.h"
#include "core/plan_impl.h"
#include "core/sort.h"

static int by_path(const void *a, const void *b)
{
	return strcmp((*(const struct tree_entry *const *)a)->path,
		      (*(const struct tree_entry *const *)b)->path);
}

void tree_init(struct tree *t, const struct tree_facts *facts)
{
	bool in_order = true;

	*t = (struct tree){.facts = facts};
	vec_grow(&t->sorted, sizeof(*t->sorted.v), facts->entries.n);
	for (size_t i = 0; i < facts->entries.n; i++) {
		t->sorted.v[t->sorted.n++] = &facts->entries.v[i];
		in_order &= i == 0 ||
			    strcmp(facts->entries.v[i - 1].path, facts->entries.v[i].path) <= 0;
	}
	if (!in_order)
		sort_stable(t->sorted.v, t->sorted.n, sizeof(*t->sorted.v), by_path);
	t->dot[0] = '.';
	t->root = (struct tree_entry){t->dot, facts->tree, MODE_TREE};
}

void input_tree_done(struct tree *t)
{
	for (struct map_entry *e = NULL; (e = map_next(&t->globs, e));) {
		struct hits *hits = e->value;

		vec_done(&hits->v);
		xfree(hits);
	}
	map_done(&t->globs);
	vec_done(&t->sorted);
}

/* The first entry whose path is not before `path`. */
static size_t lower_bound(const struct tree *t, struct str path)
{
	size_t low = 0, high = t->sorted.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_cmp(str_of(t->sorted.v[mid]->path), path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct tree_entry *tree_find(const struct tree *t, struct str path)
{
	size_t at = lower_bound(t, path);

	if (at < t->sorted.n && str_is(path, t->sorted.v[at]->path))
		return t->sorted.v[at];
	return str_is(path, ".") && t->facts->tree ? &t->root : NULL;
}

static bool is_wild(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '{';
}

bool input_is_one(struct str s, struct str *ret_dir)
{
	size_t wild = 0, slash = 0;

	while (wild < s.n && !is_wild(s.p[wild])) {
		if (s.p[wild] == '/')
			slash = wild;
		wild++;
	}
	if (wild == s.n) {
		*ret_dir = s;
		return true;
	}
	*ret_dir = (struct str){s.p, slash};
	if (s.n - wild == 2 && s.p[wild] == '*' && s.p[wild + 1] == '*' &&
	    (wild == 0 || (slash && wild == slash + 1))) {
		if (wild == 0)
			*ret_dir = STR(".");
		return true; /* all of a folder: its tree says it */
	}
	return false;
}

/* What every path that matches must end with; saves most calls of glob_match(). */
static struct str literal_end(struct str pattern)
{
	size_t n = 0;

	while (n < pattern.n) {
		char c = pattern.p[pattern.n - 1 - n];

		if (is_wild(c) || c == ']' || c == '}' || c == '/')
			break;
		n++;
	}
	return (struct str){pattern.p + pattern.n - n, n};
}

static bool ends_with(struct str s, struct str end)
{
	return s.n >= end.n && (end.n == 0 || memcmp(s.p + s.n - end.n, end.p, end.n) == 0);
}

/* dir + "/" + "**" + "/" + "*.c": whatever lies below dir and ends so. The commonest glob, and no matching to do. */
static bool is_tail(struct str pattern, struct str dir, struct str end)
{
	size_t head = dir.n ? dir.n + 1 : 0;

	return pattern.n - head - end.n == 4 && memcmp(pattern.p + head, "**/*", 4) == 0;
}

static const struct hits *glob_find(struct tree *t, struct str pattern, struct str dir)
{
	struct hits *hits = map_get(&t->globs, pattern);

	if (hits)
		return hits;
	hits = xcalloc(1, sizeof(*hits));
	map_put(&t->globs, pattern, hits);
	AUTO(strbuf_done) struct strbuf prefix = STRBUF(2 * TEXT_MAX);
	struct str end = literal_end(pattern);
	bool sure = is_tail(pattern, dir, end);

	if (dir.n)
		strbuf_addf(&prefix, "%.*s/", (int)dir.n, dir.p);
	for (size_t i = lower_bound(t, strbuf_str(&prefix)); i < t->sorted.n; i++) {
		const struct tree_entry *e = t->sorted.v[i];
		struct str path = str_of(e->path);

		if (!str_starts(path, strbuf_cstr(&prefix)))
			break;
		if (e->mode != MODE_TREE && ends_with(path, end) &&
		    (sure || glob_match(pattern, path)))
			vec_push(&hits->v, e);
	}
	return hits;
}

void glob_entries(struct tree *t, const char *unit_path, const char *pattern, found_list *ret)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(2 * TEXT_MAX);
	struct str dir;

	if (!input_resolve(unit_path, str_of(pattern), &b))
		return;
	if (input_is_one(strbuf_str(&b), &dir)) {
		const struct tree_entry *e = tree_find(t, dir);

		if (e)
			vec_push(ret, e);
		return;
	}
	const struct hits *hits = glob_find(t, strbuf_str(&b), dir);

	for (size_t k = 0; k < hits->v.n; k++)
		vec_push(ret, hits->v.v[k]);
}

void inputs_find(struct tree *t, const struct job_def *job, const char *unit_path, found_list *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < job->inputs.n; i++)
		if (!input_is_default(job->inputs.v[i]))
			glob_entries(t, unit_path, job->inputs.v[i], ret);
	sort_stable(ret->v, ret->n, sizeof(*ret->v), by_path);
	for (size_t i = 0; i < ret->n; i++)
		if (kept == 0 || !streq(ret->v[kept - 1]->path, ret->v[i]->path))
			ret->v[kept++] = ret->v[i];
	ret->n = kept;
}

/* ---- what to ask Git for ---- */

static void add_path(texts *to, struct map *seen, struct str path)
{
	if (path.n == 0)
		path = STR(".");
	if (!map_put(seen, path, seen))
		vec_push(to, xstrndup(path.p, path.n));
}

struct str repository_image(const char *image)
{
	struct str rest = str_of(image ? image : "");

	if (!str_starts(rest, "oci:") || str_starts(rest, "oci:/"))
		return (struct str){NULL, 0};
	rest = (struct str){rest.p + 4, rest.n - 4};
	return str_cut(&rest, ':');
}

struct asked {
	texts *dirs, *list;
	struct map seen_dirs, seen_list;
};

static void add_pattern(struct asked *a, const char *unit_path, struct str pattern)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(2 * TEXT_MAX);
	struct str dir;

	if (!input_resolve(unit_path, pattern, &b))
		return;
	if (input_is_one(strbuf_str(&b), &dir))
		add_path(a->dirs, &a->seen_dirs, dir);
	else
		add_path(a->list, &a->seen_list, dir);
}

/* What each changed('...') of an `if` looks at. */
static void add_changed(struct asked *a, const char *condition)
{
	for (const char *at = condition; at && (at = strstr(at, "changed("));) {
		const char *from = strchr(at, '\''), *to = from ? strchr(from + 1, '\'') : NULL;

		if (to)
			add_pattern(a, ".", (struct str){from + 1, (size_t)(to - from - 1)});
		at = to;
	}
}

static void add_unit_paths(struct asked *a, const struct job_def *job, const char *unit_path)
{
	vec_each(pattern, &job->inputs)
		if (!input_is_default(*pattern)) /* units are asked for anyhow */
			add_pattern(a, unit_path, str_of(*pattern));
	if (job->split.into)
		add_pattern(a, unit_path, str_of(job->split.files));
}

static void add_images(struct asked *a, const struct job_def *job)
{
	struct str layout = repository_image(job->container);

	if (layout.n)
		add_path(a->dirs, &a->seen_dirs, layout);
	for (size_t i = 0; i < job->services.n; i++) {
		layout = repository_image(job->services.v[i].image);
		if (layout.n)
			add_path(a->dirs, &a->seen_dirs, layout);
	}
}

/* Whether a folder above the path (not itself) is in the set. */
static bool is_below(const struct map *set, const char *path)
{
	struct str s = str_of(path);

	if (streq(path, "."))
		return false;
	if (map_get(set, STR(".")))
		return true;
	for (size_t n = s.n; n-- > 0;)
		if (s.p[n] == '/' && map_get(set, (struct str){s.p, n}))
			return true;
	return false;
}

void plan_paths(const struct config *c, texts *ret_dirs, texts *ret_list)
{
	struct asked a = {.dirs = ret_dirs, .list = ret_list};
	size_t kept = 0;

	for (size_t i = 0; i < c->units.n; i++)
		add_path(ret_dirs, &a.seen_dirs, str_of(c->units.v[i].path));
	for (size_t j = 0; j < c->jobs.n; j++) {
		const struct job_def *job = &c->jobs.v[j];

		add_changed(&a, job->condition);
		add_images(&a, job);
		if (!job->each)
			add_unit_paths(&a, job, ".");
		if (!job->each && job->inputs.n == 0)
			add_path(ret_dirs, &a.seen_dirs, STR("."));
		for (size_t i = 0;
		     job->each && (job->inputs.n || job->split.into) && i < c->units.n; i++)
			if (job_covers(job, &c->units.v[i]))
				add_unit_paths(&a, job, c->units.v[i].path);
	}
	for (size_t i = 0; i < ret_list->n; i++) {
		if (is_below(&a.seen_list, ret_list->v[i]))
			xfree(ret_list->v[i]);
		else
			ret_list->v[kept++] = ret_list->v[i];
	}
	ret_list->n = kept;
	sort_stable(ret_dirs->v, ret_dirs->n, sizeof(*ret_dirs->v), sort_by_text);
	sort_stable(ret_list->v, ret_list->n, sizeof(*ret_list->v), sort_by_text);
	map_done(&a.seen_dirs);
	map_done(&a.seen_list);
}
