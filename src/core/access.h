/*
 * Who may do what. Pure questions about the model's users, tokens, sessions and grants; they are changed by events only (step_access.c).
 *
 * Five roles, each may do what those before it may: a viewer looks; a developer runs again, cancels, starts jobs, queues merges, quarantines tests;
 * an approver decides at the gate; an operator moves traffic and environments (promote, abort, roll back, pin, veto, hold, incidents, agents); an
 * admin says who may do what. A grant gives a role to a user or a group, everywhere or in one project or environment. A token has a role of
 * its own (of a machine: "token:ci"), or is its owner's with a role as its upper limit.
 */
#pragma once
#include "core/model.h"

struct who {
	const char *actor; /* "user:ann", "token:ci" */
	const texts *groups;
	bool owner;     /* of the installation: came by the unix socket, may do everything */
	bool machine;   /* a token of its own: most is its role */
	enum role most; /* what the credential is limited to */
	const char *environment; /* the only one that it is for; NULL: all */
	usec_t until;            /* a token's end; 0: none */
};

/* Has `who` at least this role for an act in `environment`; NULL: an act on the whole project? To look, a role anywhere is enough. */
bool access_allows(const struct model *m, const struct who *who, enum role needs,
		   const char *environment);
/* The highest role that `who` has there (NULL: for the whole project). */
enum role access_role(const struct model *m, const struct who *who, const char *environment);

/* By the SHA-256 (hex) of what was brought; NULL: there is none that is good at `now`. */
const struct token *access_token(const struct model *m, const char *digest, usec_t now);
const struct session *access_session(const struct model *m, const char *digest, usec_t now);
/* By the id of a token or a session: is it good at `now`? What let a request in may end before its body is here, and a stream outlives it. */
bool access_is_good(const struct model *m, const char *id, usec_t now);
/* Has this very name a role anywhere? */
bool access_is_granted(const struct model *m, const char *who);
/* Who stands behind what came in by a token or a session (its id): "user:ann" of a machine's token that ann made, or that such a token made. NULL: a
 * person's own, or nobody knows. */
const char *access_maker(const struct model *m, const char *via);
/* "user:ann" -> ann's account, when she has one and it is not disabled. */
const struct user *access_user(const struct model *m, const char *actor);
/* Is there any way in for an administrator by the network: a token or a grant of that role? */
bool access_has_admin(const struct model *m, usec_t now);

/* Ids: "tok-" or "ses-" and the first 12 hex of the digest; "WHO=ROLE@ENVIRONMENT" of a grant. The caller's. */
char *access_id(const char *prefix, const char *digest);
char *access_grant_id(const char *who, enum role role, const char *environment);
