/*
 * Talking to the daemon: over the unix socket of its data folder, or at --server URL ($PENSTOCK_SERVER, unless --data is given) with, in this order,
 * --token, $PENSTOCK_TOKEN, or the one that `penstock login` keeps for that server.
 */
#pragma once
#include "cli/cli.h"

#define ANSWER_MAX ((size_t)64 << 20)

/* The file of --ca or $PENSTOCK_CA; NULL: the system's authorities. */
const char *client_ca(const struct cli *c);
/* By TCP: its URL. NULL: by the socket. */
const char *client_server(const struct cli *c);

/* GET path (with its query), for people: texts hold no control characters. *ret is the caller's (json_freep). What the daemon refuses comes back as
 * its code and words. */
MUST_CHECK enum rc client_get(struct cli *c, const char *path, struct json **ret, struct err *err);
/* As client_get, but the very bytes. */
MUST_CHECK enum rc client_get_text(struct cli *c, const char *path, struct strbuf *ret,
				   struct err *err);
/* An order, with a body of JSON or "". *ret_seq: where it stands in the journal. */
MUST_CHECK enum rc client_order(struct cli *c, const char *method, const char *path,
				struct str body, uint64_t *ret_seq, struct err *err);
/* An order whose answer tells more; *ret is the caller's (json_freep). */
MUST_CHECK enum rc client_post(struct cli *c, const char *path, struct str body, struct json **ret,
			       struct err *err);
/* With this token, whatever else is given; "": with none. */
MUST_CHECK enum rc client_get_as(struct cli *c, const char *token, const char *path,
				 struct json **ret, struct err *err);
MUST_CHECK enum rc client_post_as(struct cli *c, const char *token, const char *path,
				  struct str body, struct json **ret, struct err *err);
/* DELETE at another server than the command line's. */
MUST_CHECK enum rc client_delete_at(struct cli *c, const char *server, const char *token,
				    const char *path, struct err *err);
/* A token for one scope of the caches, or one agent: made (shown once on stdout by the caller, who wipes and frees it), or taken back. */
MUST_CHECK enum rc client_scope_token(struct cli *c, const char *name, const char *scope,
				      bool read_only, char **ret_token, struct err *err);
MUST_CHECK enum rc client_revoke(struct cli *c, const char *name, struct err *err);
/* Parts of a stream as they come, until its end or `each` says false. */
MUST_CHECK enum rc client_stream(struct cli *c, const char *path,
				 bool (*each)(void *ctx, struct str part), void *ctx,
				 struct err *err);
/* path + "/" + id with what needs escaping escaped; the caller's. */
char *client_path(const char *base, const char *id, const char *rest);

/* The usual command: an order, then one line about it (or its JSON). */
int client_do(struct cli *c, const char *method, const char *path, struct strbuf *body,
	      const char *done);
/* Members for an order's body, from options that were given: "-m" -> "reason". */
void body_text(struct json_out *o, const char *key, const char *value);

/* The commands that list things: with --json the daemon's own answer, else fn draws it. */
int client_show(struct cli *c, const char *path, void (*draw)(struct cli *c, const struct json *j));
/* A thing's JSON member as text for people: "" when it is not there. */
const char *text_at(const struct json *j, const char *key);
uint64_t number_at(const struct json *j, const char *key);
