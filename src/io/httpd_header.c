/* Headers of a request that decide what it gets. */
#include "io/httpd_header.h"

#include <arpa/inet.h>
#include <strings.h>

#include "base/digest.h"
#include "base/strbuf.h"

#define NAME_MAX_ 253 /* bytes of a name in the DNS */

bool host_eq(struct str a, struct str b)
{
	return a.n == b.n && (!a.n || strncasecmp(a.p, b.p, a.n) == 0);
}

/* "q=0", "q=0.000" and what is no weight at all */
static bool weighs_nothing(struct str parameters)
{
	while (parameters.p) {
		struct str one = str_trim(str_cut(&parameters, ';'));
		double q = 0;

		if (one.n >= 2 && (one.p[0] == 'q' || one.p[0] == 'Q') && one.p[1] == '=')
			return !parse_double((struct str){one.p + 2, one.n - 2}, &q) || q <= 0;
	}
	return false;
}

bool accepts_coding(struct str header, const char *coding)
{
	bool any = false;

	while (header.p) {
		struct str rest = str_trim(str_cut(&header, ','));
		struct str name = str_trim(str_cut(&rest, ';'));

		if (host_eq(name, str_of(coding)))
			return !weighs_nothing(rest);
		if (str_is(name, "*"))
			any = !weighs_nothing(rest);
	}
	return any;
}

static bool is_tag(struct str found, const char *tag)
{
	size_t n = strlen(tag);

	return found.n >= n && memcmp(found.p, tag, n) == 0 &&
	       (found.n == n || str_is((struct str){found.p + n, found.n - n}, "-gz") ||
		str_is((struct str){found.p + n, found.n - n}, "-br"));
}

struct str etag_match(struct str header, const char *tag)
{
	struct str left = str_trim(header);

	if (str_is(left, "*"))
		return left;
	while (left.n) {
		struct str found;

		if (str_starts(left, "W/"))
			left = (struct str){left.p + 2, left.n - 2};
		if (!str_starts(left, "\""))
			break;
		left = (struct str){left.p + 1, left.n - 1};
		found = str_cut(&left, '"');
		if (!left.p) /* the quote does not end */
			break;
		if (is_tag(found, tag))
			return found;
		left = str_trim(left);
		if (!str_starts(left, ","))
			break;
		left = str_trim((struct str){left.p + 1, left.n - 1});
	}
	return (struct str){NULL, 0};
}

void etag_of(struct str bytes, char ret[ETAG_SIZE])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(digest_of(bytes), hex);
	memcpy(ret, hex, 32);
	ret[32] = 0;
}

static bool is_port(struct str s)
{
	uint32_t port;

	return s.n == 0 || (s.n <= 5 && parse_u32(s, &port) && port <= UINT16_MAX);
}

static bool read_bracketed(struct str header, struct str *ret_name)
{
	struct str rest = {header.p + 1, header.n - 1}, name = str_cut(&rest, ']');

	if (!rest.p || (rest.n && rest.p[0] != ':') || !host_is_address(name) ||
	    !memchr(name.p, ':', name.n))
		return false;
	if (rest.n && !is_port((struct str){rest.p + 1, rest.n - 1}))
		return false;
	*ret_name = name;
	return true;
}

bool host_read(struct str header, struct str *ret_name)
{
	struct str rest = str_trim(header), name;

	if (str_starts(rest, "["))
		return read_bracketed(rest, ret_name);
	name = str_cut(&rest, ':');
	if (rest.p && !is_port(rest))
		return false;
	if (str_ends(name, "."))
		name.n--;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '.' && (i == 0 || i == name.n - 1 || name.p[i - 1] == '.'))
			return false;
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '.' && c != '_')
			return false;
	}
	if (!name.n || name.n > NAME_MAX_)
		return false;
	*ret_name = name;
	return true;
}

static bool address_of(struct str name, struct in_addr *ret4, struct in6_addr *ret6, bool *ret_is6)
{
	char text[INET6_ADDRSTRLEN];

	if (!name.n || name.n >= sizeof(text))
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	*ret_is6 = memchr(text, ':', name.n) != NULL;
	return *ret_is6 ? inet_pton(AF_INET6, text, ret6) == 1
			: inet_pton(AF_INET, text, ret4) == 1;
}

bool host_is_address(struct str name)
{
	struct in_addr four;
	struct in6_addr six;
	bool is6;

	return address_of(name, &four, &six, &is6);
}

bool host_is_loopback(struct str name)
{
	struct in_addr four = {0};
	struct in6_addr six = {0};
	bool is6 = false;

	if (address_of(name, &four, &six, &is6))
		return is6 ? IN6_IS_ADDR_LOOPBACK(&six) : ntohl(four.s_addr) >> 24 == 127;
	return host_eq(name, STR("localhost")) ||
	       (name.n > 10 && host_eq((struct str){name.p + name.n - 10, 10}, STR(".localhost")));
}
