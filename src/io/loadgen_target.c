/* Targets: what is sent, made once; only to this machine. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/loadgen_impl.h"

enum { URL_MAX = 2048, BODY_MAX = 1 << 20 };

static int refuse(char *errbuf, size_t errcap, const char *what, const char *why)
{
	snprintf(errbuf, errcap, "load: %.200s: %s", what, why);
	return -1;
}

/* host without brackets, port in network order; false unless it is a loopback address. */
static bool loopback(const char *host, uint16_t port, struct peer *ret)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = port};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = port};
	struct peer peer = {0};

	_Static_assert(sizeof(a6) <= sizeof(peer.addr), "an address does not fit");
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &a4.sin_addr) == 1) {
		if (ntohl(a4.sin_addr.s_addr) >> 24 != 127)
			return false;
		memcpy(peer.addr, &a4, sizeof(a4));
		peer.addr_len = sizeof(a4);
	} else if (inet_pton(AF_INET6, host, &a6.sin6_addr) == 1) {
		if (!IN6_IS_ADDR_LOOPBACK(&a6.sin6_addr))
			return false;
		memcpy(peer.addr, &a6, sizeof(a6));
		peer.addr_len = sizeof(a6);
	} else {
		return false;
	}
	*ret = peer;
	return true;
}

/* The two parts of a URL: host[:port] (a view) and path. */
static const char *parse_url(const char *url, struct peer *ret_peer, size_t *ret_host_len,
			     const char **ret_why)
{
	char host[64];
	unsigned long port = 80;
	const char *p = url + 7, *path, *host_end, *port_at;

	*ret_why = "must be http://HOST[:PORT]/PATH";
	if (strncmp(url, "http://", 7) != 0 || strlen(url) > URL_MAX)
		return NULL;
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
			return NULL;
	path = p + strcspn(p, "/?#");
	*ret_host_len = (size_t)(path - p);
	if (*p == '[') {
		p++;
		host_end = memchr(p, ']', (size_t)(path - p));
		port_at = host_end ? host_end + 1 : NULL;
	} else {
		host_end = memchr(p, ':', (size_t)(path - p));
		host_end = port_at = host_end ? host_end : path;
	}
	if (!host_end || host_end == p || (size_t)(host_end - p) >= sizeof(host))
		return NULL;
	memcpy(host, p, (size_t)(host_end - p));
	host[host_end - p] = '\0';
	if (port_at != path) {
		char *end;
		if (*port_at != ':' || port_at[1] < '0' || port_at[1] > '9')
			return NULL;
		port = strtoul(port_at + 1, &end, 10);
		if (end != path || port < 1 || port > 65535)
			return NULL;
	}
	*ret_why = "is not on this machine (127.0.0.0/8, localhost or [::1])";
	return loopback(host, htons((uint16_t)port), ret_peer) ? path : NULL;
}

static bool fields_right(const char *f)
{
	while (*f) {
		const char *end = strstr(f, "\r\n");
		if (!end || end == f || memchr(f, '\n', (size_t)(end - f)) ||
		    !memchr(f, ':', (size_t)(end - f)))
			return false;
		f = end + 2;
	}
	return true;
}

static size_t find_peer(const struct peer *p, struct peer *peers, size_t *n_peers)
{
	size_t i = 0;

	while (i < *n_peers && (peers[i].addr_len != p->addr_len ||
				memcmp(peers[i].addr, p->addr, p->addr_len) != 0))
		i++;
	if (i == *n_peers)
		peers[(*n_peers)++] = *p;
	return i;
}

int prepare(const struct loadgen_target *t, struct peer *peers, size_t *n_peers,
	    struct prepared *ret, char *errbuf, size_t errcap)
{
	const char *method = t->method ? t->method : "GET", *fields = t->fields ? t->fields : "";
	const char *body = t->body ? t->body : "", *url = t->url ? t->url : "", *why;
	size_t host_len = 0, method_len = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	size_t body_len = strlen(body);
	char length[64] = "";
	struct peer peer;

	const char *path = parse_url(url, &peer, &host_len, &why);
	if (!path)
		return refuse(errbuf, errcap, url, why);
	if (method_len < 1 || method_len > 16 || method[method_len])
		return refuse(errbuf, errcap, method, "is not a method");
	if (!fields_right(fields))
		return refuse(errbuf, errcap, url, "a header line must be NAME: VALUE CR LF");
	if (body_len > BODY_MAX || strlen(fields) > BODY_MAX)
		return refuse(errbuf, errcap, url, "body or headers are larger than 1 MiB");
	if (t->body)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", body_len);
	int path_len = (int)strcspn(path, "#");
	const char *slash = *path == '/' ? "" : "/";
	char *bytes = NULL;
	int len = asprintf(&bytes, "%s %s%.*s HTTP/1.1\r\nHost: %.*s\r\n%s%s\r\n%s", method, slash,
			   path_len, path, (int)host_len, url + 7, fields, length, body);
	if (len < 0)
		return refuse(errbuf, errcap, url, "out of memory");
	*ret = (struct prepared){.bytes = bytes,
				 .len = (size_t)len,
				 .weight = t->weight ? t->weight : 1,
				 .peer = find_peer(&peer, peers, n_peers),
				 .head_request = strcmp(method, "HEAD") == 0};
	return 0;
}

size_t next_target(struct prepared *targets, size_t n)
{
	size_t best = 0;
	long sum = 0;

	for (size_t i = 0; i < n; i++) {
		targets[i].credit += (long)targets[i].weight;
		sum += (long)targets[i].weight;
		if (targets[i].credit > targets[best].credit)
			best = i;
	}
	targets[best].credit -= sum;
	return best;
}
