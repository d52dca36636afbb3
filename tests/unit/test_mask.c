#include "unit/unit.h"

#include "base/mask.h"
#include "base/mem.h"

#include <stdio.h>
#include <time.h>

static uint64_t seed = 1;

static uint32_t next(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static struct mask *mask_of(const char *const *secrets)
{
	struct mask *m = mask_new();
	struct err err = {0};

	for (; *secrets; secrets++)
		if (mask_add(m, str_of(*secrets), &err) != RC_OK)
			fail_msg("%s", err.msg);
	mask_seal(m);
	return m;
}

static void feed_all(const struct mask *m, struct str text, bool cut, struct strbuf *out)
{
	struct mask_stream s;

	mask_open(&s, m);
	while (text.n) {
		size_t n = cut ? 1 + next(next(2) ? 7 : 200) : text.n;
		n = MIN_OF(n, text.n);
		mask_feed(&s, (struct str){text.p, n}, out);
		text.p += n;
		text.n -= n;
	}
	mask_end(&s, out);
	mask_close(&s);
}

static void forms(void **state)
{
	static const char *const secrets[] = {"pa\"ss/w'ord<1>$x",
					      "line one of it\nline two of it\n\n  x9y8z7w6  \n",
					      "zz-plain-value-zz",
					      "gr\xc3\xbc\xc3\x9f"
					      "e\xf0\x9f\x98\x80!",
					      "{\n  \"key-of-it\": 17\n}\n",
					      NULL};
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"nothing here", "nothing here"},
		{"a pa\"ss/w'ord<1>$x b", "a *** b"},
		{"{\"p\":\"pa\\\"ss/w'ord<1>$x\"}", "{\"p\":\"***\"}"},
		{"{\"p\":\"pa\\\"ss\\/w'ord<1>$x\"}", "{\"p\":\"***\"}"},
		{"{\"p\":\"pa\\\"ss/w\\u0027ord\\u003c1\\u003e$x\"}", "{\"p\":\"***\"}"},
		{"?p=pa%22ss%2Fw%27ord%3C1%3E%24x&", "?p=***&"},
		{"?p=pa%22ss%2fw%27ord%3c1%3e%24x&", "?p=***&"},
		{"echo 'pa\"ss/w'\\''ord<1>$x'", "echo '***'"},
		{"echo \"pa\\\"ss/w'ord<1>\\$x\"", "echo \"***\""},
		{"<b>pa&quot;ss/w&#39;ord&lt;1&gt;$x</b>", "<b>***</b>"},
		{"7061227373", "7061227373"},
		{"<b>pa&quot;ss/w&#x27;ord&lt;1&gt;$x</b>", "<b>***</b>"},
		{"<b>pa&#34;ss/w&#39;ord&lt;1&gt;$x</b>", "<b>***</b>"},
		{"<b>pa&quot;ss/w&apos;ord&lt;1&gt;$x</b>", "<b>***</b>"},
		{"<b>pa&quot;ss&#x2F;w&#39;ord&lt;1&gt;$x</b>", "<b>***</b>"},
		{"<b>pa\"ss/w'ord&lt;1&gt;$x</b>", "<b>***</b>"},
		{"pa\\\"ss/w\\'ord\\<1\\>\\$x b", "*** b"},
		{"$'pa\"ss/w\\'ord<1>$x'", "$'***'"},
		{"'pa\"ss/w''ord<1>$x'", "'***'"},
		{"{\"k\": \"gr\\u00fc\\u00dfe\\ud83d\\ude00!\"}", "{\"k\": \"***\"}"},
		{"{\"k\": \"gr\\u00FC\\u00DFe\\uD83D\\uDE00!\"}", "{\"k\": \"***\"}"},
		{"only {", "only {"},
		{"hex 70612273732f77276f72643c313e2478.", "hex ***."},
		{"hex 70612273732F77276F72643C313E2478.", "hex ***."},
		{"b64 cGEic3MvdydvcmQ8MT4keA== .", "b64 ***== ."},
		{"line one of it\nand line two of it", "***\nand ***"},
		{"line one of it\r\nline two of it\r\n\r\n  x9y8z7w6  ", "***"},
		{"the x9y8z7w6 line", "the *** line"},
		{"zz-plain-value-zz-plain-value-zz", "***"},
		{"zz-plain-value-zzzz-plain-value-zz", "***"},
		{"zz-plain-value-zz zz-plain-value-zz", "*** ***"},
		{"zz-plain-value-z", "zz-plain-value-z"},
		{"zz-plain-zz-plain-value-zz", "zz-plain-***"},
	};
	struct mask *m = mask_of(secrets);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf out = STRBUF(10000);
		feed_all(m, str_of(cases[i].in), false, &out);
		CHECK_STR(strbuf_cstr(&out), cases[i].want, cases[i].in);
		strbuf_clear(&out);
		strbuf_adds(&out, cases[i].in);
		mask_text(m, &out);
		CHECK_STR(strbuf_cstr(&out), cases[i].want, "mask_text");
		strbuf_done(&out);
	}
	mask_free(m);
}

