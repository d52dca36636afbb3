/* `penstock audit verify --server URL`: the daemon there checks its archives and its journal, and says how far it is. */
#include "api/wire.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/client.h"
#include "main/local.h"
#include "main/local_audit.h"
#include "ports/store.h"

#include <inttypes.h>

#define LINE_MAX_ ((size_t)1 << 20)

struct check {
	struct strbuf line, last;
	enum rc rc;
	struct err *err;
};

static enum rc take_line(struct check *k)
{
	AUTO(json_freep) struct json *j = NULL;
	char what[] = "checked";

	if (json_read(strbuf_str(&k->line), LINE_MAX_, &j, k->err) != RC_OK)
		return err_wrap(k->err, "the daemon's answer");
	audit_progress(what, json_natural(json_get(j, "checked"), 0),
		       json_natural(json_get(j, "total"), 0));
	strbuf_clear(&k->last);
	strbuf_addstr(&k->last, strbuf_str(&k->line));
	return RC_OK;
}

static bool take_part(void *ctx, struct str part)
{
	struct check *k = ctx;

	for (struct str rest = part; rest.n && k->rc == RC_OK;) {
		bool whole = memchr(rest.p, '\n', rest.n) != NULL;

		strbuf_addstr(&k->line, str_cut(&rest, '\n'));
		if (strbuf_failed(&k->line))
			k->rc = err_set(k->err, RC_TOO_BIG, "the daemon's answer is too long");
		if (!whole || k->rc != RC_OK)
			break;
		k->rc = take_line(k);
		strbuf_clear(&k->line);
	}
	return k->rc == RC_OK;
}

static void print_time(struct strbuf *to, const struct json *j, const char *member)
{
	char text[TIME_TEXT];

	time_text(json_natural(json_get(j, member), 0), text);
	strbuf_adds(to, text);
}

static void print_end(const struct json *j, const char *server)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 20);
	const struct json *missing = json_get(j, "missing");

	strbuf_addf(&text, "journal of %s: %" PRIu64 " records", server,
		    json_natural(json_get(j, "checked"), 0));
	if (json_get(j, "head")) {
		strbuf_addf(&text, " (%" PRIu64 " to %" PRIu64 "), ",
			    json_natural(json_get(j, "from"), 0),
			    json_natural(json_get(j, "to"), 0));
		print_time(&text, j, "first_at");
		strbuf_adds(&text, " to ");
		print_time(&text, j, "last_at");
		strbuf_addf(
			&text,
			", each follows from the one before, as the daemon says\nthe last one's hash is %s",
			json_get_text(j, "head", ""));
	}
	strbuf_addc(&text, '\n');
	for (size_t i = 0; json_at(missing, i); i++)
		strbuf_addf(&text, "records %" PRIu64 " to %" PRIu64 " are in no archive there\n",
			    json_natural(json_get(json_at(missing, i), "from"), 0),
			    json_natural(json_get(json_at(missing, i), "to"), 0));
	local_print(&text);
}

static enum rc judge(const struct audit_options *o, struct check *k, struct err *err)
{
	AUTO(json_freep) struct json *j = NULL;

	if (json_read(strbuf_str(&k->last), LINE_MAX_, &j, NULL) != RC_OK || !json_get(j, "ok"))
		return err_set(err, RC_CORRUPT, "the daemon's answer was cut off");
	if (o->json) {
		strbuf_addc(&k->last, '\n');
		local_print(&k->last);
	}
	if (!json_truth(json_get(j, "ok"), false))
		return err_set(err, rc_of_name(json_get_text(j, "code", "internal")), "%s%s%s",
			       json_get_text(j, "archive", ""), json_get(j, "archive") ? ": " : "",
			       json_get_text(j, "detail", ""));
	if (!o->json)
		print_end(j, client_server(o->cli));
	return RC_OK;
}

int audit_verify_server(const struct audit_options *o)
{
	struct err err = {RC_OK, ""};
	struct check k = {.line = STRBUF(LINE_MAX_), .last = STRBUF(LINE_MAX_), .err = &err};
	enum rc rc = client_stream(o->cli, WIRE_AUDIT "/verify", take_part, &k, &err);

	if (rc == RC_OK)
		rc = k.rc;
	if (rc == RC_OK)
		rc = judge(o, &k, &err);
	strbuf_done(&k.line);
	strbuf_done(&k.last);
	return rc == RC_OK ? EXIT_GOOD : local_fail(&err);
}
