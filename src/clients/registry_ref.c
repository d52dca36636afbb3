/* What the name of an image means. */
#include "clients/registry_impl.h"

#define NAME_MAX_BYTES 255
#define TAG_MAX        128

/* Path components: lower-case letters and digits, with . _ - between them. */
static bool good_repository(struct str s)
{
	if (!s.n || s.n > NAME_MAX_BYTES)
		return false;
	while (s.p) {
		struct str part = str_cut(&s, '/');
		for (size_t i = 0; i < part.n; i++) {
			char c = part.p[i];
			bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
			if (!word && (!strchr("._-", c) || !c || i == 0 || i + 1 == part.n))
				return false;
		}
		if (!part.n)
			return false;
	}
	return true;
}

static bool good_tag(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_';
		if (!word && (i == 0 || (c != '.' && c != '-')))
			return false;
	}
	return s.n && s.n <= TAG_MAX;
}

static bool good_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr(".-:[]", c))))
			return false;
	}
	return s.n && s.n <= NAME_MAX_BYTES && *s.p != '.' && *s.p != '-' && *s.p != ':';
}

/* The first component is a host when it could be no folder of docker.io. */
static bool is_host(struct str s)
{
	return memchr(s.p, '.', s.n) || memchr(s.p, ':', s.n) || str_is(s, "localhost");
}

static struct str cut_last(struct str *s, char sep)
{
	for (size_t i = s->n; i-- > 0;) {
		if (s->p[i] == '/' && sep == ':')
			break;
		if (s->p[i] == sep) {
			struct str tail = {s->p + i + 1, s->n - i - 1};
			s->n = i;
			return tail;
		}
	}
	return (struct str){0};
}

enum rc registry_ref_parse(const char *text, struct registry_ref *ret, struct err *err)
{
	struct str rest = str_of(text), digest = cut_last(&rest, '@'), tag = cut_last(&rest, ':');
	struct str host = STR("docker.io"), path = rest, front = str_cut(&path, '/');
	struct digest d;

	if (path.p && is_host(front))
		host = front, rest = path;
	bool hub = str_is(host, "docker.io") || str_is(host, "index.docker.io");
	AUTO(freep)
	char *repository = hub && !memchr(rest.p, '/', rest.n)
				   ? xasprintf("library/%.*s", (int)MIN_OF(rest.n, 300u), rest.p)
				   : xstrndup(rest.p, rest.n);
	if (!good_host(host) || !good_repository(str_of(repository)) || (tag.p && !good_tag(tag)) ||
	    (digest.p && (!str_starts(digest, "sha256:") || !digest_parse(digest, &d))))
		return err_set(
			err, RC_INVALID,
			"\"%.200s\" is not the name of an image: [host/]name[:tag][@sha256:...]",
			text);
	ret->host = hub ? xstrdup("docker.io") : xstrndup(host.p, host.n);
	ret->repository = repository;
	repository = NULL;
	ret->digest = digest.p ? xstrndup(digest.p, digest.n) : NULL;
	ret->tag = tag.p ? xstrndup(tag.p, tag.n) : digest.p ? NULL : xstrdup("latest");
	return RC_OK;
}

void registry_ref_done(struct registry_ref *r)
{
	xfree(r->host);
	xfree(r->repository);
	xfree(r->tag);
	xfree(r->digest);
	*r = (struct registry_ref){0};
}

char *registry_ref_name(const struct registry_ref *r)
{
	return xasprintf("%s/%s%s%s", r->host, r->repository, r->tag ? ":" : "",
			 r->tag ? r->tag : "");
}

/* ":5000" or nothing: "127.0.0.1:x@evil.example" is a user of somebody else's. */
static bool is_port(struct str s)
{
	uint32_t n;

	if (!s.n)
		return true;
	return s.p[0] == ':' && parse_u32((struct str){s.p + 1, s.n - 1}, &n) && n <= 65535;
}

bool registry_is_loopback(struct str host)
{
	if (str_starts(host, "[::1]"))
		return is_port((struct str){host.p + 5, host.n - 5});
	const char *colon = host.n ? memchr(host.p, ':', host.n) : NULL;
	if (colon && !is_port((struct str){colon, host.n - (size_t)(colon - host.p)}))
		return false;
	host = str_cut(&host, ':');
	if (str_is(host, "localhost"))
		return true;
	/* 127.0.0.0/8, as four numbers: 127.evil.example is somebody else */
	struct str rest = host;
	uint32_t n = 0, parts = 0, first = 0;
	while (rest.p) {
		if (!parse_u32(str_cut(&rest, '.'), &n) || n > 255)
			return false;
		if (!parts++)
			first = n;
	}
	return parts == 4 && first == 127;
}
