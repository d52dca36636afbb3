/* What went wrong with a job, the likely cause first. */
#include "cli/view.h"

#include "api/wire.h"

void view_plain(struct strbuf *to, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char b = (unsigned char)s.p[i];
		bool high = b == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0;

		strbuf_addc(to, (b < 32 && b != '\n' && b != '\t') || b == 0x7f || high ? '?'
											: (char)b);
		i += high;
	}
}

/* client_get() makes blanks of line ends: here they matter. */
static char *cause_of(struct cli *c, const char *id)
{
	AUTO(freep) char *path = client_path(WIRE_JOBS, id, "");
	AUTO(strbuf_done) struct strbuf text = STRBUF(ANSWER_MAX);
	AUTO(json_freep) struct json *j = NULL;
	struct strbuf plain = STRBUF(8192);
	struct err err = {0};

	if (client_get_text(c, path, &text, &err) != RC_OK ||
	    json_read(strbuf_str(&text), ANSWER_MAX, &j, &err) != RC_OK)
		return xstrdup("");
	view_plain(&plain, json_view(json_get(json_get(j, "report"), "cause")));
	return strbuf_take(&plain);
}

bool view_cause(struct cli *c, const char *id)
{
	AUTO(freep) char *cause = cause_of(c, id);
	struct str rest = str_of(cause);

	while (*cause && rest.p) {
		struct str line = str_cut(&rest, '\n');
		say(c, "    %.*s\n", (int)line.n, line.p);
	}
	return *cause;
}

void view_failure(struct cli *c, const struct json *job)
{
	const char *error = text_at(job, "error");

	tint(&c->out, &c->term, BAD, "%s %s", mark_bad(&c->term), text_at(job, "id"));
	say(c, "%s%s\n", *error ? "  " : "", error);
	(void)view_cause(c, text_at(job, "id"));
	hint(c, "all of its log: penstock logs %s", text_at(job, "id"));
}
