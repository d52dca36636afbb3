/*
 * The one table of the API: every path, who may go there, what may be asked, what may be sent, what comes back. Requests are checked by
 * it before their function runs (check.c); the OpenAPI document (openapi.c) and docs/api.md (markdown.c) are written from it.
 */
#pragma once
#include "core/model.h"

struct call;

enum field_kind {
	FIELD_TEXT,   /* at most `max` bytes */
	FIELD_BOOL,   /* in a query: 1, true, 0, false */
	FIELD_NUMBER, /* 0 to `max` */
	FIELD_TIME,   /* RFC 3339 */
	FIELD_SPAN,   /* 30m, 2h, 7d */
	FIELD_TEXTS,  /* a list, each at most `max` bytes */
	FIELD_NAME,   /* one of `names`; in a query also several with commas */
};
struct api_field {
	const char *name; /* NULL: the end */
	enum field_kind kind;
	bool needed;
	uint64_t max;
	const char *const *names; /* up to a NULL */
	const char *help;
};

/* What the right is asked for. */
enum route_of {
	OF_PROJECT,     /* the whole project */
	OF_ENVIRONMENT, /* {a} is its name */
	OF_ROLLOUT,     /* {a}: its environment */
	OF_RELEASE,     /* {a}: the environment it is in, or wants to be in next */
	OF_INCIDENT,    /* {a}: its environment */
	OF_SELF,        /* of whoever asks: no role is needed */
};
enum {
	ROUTE_OPEN = 1, /* nobody needs to say who they are */
	ROUTE_PLAIN =
		2, /* not written with an idempotency key, nor in the journal: a login, an export */
	ROUTE_SECRET =
		4, /* the answer holds a secret that is shown once: it is never kept or compressed */
};
struct api_route {
	const char *method, *path; /* {a}: one segment; {a+}: one or more; {a:word}: this word */
	void (*fn)(struct call *c);
	enum role needs; /* the least role */
	enum route_of of;
	unsigned flags;
	const char *
		answer; /* name of a schema (openapi.c), "Run", "[]Run" in a list; a media type such as "text/plain" */
	const struct api_field *query, *body; /* up to a NULL name; NULL: none */
	const char *summary;
};
extern const struct api_route api_routes[];
extern const size_t api_n_routes;

/* A body (a map) against its row. False: err says what is wrong. */
struct json;
struct err;
bool table_check_body(const struct api_route *r, const struct json *body, struct err *err);

/* The whole API as an OpenAPI 3.1 document, as Markdown; by the CLI without a daemon. */
struct strbuf;
void api_openapi(struct strbuf *to, const char *version);
void api_markdown(struct strbuf *to);
