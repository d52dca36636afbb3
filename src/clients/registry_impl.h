/* Between the files of the registry's client. */
#pragma once
#include "base/mem.h"
#include "clients/registry.h"
#include "io/http.h"

#define REGISTRY_TRIES     5
#define REGISTRY_REDIRECTS 5

struct registry {
	struct registry_options o;
	char *host, *repository, *origin; /* origin: "https://registry-1.docker.io" */
	char *authorization;              /* "Authorization: ..." or NULL; secret */
};

/* What an answer says besides its body. */
struct registry_said {
	int status;
	char challenge[2048], location[4096];
	uint32_t retry_after;
};
/* One GET from url, redirects followed: the authorization goes only to the registry's own origin. 401 is answered once by registry_login(). The body
 * goes to `each` when the status is 200 or 206, else into the error. */
struct registry_get {
	const char *url, *accept;
	uint64_t from; /* "Range: bytes=from-" */
	size_t max;    /* of the body in `body`, when there is no `each` */
	struct strbuf *body;
	bool (*each)(void *ctx, int status, struct str part);
	void *ctx;
	bool stream;
};
MUST_CHECK enum rc registry_get(struct registry *r, const struct registry_get *g, int *ret_status,
				struct err *err);
/* Answer a challenge ("Bearer realm=...", "Basic ..."): sets r->authorization. */
MUST_CHECK enum rc registry_login(struct registry *r, const char *challenge, struct err *err);
/* The value of a parameter in a challenge; false: it has none, or too long a one. */
bool registry_parameter(const char *challenge, const char *name, struct strbuf *ret);
/* Is that host this machine? */
bool registry_is_loopback(struct str host);
void registry_wipe(char **secret);
/* Wait before try n (from 1); false: that were enough. */
bool registry_again(const struct registry *r, unsigned n, uint32_t retry_after);