/* A secret inside other data that is encoded: all three phases, whatever stands around it. */
static void base64_phases(void **state)
{
	static const char *const secrets[] = {"correct horse battery", NULL};
	struct mask *m = mask_of(secrets);

	(void)state;
	for (size_t before = 0; before < 6; before++)
		for (size_t after = 0; after < 4; after++) {
			struct strbuf plain = STRBUF(1000), code = STRBUF(1000), out = STRBUF(1000),
				      want = STRBUF(1000);
			for (size_t i = 0; i < before; i++)
				strbuf_addc(&plain, 'x');
			strbuf_adds(&plain, secrets[0]);
			for (size_t i = 0; i < after; i++)
				strbuf_addc(&plain, 'y');
			strbuf_add_base64(&code, plain.p, plain.n);
			feed_all(m, strbuf_str(&code), false, &out);
			CHECK(strstr(strbuf_cstr(&out), "***"), "hidden");
			CHECK(out.n <= code.n - 21 * 8 / 6 + 3 + 3, "all but the ends");
			strbuf_done(&plain);
			strbuf_done(&code);
			strbuf_done(&out);
			strbuf_done(&want);
		}
	mask_free(m);
}

static void refusals(void **state)
{
	struct mask *m = mask_new();
	struct err err = {0};
	char *big = xcalloc(1, MASK_MAX + 2);

	(void)state;
	memset(big, 'b', MASK_MAX + 1);
	CHECK(mask_add(m, STR("abc"), &err) == RC_INVALID, "short");
	CHECK(!strstr(err.msg, "abc"), "not in the text");
	CHECK(mask_add(m, STR("abc\n\n\n"), &err) == RC_INVALID, "short but for line ends");
	CHECK(mask_add(m, (struct str){big, MASK_MAX + 1}, &err) == RC_TOO_BIG, "long");
	CHECK(mask_add(m, STR("abcdefg"), &err) == RC_INVALID, "seven bytes");
	assert_non_null(strstr(err.msg, "less than 8 bytes"));
	CHECK(mask_add(m, STR("abcdefgh"), &err) == RC_OK, "eight bytes");
	mask_seal(m);
	mask_free(m);
	xfree(big);
}

/* What a stream must give, by the definition: a byte is hidden when some pattern covers it. */
static void slow(const char *const *patterns, struct str text, struct strbuf *out)
{
	bool *hide = xcalloc(text.n + 1, sizeof(*hide));

	for (; *patterns; patterns++)
		for (size_t i = 0, n = strlen(*patterns); i + n <= text.n; i++)
			if (!memcmp(text.p + i, *patterns, n))
				memset(hide + i, 1, n);
	for (size_t i = 0; i < text.n; i++) {
		if (!hide[i])
			strbuf_addc(out, text.p[i]);
		else if (!i || !hide[i - 1])
			strbuf_adds(out, "***");
	}
	xfree(hide);
}

static void property(void **state)
{
	/* letters and digits only: their other forms do not occur in the text below */
	static const char *const secrets[] = {"aabaabaa", "abababab",  "baabaaba",
					      "aaaaaaab", "bbbbabbbb", NULL};
	struct mask *m = mask_of(secrets);

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct strbuf text = STRBUF(10000), whole = STRBUF(10000), cut = STRBUF(10000),
			      want = STRBUF(10000);
		size_t n = next(400);
		for (size_t i = 0; i < n; i++) {
			if (!next(12))
				strbuf_adds(&text, secrets[next(5)]);
			else
				strbuf_addc(&text, "aaabbc"[next(6)]);
		}
		slow(secrets, strbuf_str(&text), &want);
		feed_all(m, strbuf_str(&text), false, &whole);
		feed_all(m, strbuf_str(&text), true, &cut);
		CHECK_STR(strbuf_cstr(&whole), strbuf_cstr(&want), strbuf_cstr(&text));
		CHECK_STR(strbuf_cstr(&cut), strbuf_cstr(&want), strbuf_cstr(&text));
		strbuf_done(&text);
		strbuf_done(&whole);
		strbuf_done(&cut);
		strbuf_done(&want);
	}
	mask_free(m);
}

