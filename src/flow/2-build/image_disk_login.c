/* Who we are at a registry: the secret "registry-<host>" ("user:password"), else what docker or podman wrote down. */
#include "flow/2-build/image_disk.h"

#include "base/json.h"
#include "io/files.h"

#include <stdlib.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)1 << 20)
#define HUB        "https://index.docker.io/v1/"

static void wipe(struct strbuf *b)
{
	if (b->p)
		mem_wipe(b->p, b->size);
	strbuf_done(b);
}

static bool split(struct str both, struct strbuf *user, struct strbuf *password)
{
	struct str rest = str_trim(both), name = str_cut(&rest, ':');

	if (!name.n || !rest.p)
		return false;
	strbuf_addstr(user, name);
	strbuf_addstr(password, rest);
	return true;
}

static bool by_secret(struct image_disk *i, const char *host, struct strbuf *user,
		      struct strbuf *password)
{
	AUTO(wipe) struct strbuf value = STRBUF(65536);
	AUTO(freep) char *reference = xasprintf("file:registry-%s", host);
	struct err err = {0};

	for (char *p = reference + 5; *p; p++)
		if (*p == ':' || *p == '/')
			*p = '_';
	return i->secret && secret_get(i->secret, reference, &value, &err) == RC_OK &&
	       split(strbuf_str(&value), user, password);
}

static bool by_config(const char *path, const char *host, struct strbuf *user,
		      struct strbuf *password)
{
	AUTO(wipe) struct strbuf text = STRBUF(CONFIG_MAX), both = STRBUF(65536);
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};

	if (access(path, R_OK) < 0 || file_read(path, CONFIG_MAX, &text, &err) != RC_OK ||
	    json_read(strbuf_str(&text), CONFIG_MAX, &j, &err) != RC_OK)
		return false;
	const struct json *auths = json_get(j, "auths"), *one = json_get(auths, host);
	if (!one && streq(host, "docker.io"))
		one = json_get(auths, HUB);
	const char *auth = json_get_text(one, "auth", NULL);
	return auth && strbuf_add_unbase64(&both, str_of(auth)) &&
	       split(strbuf_str(&both), user, password);
}

bool image_login(void *ctx, const char *host, struct strbuf *user, struct strbuf *password)
{
	const char *docker = getenv("DOCKER_CONFIG"), *home = getenv("HOME"),
		   *given = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR");
	AUTO(freep)
	char *d = docker ? xasprintf("%s/config.json", docker)
			 : xasprintf("%s/.docker/config.json", home ? home : "/root");
	AUTO(freep) char *c = xasprintf("%s/containers/auth.json", run ? run : "/run");

	return by_secret(ctx, host, user, password) ||
	       (given && by_config(given, host, user, password)) ||
	       by_config(d, host, user, password) || by_config(c, host, user, password);
}
