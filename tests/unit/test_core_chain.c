#include "core/chain.h"
#include "unit.h"

#include "base/strbuf.h"

static struct record first(void)
{
	struct record r = {.seq = 1,
			   .time = 1700000000000000,
			   .actor = STR("git"),
			   .subject = STR("run-1"),
			   .type = STR("source.ref_moved"),
			   .payload = STR("{\"ref\":\"main\"}")};

	r.hash = chain_hash(&r);
	return r;
}

static struct record second(const struct record *before)
{
	struct record r = {.seq = before->seq + 1,
			   .time = before->time + 5,
			   .actor = STR("engine"),
			   .payload = STR("{}"),
			   .prev = before->hash};

	r.hash = chain_hash(&r);
	return r;
}

/* The format, written down once more by hand. */
static void hash_is_over_netstrings(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
	struct record one = first(), two = second(&one);
	static const uint8_t zeros[32];

	(void)state;
	strbuf_add(&b, zeros, sizeof(zeros));
	strbuf_adds(&b, "1:1,16:1700000000000000,3:git,5:run-1,16:source.ref_moved,"
			"14:{\"ref\":\"main\"},");
	assert_true(digest_eq(digest_of(strbuf_str(&b)), one.hash));
	strbuf_clear(&b);
	strbuf_add(&b, one.hash.b, sizeof(one.hash.b));
	strbuf_adds(&b, "1:2,16:1700000000000005,6:engine,0:,0:,2:{},");
	assert_true(digest_eq(digest_of(strbuf_str(&b)), two.hash));
	char hex[DIGEST_HEX + 1];
	digest_hex(one.hash, hex); /* frozen: journals on disk depend on it */
	assert_string_equal(hex,
			    "87da3f52bfadd57429a76af70f6a2c34234b034e72a5bbe8c38a13128b88be7a");
}

static void biggest_numbers(void **state)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(4096);
	struct record r = {.seq = UINT64_MAX, .time = 0};
	static const uint8_t zeros[32];

	(void)state;
	strbuf_add(&b, zeros, sizeof(zeros));
	strbuf_adds(&b, "20:18446744073709551615,1:0,0:,0:,0:,0:,");
	assert_true(digest_eq(digest_of(strbuf_str(&b)), chain_hash(&r)));
}

/* Moving a byte from one field to the next gives another hash. */
static void fields_cannot_melt(void **state)
{
	struct record a = {.seq = 1, .actor = STR("ab"), .subject = STR("c")};
	struct record b = {.seq = 1, .actor = STR("a"), .subject = STR("bc")};
	struct record c = {.seq = 1, .actor = STR("1:a,"), .subject = STR("")};
	struct record d = {.seq = 1, .actor = STR(""), .subject = STR("1:a,")};

	(void)state;
	assert_false(digest_eq(chain_hash(&a), chain_hash(&b)));
	assert_false(digest_eq(chain_hash(&c), chain_hash(&d)));
}

enum harm { NONE, SEQ, SEQ_BACK, TIME, ACTOR, SUBJECT, TYPE, PAYLOAD, PREV, HASH, REHASHED };
static const struct {
	const char *why;
	enum harm harm;
	enum rc want;
} harms[] = {
	{"as written", NONE, RC_OK},
	{"a gap", SEQ, RC_CORRUPT},
	{"twice the same", SEQ_BACK, RC_CORRUPT},
	{"time", TIME, RC_CORRUPT},
	{"actor", ACTOR, RC_CORRUPT},
	{"subject", SUBJECT, RC_CORRUPT},
	{"type", TYPE, RC_CORRUPT},
	{"payload", PAYLOAD, RC_CORRUPT},
	{"prev", PREV, RC_CORRUPT},
	{"hash", HASH, RC_CORRUPT},
	{"changed before and hashed again: the next one tells", REHASHED, RC_CORRUPT},
};

static void do_harm(enum harm harm, struct record *one, struct record *two)
{
	switch (harm) {
	case NONE:
		break;
	case SEQ:
		two->seq++;
		break;
	case SEQ_BACK:
		two->seq--;
		break;
	case TIME:
		two->time++;
		break;
	case ACTOR:
		two->actor = STR("enginf");
		break;
	case SUBJECT:
		two->subject = STR("x");
		break;
	case TYPE:
		two->type = STR("x");
		break;
	case PAYLOAD:
		two->payload = STR("{ }");
		break;
	case PREV:
		two->prev.b[31] ^= 1;
		break;
	case HASH:
		two->hash.b[0] ^= 128;
		break;
	case REHASHED:
		one->actor = STR("somebody");
		one->hash = chain_hash(one);
		break;
	}
}

static void check_finds_every_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(harms); i++) {
		struct record one = first(), two = second(&one);
		struct err err = {0};
		do_harm(harms[i].harm, &one, &two);
		CHECK(chain_check(&one, NULL, &err) == RC_OK, harms[i].why);
		CHECK(chain_check(&two, &one, &err) == harms[i].want, harms[i].why);
		CHECK(harms[i].want == RC_OK || strstr(err.msg, "record "), harms[i].why);
	}
}

static void first_must_be_first(void **state)
{
	struct record one = first(), two = second(&one);
	struct err err = {0};

	(void)state;
	assert_int_equal(chain_check(&two, NULL, &err), RC_CORRUPT);
	assert_string_equal(err.msg, "record 2 stands where record 1 should be");
	one.prev.b[3] = 1;
	one.hash = chain_hash(&one);
	assert_int_equal(chain_check(&one, NULL, NULL), RC_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_over_netstrings),
		cmocka_unit_test(biggest_numbers),
		cmocka_unit_test(fields_cannot_melt),
		cmocka_unit_test(check_finds_every_change),
		cmocka_unit_test(first_must_be_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
