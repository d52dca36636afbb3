/* The web pages out of the table that was bundled into the program. */
#include "api/ui.h"
#include "api/assets.h"

/*
 * No other host, no inline script or style, no frame around us. What a page shows came from repositories and logs: should any of it ever be
 * taken for markup, it still cannot run or send anything.
 */
#define POLICY                                                                      \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " \
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#define FOREVER "public, max-age=31536000, immutable" /* the name holds a hash of the content */

/* The first words of paths that belong to pages (web/src/routes.ts). */
static const char *const pages[] = {"way",          "runs",     "releases",  "rollouts",
				    "environments", "graph",    "incidents", "insights",
				    "audit",        "settings", "device",    "login"};

static const struct asset *find(const char *path)
{
	size_t from = 0, to = n_assets;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(path, assets[middle].path);

		if (order == 0)
			return &assets[middle];
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

static bool is_page(const char *path)
{
	struct str rest = str_of(path), word;

	(void)str_cut(&rest, '/');
	word = str_cut(&rest, '/');
	if (streq(path, "/"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (str_is(word, pages[i]))
			return true;
	return false;
}

/* "gzip;q=0.5, br": whether `name` stands there, and is not refused by a quality of 0. */
static bool accepts(const char *header, const char *name)
{
	struct str rest = str_of(header);
	double quality = 1;

	while (rest.p) {
		struct str params = str_cut(&rest, ','), word = str_trim(str_cut(&params, ';'));

		if (!str_is(word, name))
			continue;
		params = str_trim(params);
		if (params.p && str_starts(params, "q="))
			(void)!parse_double((struct str){params.p + 2, params.n - 2}, &quality);
		return quality > 0;
	}
	return false;
}

/* Tags are compared as weak ones: what they stand for is the same in each encoding. */
static bool has_it(const char *header, const char *etag)
{
	struct str rest = str_of(header), bare = str_of(etag + strlen("W/"));

	while (rest.p) {
		struct str tag = str_trim(str_cut(&rest, ','));

		if (str_starts(tag, "W/"))
			tag.p += 2, tag.n -= 2;
		if (str_is(tag, "*") || str_eq(tag, bare))
			return true;
	}
	return false;
}

static void answer(struct request *r, const struct asset *a, bool is_document)
{
	const char *encodings = request_header(r, "Accept-Encoding");
	struct asset_bytes body = a->bytes;
	const char *encoding = NULL;

	request_add_header(r, "ETag", a->etag);
	request_add_header(r, "Vary", "Accept-Encoding");
	request_add_header(r, "Cache-Control",
			   is_document || !strchr(a->path, '-') ? "no-cache" : FOREVER);
	request_add_header(r, "Content-Security-Policy", POLICY);
	request_add_header(r, "X-Frame-Options", "DENY");
	request_add_header(r, "Referrer-Policy", "no-referrer");
	request_add_header(r, "Cross-Origin-Opener-Policy", "same-origin");
	request_add_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	if (has_it(request_header(r, "If-None-Match"), a->etag)) {
		request_reply(r, 304, a->type, STR(""));
		return;
	}
	if (accepts(encodings, "br") && a->brotli.n < a->bytes.n) {
		encoding = "br";
		body = a->brotli;
	} else if (accepts(encodings, "gzip") && a->gzip.n < a->bytes.n) {
		encoding = "gzip";
		body = a->gzip;
	}
	if (encoding)
		request_add_header(r, "Content-Encoding", encoding);
	request_reply(r, 200, a->type, (struct str){body.p, body.n});
}

bool ui_take(void *ctx, struct request *r)
{
	const char *path = request_path(r), *method = request_method(r);
	bool page = is_page(path);

	(void)ctx;
	if (!streq(method, "GET") && !streq(method, "HEAD"))
		return false;
	if (!page && !str_starts(str_of(path), "/assets/"))
		return false;
	const struct asset *a = find(page ? "/index.html" : path);
	if (a)
		answer(r, a, page);
	else if (page)
		request_reply(
			r, 404, "text/plain; charset=utf-8",
			STR("This Penstock was built without its web pages (-Dweb=false).\n"));
	else
		request_reply(r, 404, "text/plain; charset=utf-8",
			      STR("There is no such file: this page is of another version of "
				  "Penstock. Load it again.\n"));
	return true;
}
