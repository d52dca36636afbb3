#include "number.h"

#include <inttypes.h>

static uint32_t checksum(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(v ^ v >> 32);
}

static uint64_t pack(const struct order *o)
{
	return (uint64_t)o->nonce << 16 | (uint64_t)(o->item & 0xff) << 8 | (o->quantity & 0xff);
}

void order_number(const struct order *o, char ret[ORDER_NUMBER_LEN + 1])
{
	struct text t = { .p = ret, .cap = ORDER_NUMBER_LEN + 1 };

	text_add(&t, "o%012" PRIx64 "%08" PRIx32, pack(o), checksum(pack(o)));
}

static bool parse_hex(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (uint64_t)(p[i] - '0');
		else if (p[i] >= 'a' && p[i] <= 'f')
			v = v << 4 | (uint64_t)(p[i] - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

bool order_of(struct span number, struct order *ret)
{
	uint64_t v, sum;

	if (number.n != ORDER_NUMBER_LEN || number.p[0] != 'o' || !parse_hex(number.p + 1, 12, &v) ||
	    !parse_hex(number.p + 13, 8, &sum) || checksum(v) != sum)
		return false;
	*ret = (struct order){ .nonce = (uint32_t)(v >> 16),
			       .item = (unsigned)(v >> 8 & 0xff),
			       .quantity = (unsigned)(v & 0xff) };
	return true;
}
