/* ${{ expressions }} of GitHub Actions: in a script they become variables of the shell, so that no text from outside is ever part of a command. */
#include "dialect/import_impl.h"

#define TEXT_CAP ((size_t)2 << 20)

bool github_has_hole(struct str text)
{
	for (size_t i = 0; i + 2 < text.n; i++)
		if (memcmp(text.p + i, "${{", 3) == 0)
			return true;
	return false;
}

/* The expression that begins at text.p + at ("${{"); *ret_end: behind its braces. */
static bool hole_at(struct str text, size_t at, struct str *ret, size_t *ret_end)
{
	for (size_t i = at + 3; i + 1 < text.n; i++)
		if (text.p[i] == '}' && text.p[i + 1] == '}') {
			*ret = str_trim((struct str){text.p + at + 3, i - at - 3});
			*ret_end = i + 2;
			return true;
		}
	return false;
}

struct str github_hole(struct str text)
{
	struct str in = STR(""), t = str_trim(text);
	size_t end = 0;

	if (str_starts(t, "${{") && hole_at(t, 0, &in, &end) && end == t.n)
		return in;
	return STR("");
}

static bool is_variable(struct str s)
{
	bool ok = s.n > 0 && s.n <= 128 && !(s.p[0] >= '0' && s.p[0] <= '9');

	for (size_t i = 0; i < s.n; i++)
		ok &= (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      s.p[i] == '_' || (s.p[i] >= '0' && s.p[i] <= '9');
	return ok;
}

static char *upper(struct str s)
{
	char *text = xstrndup(s.p, s.n);

	for (char *p = text; *p; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p == '-' || *p == '.' ? '_' : *p;
	return text;
}

/* The variable of a job that holds what the expression names; NULL: there is none. */
static char *variable_of(struct importer *im, struct str name)
{
	struct str rest = name;
	struct str kind = str_cut(&rest, '.');

	if (!rest.p || im->job == NO_JOB)
		return NULL;
	if (str_is(kind, "matrix")) {
		AUTO(freep) char *slug = draft_slug(rest, "axis");
		AUTO(freep) char *axis = upper(str_of(slug));
		return job_has_axis(importer_job(im), slug) && is_variable(str_of(axis))
			       ? xasprintf("MATRIX_%s", axis)
			       : NULL;
	}
	if (str_is(kind, "secrets") && is_variable(rest) && !str_is(rest, "GITHUB_TOKEN")) {
		AUTO(freep) char *key = xstrndup(rest.p, rest.n);
		AUTO(freep) char *reference = xasprintf("file:%s", key);
		draft_pair(&importer_job(im)->secrets, key, reference);
		return xstrdup(key);
	}
	if (str_is(kind, "env") && is_variable(rest))
		return xstrndup(rest.p, rest.n);
	if (str_is(name, "github.workspace"))
		return xstrdup("PWD");
	if (str_is(name, "strategy.job-index") || str_is(name, "strategy.job-total"))
		return NULL;
	return NULL;
}

static const char *advice_of(struct str name)
{
	if (str_starts(name, "needs."))
		return "write it to a file that is an output of that job, and read it here";
	if (str_starts(name, "steps."))
		return "write it to a file in one step, and read it in the other";
	if (str_starts(name, "secrets.GITHUB_TOKEN") || str_starts(name, "github.token"))
		return "a job has no token of its host: give it one as a secret";
	if (str_starts(name, "vars."))
		return "write the value under env";
	if (str_starts(name, "inputs.") || str_starts(name, "github.event.inputs."))
		return "a run has no inputs: write the value under env";
	if (str_starts(name, "runner."))
		return "ask the shell: uname, $TMPDIR";
	if (str_starts(name, "github."))
		return "a job sees only declared things: ask Git or the environment in the script";
	if (str_starts(name, "hashFiles"))
		return "cache.key names the files";
	return "work it out in the script";
}

/* Whether the byte stands within '...' of a script, where a shell puts in no variable. */
static bool in_single_quotes(struct str text, size_t at)
{
	char quote = 0;

	for (size_t i = 0; i < at; i++) {
		char c = text.p[i];
		if (quote == '\'' || (quote && c == quote)) {
			quote = c == quote ? 0 : quote;
		} else if (c == '\\') {
			i++;
		} else if (quote) {
			continue;
		} else if (c == '\'' || c == '"') {
			quote = c;
		} else if (c == '#' && (i == 0 || strchr(" \t\n;", text.p[i - 1]))) {
			while (i + 1 < at && text.p[i + 1] != '\n')
				i++;
		}
	}
	return quote == '\'';
}

static bool fill(struct importer *im, const struct yaml_node *at, struct str text, size_t pos,
		 struct str name, bool script, struct strbuf *to)
{
	if (name.n >= 2 && name.p[0] == '\'' && name.p[name.n - 1] == '\'' &&
	    !memchr(name.p + 1, '\'', name.n - 2)) {
		strbuf_add(to, name.p + 1, name.n - 2);
		return true;
	}
	if (!script && str_starts(name, "matrix.") && im->job != NO_JOB) {
		AUTO(freep) char *axis = draft_slug((struct str){name.p + 7, name.n - 7}, "axis");
		if (job_has_axis(importer_job(im), axis)) {
			strbuf_addf(to, "${matrix.%s}", axis);
			return true;
		}
	}
	AUTO(freep) char *variable = script ? variable_of(im, name) : NULL;
	if (!variable) {
		lost(im, at, advice_of(name), "${{ %.*s }}", (int)MIN_OF(name.n, 120), name.p);
		return false;
	}
	if (in_single_quotes(text, pos)) {
		strbuf_addf(to, "'\"${%s}\"'", variable);
		return true;
	}
	strbuf_addf(to, "${%s}", variable);
	return true;
}

char *github_text(struct importer *im, const struct yaml_node *at, struct str text, bool script)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(TEXT_CAP);
	bool all = true;
	size_t i = 0;

	while (i < text.n) {
		struct str name;
		size_t end = 0;

		if (text.n - i < 3 || memcmp(text.p + i, "${{", 3) != 0 ||
		    !hole_at(text, i, &name, &end)) {
			if (!script && str_starts((struct str){text.p + i, text.n - i}, "${"))
				strbuf_addc(&b, '$'); /* ours would be filled in */
			strbuf_addc(&b, text.p[i++]);
			continue;
		}
		if (!fill(im, at, text, i, name, script, &b)) {
			all = false;
			strbuf_adds(&b, script ? "${NOT_MAPPED:?see the comment}" : "");
		}
		i = end;
	}
	return all || script ? strbuf_take(&b) : NULL;
}

char *github_condition(struct importer *im, const struct yaml_node *at, const char *what)
{
	struct str text = at->text, in = github_hole(text);
	const char *why = "see docs/expressions.md for what an expression can say";

	if (in.n)
		text = in;
	else if (github_has_hole(text)) {
		lost(im, at, why, "%s: an expression inside a text", what);
		return NULL;
	}
	AUTO(cond_freep) struct cond *c = cond_parse(text, SYNTAX_GITHUB);
	if (!c || !cond_from_github(&c, &why)) {
		lost(im, at, why, "%s: %.*s", what, (int)MIN_OF(text.n, 160), text.p);
		return NULL;
	}
	if (c->kind == COND_TRUE)
		return NULL;
	AUTO(strbuf_done) struct strbuf b = STRBUF(8192);
	cond_print(c, SYNTAX_OURS, &b);
	return strbuf_take(&b);
}
