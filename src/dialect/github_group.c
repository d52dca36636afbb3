/*
 * A concurrency group. What its name is made of decides who ends whose jobs: "e2e-${{ github.ref }}" is a group for each branch, and must
 * not become one for all, where a push to a branch ends what runs for another.
 */
#include "dialect/import_impl.h"

static const struct {
	const char *theirs, *ours;
} names[] = {
	{"github.ref", "${branch}${pr.number}"},
	{"github.ref_name", "${branch}${pr.number}"},
	{"github.head_ref", "${pr.number}"},
	{"github.event.pull_request.number", "${pr.number}"},
	{"github.event.number", "${pr.number}"},
	{"github.base_ref", "${target}"},
	{"github.event.pull_request.base.ref", "${target}"},
	{"github.workflow", ""}, /* jobs of one file have names enough */
	{"github.repository", ""},
	{"github.job", "${job}"},
};

static const char *one(struct importer *im, struct str name, char **ret_own)
{
	struct str rest = name, kind = str_cut(&rest, '.');

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_is(name, names[i].theirs))
			return names[i].ours;
	if (!str_is(kind, "matrix") || !rest.p)
		return NULL;
	AUTO(freep) char *axis = draft_slug(rest, "axis");
	if (!job_has_axis(importer_job(im), axis))
		return NULL;
	*ret_own = xasprintf("${matrix.%s}", axis);
	return *ret_own;
}

/* An expression of it, "a || b": what stands first, unless that is empty for pushes and the next one says their branch. false: unknown. */
static bool add_hole(struct importer *im, struct str in, struct strbuf *to)
{
	const char *found = NULL;
	AUTO(freep) char *own = NULL;

	for (struct str rest = in; rest.p;) {
		struct str part = rest;
		const char *bar = memmem(rest.p, rest.n, "||", 2);

		part.n = bar ? (size_t)(bar - rest.p) : rest.n;
		rest = bar ? (struct str){bar + 2, rest.n - part.n - 2} : (struct str){NULL, 0};
		char *made = NULL;
		const char *ours = one(im, str_trim(part), &made);
		if (made) {
			xfree(own);
			own = made;
		}
		if (!ours)
			return false;
		if (!found || streq(found, "${pr.number}"))
			found = ours;
	}
	if (found && *found)
		strbuf_addf(to, "%s%s", to->n ? "-" : "", found);
	return true;
}

/* The name in two parts: words, and what changes. False: one of its expressions is none of ours. */
static bool take_apart(struct importer *im, struct str text, struct strbuf *words,
		       struct strbuf *holes)
{
	bool known = true;

	for (size_t i = 0; i < text.n; i++) {
		struct str at = {text.p + i, text.n - i};
		const char *end = str_starts(at, "${{") ? memmem(at.p, at.n, "}}", 2) : NULL;

		if (!end) {
			strbuf_addc(words, text.p[i]);
			continue;
		}
		struct str in = {at.p + 3, (size_t)(end - at.p) - 3};
		known &= add_hole(im, str_trim(in), holes);
		i += (size_t)(end - at.p) + 1;
	}
	return known;
}

void github_group(struct importer *im, const struct yaml_node *c)
{
	const struct yaml_node *group = c && c->kind == YAML_MAP ? yaml_get(c, "group") : c;
	const struct yaml_node *cancel = yaml_get(c, "cancel-in-progress");
	struct job_def *job = importer_job(im);
	AUTO(strbuf_done) struct strbuf words = STRBUF(4096), holes = STRBUF(4096);

	if (!c)
		return;
	if (!node_is_text(group)) {
		lost(im, c, "write concurrency: NAME", "concurrency");
		return;
	}
	if (!take_apart(im, group->text, &words, &holes)) {
		lost(im, group,
		     "a newer push to a pull request ends its older run by itself; for more name a group, out of "
		     "${branch}, ${pr.number}, ${target} and ${matrix.AXIS}",
		     "concurrency: %.*s", (int)MIN_OF(group->text.n, 160), group->text.p);
		return;
	}
	AUTO(freep) char *slug = draft_slug(strbuf_str(&words), job->name);
	job->group.name = holes.n ? xasprintf("%s-%s", slug, strbuf_cstr(&holes)) : xstrdup(slug);
	job->group.supersede = node_is_true(cancel);
	if (cancel && github_has_hole(cancel->text))
		lost(im, cancel,
		     "it waits for the job before: mode: supersede, where it should end that",
		     "cancel-in-progress: %.*s", (int)MIN_OF(cancel->text.n, 160), cancel->text.p);
}
