/* penstock why JOB --diff RUN: which lines of two keys differ, to the byte. */
#include "cli/why_diff.h"
#include "cli/find.h"
#include "cli/view.h"

#include "api/wire.h"

struct key {
	struct json *j;
	const struct json *lines;
	size_t n;
};

static enum rc key_get(struct cli *c, const char *job, struct key *ret, struct err *err)
{
	AUTO(freep) char *path = client_path(WIRE_JOBS, job, "/key");
	enum rc rc = client_get(c, path, &ret->j, err);

	if (rc != RC_OK)
		return rc;
	ret->lines = json_get(ret->j, "lines");
	ret->n = json_count(ret->lines);
	return RC_OK;
}

static const char *line_at(const struct key *k, size_t i)
{
	return json_text(json_at(k->lines, i), "");
}

/* What a line is of: its first word and, of an input, an env or a need, its name. */
static struct str line_name(const char *line)
{
	struct str rest = str_of(line), word = str_cut(&rest, ' ');

	if (str_is(word, "input") || str_is(word, "need")) {
		struct str name = str_cut(&rest, ' ');
		return (struct str){line, (size_t)(name.p + name.n - line)};
	}
	const char *equal = str_is(word, "env") || str_is(word, "secret") || str_is(word, "matrix")
				    ? strchr(line, '=')
				    : NULL;
	return equal ? (struct str){line, (size_t)(equal - line)} : word;
}

static bool has_line(const struct key *k, const char *line)
{
	for (size_t i = 0; i < k->n; i++)
		if (streq(line_at(k, i), line))
			return true;
	return false;
}

static void say_line(struct cli *c, enum tone tone, char sign, const char *line)
{
	struct str rest = str_of(line);

	while (rest.p) { /* a command may have many lines */
		struct str one = str_cut(&rest, '\n');

		tint(&c->out, &c->term, tone, "%c %.*s\n", sign, (int)one.n, one.p);
		sign = sign == ' ' ? ' ' : '.';
	}
}

/* The first added line that is of the same and was not told yet. */
static void say_added(struct cli *c, const struct key *old, const struct key *new, const char *line,
		      bool *told)
{
	for (size_t k = 0; k < new->n; k++) {
		if (told[k] || has_line(old, line_at(new, k)) ||
		    (line && !str_eq(line_name(line_at(new, k)), line_name(line))))
			continue;
		say_line(c, GOOD, '+', line_at(new, k));
		told[k] = true;
		if (line)
			return;
	}
}

/* Each removed line with the added one that took its place, then the rest. */
static bool draw_lines(struct cli *c, const struct key *old, const struct key *new)
{
	bool *told = xcalloc(new->n + 1, sizeof(*told)), any = false;

	for (size_t i = 0; i < old->n; i++) {
		if (has_line(new, line_at(old, i)))
			continue;
		say_line(c, BAD, '-', line_at(old, i));
		say_added(c, old, new, line_at(old, i), told);
		any = true;
	}
	say_added(c, old, new, NULL, told);
	for (size_t k = 0; k < new->n; k++)
		any = any || told[k];
	xfree(told);
	return any;
}

static void draw_json(struct cli *c, const struct key *old, const struct key *new)
{
	struct json_out o = JSON_OUT(&c->out);

	json_open(&o, NULL);
	json_cstr(&o, "job", text_at(new->j, "job"));
	json_cstr(&o, "other", text_at(old->j, "job"));
	json_bool(&o, "same", streq(text_at(new->j, "key"), text_at(old->j, "key")));
	json_list(&o, "removed");
	for (size_t i = 0; i < old->n; i++)
		if (!has_line(new, line_at(old, i)))
			json_cstr(&o, NULL, line_at(old, i));
	json_unlist(&o);
	json_list(&o, "added");
	for (size_t i = 0; i < new->n; i++)
		if (!has_line(old, line_at(new, i)))
			json_cstr(&o, NULL, line_at(new, i));
	json_unlist(&o);
	json_close(&o);
	strbuf_addc(&c->out, '\n');
}

static void warn(struct cli *c, const struct key *k)
{
	if (!json_truth(json_get(k->j, "same"), false))
		say(c,
		    "note: the key of %s was another one when it was planned: what this machine provides has changed since\n",
		    text_at(k->j, "job"));
}

static void draw(struct cli *c, const struct key *old, const struct key *new)
{
	if (streq(text_at(old->j, "key"), text_at(new->j, "key"))) {
		say(c, "%s and %s have the same key %.16s: nothing that they declare differs.\n",
		    text_at(old->j, "job"), text_at(new->j, "job"), text_at(new->j, "key"));
		return;
	}
	tint(&c->out, &c->term, DIM, "- %s  %.16s\n+ %s  %.16s\n", text_at(old->j, "job"),
	     text_at(old->j, "key"), text_at(new->j, "job"), text_at(new->j, "key"));
	if (!draw_lines(c, old, new))
		say(c, "Every line is the same: they stand in another order.\n");
	warn(c, old);
	warn(c, new);
	hint(c, "a need that differs has its own: penstock why OTHER_JOB --diff RUN");
}

int why_diff(struct cli *c, const char *job, const char *other)
{
	struct key old = {0}, new = {0};
	struct err err = {0};
	const char *rest = strchr(job, '/');
	AUTO(freep)
	char *twin =
		strchr(other, '/') ? xstrdup(other) : xasprintf("%s%s", other, rest ? rest : "");
	AUTO(freep) char *id = NULL;
	enum rc rc = find_job(c, twin, &id, &err);

	if (rc == RC_OK)
		rc = key_get(c, id, &old, &err);
	if (rc == RC_OK)
		rc = key_get(c, job, &new, &err);
	if (rc == RC_OK && c->json)
		draw_json(c, &old, &new);
	else if (rc == RC_OK)
		draw(c, &old, &new);
	json_freep(&old.j);
	json_freep(&new.j);
	return rc == RC_OK ? EXIT_GOOD : cli_fail(c, &err);
}

int why_key(struct cli *c, const char *job)
{
	struct key k = {0};
	struct err err = {0};

	if (key_get(c, job, &k, &err) != RC_OK)
		return cli_fail(c, &err);
	if (c->json) {
		struct json_out o = JSON_OUT(&c->out);
		json_write(&o, NULL, k.j);
		strbuf_addc(&c->out, '\n');
	} else {
		say(c, "%s\n", text_at(k.j, "key"));
		for (size_t i = 0; i < k.n; i++)
			say_line(c, PLAIN, ' ', line_at(&k, i));
		warn(c, &k);
	}
	json_freep(&k.j);
	return EXIT_GOOD;
}