/* Secrets of any bytes, in any of their forms, in any cut: nothing of them passes, and the cut does not show. */
static void any_form(void **state)
{
	static const char letters[] = "abcXYZ019 \"\\'<>&$`/+=%\n\t\xc3\xa4.-_";

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct mask *m = mask_new();
		struct err err = {0};
		char secret[64];
		size_t n = 9 + next(40);
		struct strbuf text = STRBUF(1 << 20), whole = STRBUF(1 << 20),
			      cut = STRBUF(1 << 20), code = STRBUF(1 << 16),
			      plain = STRBUF(1 << 16);
		for (size_t i = 0; i < n; i++)
			secret[i] = letters[next(sizeof(letters) - 1)];
		secret[0] = 'Q', secret[n - 1] = 'Z', secret[n] = 0;
		assert_int_equal(mask_add(m, (struct str){secret, n}, &err), RC_OK);
		mask_seal(m);
		for (int k = 0; k < 30; k++) {
			strbuf_addf(&text, "k%u=", next(1000));
			switch (next(5)) {
			case 0:
				strbuf_add(&text, secret, n);
				break;
			case 1:
				strbuf_add_hex(&text, secret, n);
				break;
			case 2:
				strbuf_add_urlencoded(&text, (struct str){secret, n});
				break;
			case 3:
				strbuf_add_shellquoted(&text, (struct str){secret, n});
				break;
			default:
				strbuf_clear(&plain);
				for (unsigned p = next(3); p; p--)
					strbuf_addc(&plain, '!');
				strbuf_add(&plain, secret, n);
				strbuf_add_base64(&text, plain.p, plain.n);
			}
			strbuf_addc(&text, "\n ;"[next(3)]);
		}
		feed_all(m, strbuf_str(&text), false, &whole);
		feed_all(m, strbuf_str(&text), true, &cut);
		CHECK_STR(strbuf_cstr(&cut), strbuf_cstr(&whole), "however it is cut");
		CHECK(!memmem(whole.p, whole.n, secret, n), "as it is");
		strbuf_add_hex(&code, secret, n);
		CHECK(!memmem(whole.p, whole.n, code.p, code.n), "hex");
		strbuf_clear(&code);
		strbuf_add_urlencoded(&code, (struct str){secret, n});
		CHECK(!memmem(whole.p, whole.n, code.p, code.n), "percent");
		strbuf_clear(&code);
		strbuf_add_base64(&code, secret, n / 3 * 3);
		CHECK(!memmem(whole.p, whole.n, code.p, code.n), "base64");
		strbuf_done(&text), strbuf_done(&whole), strbuf_done(&cut), strbuf_done(&code),
			strbuf_done(&plain);
		mask_free(m);
	}
}

/* Text flows: only what could become a secret waits. */
static void holds_back_little(void **state)
{
	static const char *const secrets[] = {"supersecret", NULL};
	struct mask *m = mask_of(secrets);
	struct mask_stream s;
	struct strbuf out = STRBUF(1000);

	(void)state;
	mask_open(&s, m);
	mask_feed(&s, STR("hello\n"), &out);
	CHECK_STR(strbuf_cstr(&out), "hello\n", "at once");
	mask_feed(&s, STR("super"), &out);
	CHECK_STR(strbuf_cstr(&out), "hello\n", "waits");
	mask_feed(&s, STR("man\n"), &out);
	CHECK_STR(strbuf_cstr(&out), "hello\nsuperman\n", "was none");
	mask_feed(&s, STR("supersec"), &out);
	mask_end(&s, &out);
	CHECK_STR(strbuf_cstr(&out), "hello\nsuperman\nsupersec", "the end");
	strbuf_done(&out);
	mask_free(m);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void speed(void **state)
{
	enum { SECRETS = 1000, MB = 64 };
	struct mask *m = mask_new();
	struct err err = {0};
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct strbuf text = STRBUF((size_t)MB << 20), out = STRBUF((size_t)2 << 20);

	(void)state;
	double t0 = seconds();
	for (int i = 0; i < SECRETS; i++) {
		char secret[33] = "";
		for (int k = 0; k < 32; k++)
			secret[k] = letters[next(64)];
		assert_int_equal(mask_add(m, str_of(secret), &err), RC_OK);
	}
	mask_seal(m);
	double t1 = seconds();
	while (text.n + 200 < text.cap)
		strbuf_addf(
			&text,
			"[%8u] compiling src/module_%u.c: warning: unused variable 'x%u' [-Wunused] %08x%08x\n",
			next(1u << 30), next(9999), next(9999), next(1u << 30), next(1u << 30));
	struct mask_stream s;
	double t2 = seconds();
	mask_open(&s, m);
	for (size_t i = 0; i < text.n; i += 65536) {
		strbuf_clear(&out);
		mask_feed(&s, (struct str){text.p + i, MIN_OF(text.n - i, (size_t)65536)}, &out);
	}
	mask_close(&s);
	double took = seconds() - t2;
	printf("%d secrets: made in %.0f ms; %.0f MB/s\n", SECRETS, (t1 - t0) * 1e3,
	       (double)text.n / 1e6 / took);
	strbuf_done(&text);
	strbuf_done(&out);
	mask_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),    cmocka_unit_test(base64_phases),
		cmocka_unit_test(refusals), cmocka_unit_test(property),
		cmocka_unit_test(any_form), cmocka_unit_test(holds_back_little),
		cmocka_unit_test(speed),
	};

	return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
