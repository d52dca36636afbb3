/* SARIF 2.1.0: the results that are findings, with what their rule says of them. */
#include "flow/2-build/reports.h"

struct sarif_run {
	const struct json *run, *driver;
	const char *unit;
	struct report *to;
};

/* By number when there is one, else by name, among the driver's rules and those of its extensions. */
static const struct json *rule_of(const struct sarif_run *r, const struct json *result,
				  const char *id)
{
	const struct json *rule = json_get(result, "rule"), *tool = r->driver;
	const struct json *extensions = json_get(json_get(r->run, "tool"), "extensions");
	int64_t part = json_get_int(json_get(rule, "toolComponent"), "index", -1);
	int64_t at = json_get_int(result, "ruleIndex", json_get_int(rule, "index", -1));

	if (part >= 0)
		tool = json_at(extensions, (size_t)part);
	const struct json *rules = json_get(tool, "rules");
	if (at >= 0 && (size_t)at < json_count(rules))
		return json_at(rules, (size_t)at);
	size_t n = MIN_OF(json_count(rules), (size_t)5000);
	for (size_t i = 0; id && i < n; i++)
		if (streq(json_get_text(json_at(rules, i), "id", NULL), id))
			return json_at(rules, i);
	return NULL;
}

static enum annotation_level level_of(const struct json *result, const struct json *rule)
{
	const char *level = json_get_text(result, "level", NULL);

	if (!level)
		level = json_get_text(json_get(rule, "defaultConfiguration"), "level", "warning");
	return streq(level, "error")     ? ANNOTATION_ERROR
	       : streq(level, "warning") ? ANNOTATION_WARNING
					 : ANNOTATION_NOTICE;
}

/* "{0} is {1}" with the message's arguments. */
static void fill_in(struct strbuf *to, struct str text, const struct json *arguments)
{
	for (size_t i = 0; i < text.n; i++) {
		bool slot = text.p[i] == '{' && i + 2 < text.n && text.p[i + 2] == '}' &&
			    text.p[i + 1] >= '0' && text.p[i + 1] <= '9';
		if (slot) {
			strbuf_addstr(to,
				      json_view(json_at(arguments, (size_t)(text.p[i + 1] - '0'))));
			i += 2;
		} else {
			strbuf_addc(to, text.p[i]);
		}
	}
}

static char *message_of(const struct json *result, const struct json *rule)
{
	const struct json *m = json_get(result, "message");
	AUTO(strbuf_done) struct strbuf filled = STRBUF(REPORT_TEXT * 4);
	struct str text = json_view(json_get(m, "text"));

	if (!text.n)
		text = json_view(json_get(m, "markdown"));
	if (!text.n)
		text = json_view(json_get(json_get(json_get(rule, "messageStrings"),
						   json_get_text(m, "id", "default")),
					  "text"));
	if (!text.n)
		text = json_view(json_get(json_get(rule, "shortDescription"), "text"));
	fill_in(&filled, (struct str){text.p, MIN_OF(text.n, REPORT_TEXT)},
		json_get(m, "arguments"));
	return text_kept(strbuf_str(&filled), REPORT_TEXT);
}

static char *path_of(const struct sarif_run *r, const struct json *physical)
{
	const struct json *artifact = json_get(physical, "artifactLocation");
	int64_t index = json_get_int(artifact, "index", -1);

	if (!json_get(artifact, "uri") && index >= 0)
		artifact =
			json_get(json_at(json_get(r->run, "artifacts"), (size_t)index), "location");
	struct str uri = json_view(json_get(artifact, "uri"));
	const char *base = json_get_text(artifact, "uriBaseId", "");
	const char *root =
		json_get_text(json_get(json_get(r->run, "originalUriBaseIds"), base), "uri", "");
	if (!uri.n || str_starts(uri, "http"))
		return NULL;
	if (!str_starts(str_of(root), "file:") || str_starts(uri, "file:")) {
		AUTO(freep)
		char *relative =
			str_starts(uri, "file:")
				? xstrndup(uri.p, uri.n)
				: xasprintf("file:%.*s", (int)MIN_OF(uri.n, (size_t)2000), uri.p);
		return report_path(str_of(relative), r->unit);
	}
	AUTO(freep)
	char *whole = xasprintf("%.1000s/%.*s", root, (int)MIN_OF(uri.n, (size_t)2000), uri.p);
	return report_path(str_of(whole), r->unit);
}

static uint32_t number(const struct json *map, const char *key)
{
	int64_t n = json_get_int(map, key, 0);

	return n > 0 && n < INT32_MAX ? (uint32_t)n : 0;
}

static void take(struct sarif_run *r, const struct json *result)
{
	const char *kind = json_get_text(result, "kind", "fail");
	const char *id = json_get_text(result, "ruleId",
				       json_get_text(json_get(result, "rule"), "id", NULL));
	const struct json *rule = rule_of(r, result, id);
	const struct json *physical =
		json_get(json_at(json_get(result, "locations"), 0), "physicalLocation");
	const struct json *region = json_get(physical, "region");

	if (json_count(json_get(result, "suppressions")) || streq(kind, "pass") ||
	    streq(kind, "notApplicable") ||
	    streq(json_get_text(result, "baselineState", ""), "absent"))
		return;
	id = id ? id : json_get_text(rule, "id", NULL);
	struct annotation a = {
		.path = path_of(r, physical),
		.line = number(region, "startLine"),
		.column = number(region, "startColumn"),
		.level = level_of(result, rule),
		.rule = id ? text_kept(str_of(id), 200) : NULL,
		.message = message_of(result, rule),
		.source = text_kept(str_of(json_get_text(r->driver, "name", "sarif")), 100),
	};
	report_annotate(r->to, &a);
}

enum rc sarif_read(struct str text, const char *unit, struct report *ret, struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;

	while (text.n >= 3 && !memcmp(text.p, "\xef\xbb\xbf", 3))
		text.p += 3, text.n -= 3;
	enum rc rc = json_read(text, SARIF_MAX, &root, err);
	if (rc != RC_OK)
		return rc;
	const struct json *runs = json_get(root, "runs");
	if (json_kind_of(runs) != JSON_LIST)
		return err_set(err, RC_INVALID, "no SARIF: it has no list `runs`");
	for (size_t i = 0; i < json_count(runs); i++) {
		const struct json *run = json_at(runs, i), *results = json_get(run, "results");
		struct sarif_run r = {run, json_get(json_get(run, "tool"), "driver"), unit, ret};
		for (size_t k = 0; k < json_count(results); k++)
			take(&r, json_at(results, k));
	}
	return RC_OK;
}
