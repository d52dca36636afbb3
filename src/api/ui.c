/* The web pages out of the table that was bundled into the program. */
#include "api/ui.h"
#include "api/assets.h"

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

static struct str view(const struct asset_bytes *b, const struct asset_bytes *plain)
{
	return b == plain || b->n < plain->n ? (struct str){b->p, b->n} : (struct str){NULL, 0};
}

/* The name of all but a few holds a hash of the content. */
static void answer(struct request *r, const struct asset *a, bool is_document)
{
	const struct reply_static body = {.plain = view(&a->bytes, &a->bytes),
					  .gzip = view(&a->gzip, &a->bytes),
					  .brotli = view(&a->brotli, &a->bytes),
					  .etag = a->etag};
	bool hashed = !is_document && strchr(a->path, '-');

	request_reply_static(r, a->type, &body, REPLY_PAGE | (hashed ? REPLY_IMMUTABLE : 0));
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
