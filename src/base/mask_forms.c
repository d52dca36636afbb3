/* How secrets look when programs write them. */
#include "base/mask_impl.h"

#include "base/mem.h"

#define FORM_MAX (MASK_MAX * 8)
#define LINE_MIN \
	8 /* of a line of a longer secret: "{" or "true" alone would hide half of the log */
#define BITS_MIN 6 /* characters of a code that begins and ends within a group of bits */

struct forms {
	void (*each)(void *ctx, struct str pattern);
	void *ctx;
	struct strbuf form;
};

static void give(struct forms *f, struct str s)
{
	if (s.n >= MASK_MIN)
		f->each(f->ctx, s);
}

static void give_form(struct forms *f)
{
	if (!strbuf_failed(&f->form))
		give(f, strbuf_str(&f->form));
	if (f->form.p)
		mem_wipe(f->form.p, f->form.n);
	strbuf_clear(&f->form);
}

/* Programs wrap at 76 (base64, MIME) or 64 (PEM): each line alone is a form. */
static void give_wrapped(struct forms *f, struct str code, size_t width)
{
	for (size_t i = 0; code.n > width && i < code.n; i += width)
		give(f, (struct str){code.p + i, MIN_OF(width, code.n - i)});
}

/* base64 in a URL or, by some, in JSON: its own signs are escaped once more. */
static void give_escaped(struct forms *f, struct str code)
{
	static const char *const escapes[][2] = {{"%2B", "%2F"}, {"%2b", "%2f"}, {"+", "\\/"}};

	for (size_t k = 0; k < ARRAY_LEN(escapes); k++) {
		struct strbuf form = STRBUF(FORM_MAX);
		bool other = false;
		for (size_t i = 0; i < code.n; i++) {
			bool sign = code.p[i] == '+' || code.p[i] == '/';
			other |= sign;
			if (sign)
				strbuf_adds(&form, escapes[k][code.p[i] == '/']);
			else
				strbuf_addc(&form, code.p[i]);
		}
		if (other && !strbuf_failed(&form))
			give(f, strbuf_str(&form));
		if (form.p)
			mem_wipe(form.p, form.n);
		strbuf_done(&form);
	}
}

/*
 * The characters that a secret becomes when `phase` other bytes stand before it in its group of
 * three. The first and last character may hold bits of neighbours: they are not part of the form,
 * but for an end with nothing behind it.
 */
static void base64_phase(struct forms *f, struct str s, unsigned phase, const char *alphabet)
{
	size_t bits = s.n * 8, first = phase ? phase + 1 : 0;
	size_t whole = (bits + phase * 8) / 6, rest = (bits + phase * 8) % 6;

	for (size_t k = first; k < whole + (rest != 0); k++) {
		unsigned six = 0;
		for (size_t b = 0; b < 6; b++) {
			size_t at = k * 6 + b - phase * 8;
			unsigned bit =
				at < bits ? ((unsigned char)s.p[at / 8] >> (7 - at % 8)) & 1 : 0;
			six = six << 1 | bit;
		}
		strbuf_addc(&f->form, alphabet[six]);
	}
	if (strbuf_failed(&f->form) || f->form.n < BITS_MIN + (rest != 0)) {
		strbuf_clear(&f->form);
		return;
	}
	give(f, (struct str){f->form.p, f->form.n - (rest != 0)});
	give_escaped(f, (struct str){f->form.p, f->form.n - (rest != 0)});
	if (!phase) {
		give_wrapped(f, strbuf_str(&f->form), 76);
		give_wrapped(f, strbuf_str(&f->form), 64);
	}
	give_form(f);
}

static void hex(struct forms *f, struct str s, const char *digits)
{
	for (size_t i = 0; i < s.n; i++) {
		strbuf_addc(&f->form, digits[(unsigned char)s.p[i] >> 4]);
		strbuf_addc(&f->form, digits[(unsigned char)s.p[i] & 15]);
	}
	give_form(f);
}

/* kept: what stays as it is besides letters and digits. */
static void percent(struct forms *f, struct str s, const char *kept, const char *digits, bool plus)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			     (c && strchr(kept, c));
		if (plain || (plus && c == ' ')) {
			strbuf_addc(&f->form, plain ? (char)c : '+');
		} else {
			strbuf_addc(&f->form, '%');
			strbuf_addc(&f->form, digits[c >> 4]);
			strbuf_addc(&f->form, digits[c & 15]);
		}
	}
	give_form(f);
}

static void json(struct forms *f, struct str s, bool slash, bool html)
{
	static const char named[] = "\bb\ff\nn\rr\tt";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		const char *name = c && c < 32 ? strchr(named, c) : NULL;
		if (c == '"' || c == '\\' || (c == '/' && slash))
			strbuf_addf(&f->form, "\\%c", c);
		else if (name)
			strbuf_addf(&f->form, "\\%c", name[1]);
		else if (c < 32 || (html && strchr("<>&'", c)))
			strbuf_addf(&f->form, "\\u%04x", c);
		else
			strbuf_addc(&f->form, (char)c);
	}
	give_form(f);
}

static void add_unit(struct forms *f, const char *digits, uint32_t code)
{
	strbuf_adds(&f->form, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4)
		strbuf_addc(&f->form, digits[code >> shift & 15]);
}

/* JSON as Python and others write it: nothing but ASCII. */
static void json_ascii(struct forms *f, struct str s, const char *digits)
{
	for (size_t n; s.n; s.p += n, s.n -= n) {
		unsigned char c = (unsigned char)*s.p;
		n = str_character(s);
		if (c == '"' || c == '\\') {
			strbuf_addf(&f->form, "\\%c", c);
		} else if (n < 2) {
			strbuf_addc(&f->form, (char)c);
			n = 1;
		} else {
			uint32_t code = c & (0xffu >> (n + 1));
			for (size_t i = 1; i < n; i++)
				code = code << 6 | ((unsigned char)s.p[i] & 0x3f);
			if (code > 0xffff) {
				add_unit(f, digits, 0xd800 + ((code - 0x10000) >> 10));
				code = 0xdc00 + ((code - 0x10000) & 0x3ff);
			}
			add_unit(f, digits, code);
		}
	}
	give_form(f);
}

/* `printf %q`: a backslash before all that means something to a shell. */
static void shell_backslash(struct forms *f, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			     c >= 0x80 || (c && strchr("-_./:=@%+,", c));
		if (!plain)
			strbuf_addc(&f->form, '\\');
		strbuf_addc(&f->form, (char)c);
	}
	give_form(f);
}

/* table: a character and what stands for it, in turns. */
static void replaced(struct forms *f, struct str s, const char *const table[][2], size_t n)
{
	for (size_t i = 0; i < s.n; i++) {
		size_t k = 0;
		while (k < n && *table[k][0] != s.p[i])
			k++;
		if (k < n)
			strbuf_adds(&f->form, table[k][1]);
		else
			strbuf_addc(&f->form, s.p[i]);
	}
	give_form(f);
}

/* Forms in which the characters stay one by one: also of single lines. */
static void by_character(struct forms *f, struct str s)
{
	static const char upper[] = "0123456789ABCDEF", lower[] = "0123456789abcdef";
	static const char *const single[][2] = {{"'", "'\\''"}};
	static const char *const single2[][2] = {{"'", "'\"'\"'"}};
	static const char *const twofold[][2] = {
		{"\"", "\\\""}, {"\\", "\\\\"}, {"$", "\\$"}, {"`", "\\`"}};
	static const char *const html[][2] = {
		{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}};
	static const char *const crlf[][2] = {{"\n", "\r\n"}};
	/* Python, Go, XML, mustache: they differ in what stands for a quote */
	static const char *const html2[][2] = {
		{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#x27;"}};
	static const char *const html3[][2] = {
		{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&#34;"}, {"'", "&#39;"}};
	static const char *const xml[][2] = {
		{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&apos;"}};
	static const char *const mustache[][2] = {{"&", "&amp;"},   {"<", "&lt;"},  {">", "&gt;"},
						  {"\"", "&quot;"}, {"'", "&#39;"}, {"/", "&#x2F;"},
						  {"`", "&#x60;"},  {"=", "&#x3D;"}};
	static const char *const text_only[][2] = {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}};
	static const char *const ansi[][2] = {
		{"'", "\\'"}, {"\\", "\\\\"}, {"\n", "\\n"}, {"\t", "\\t"}};
	static const char *const doubled[][2] = {{"'", "''"}};

	give(f, s);
	json(f, s, false, false);
	json(f, s, true, false);
	json(f, s, false, true);
	percent(f, s, "-._~", upper, false);
	percent(f, s, "-._~", lower, false);
	percent(f, s, "-._*", upper, true);
	percent(f, s, "-._*", lower, true);
	percent(f, s, "-._~!*'()", upper, false);
	percent(f, s, "-._~/", upper, false);
	replaced(f, s, single, ARRAY_LEN(single));
	replaced(f, s, single2, ARRAY_LEN(single2));
	replaced(f, s, twofold, ARRAY_LEN(twofold));
	replaced(f, s, html, ARRAY_LEN(html));
	replaced(f, s, crlf, ARRAY_LEN(crlf));
	replaced(f, s, html2, ARRAY_LEN(html2));
	replaced(f, s, html3, ARRAY_LEN(html3));
	replaced(f, s, xml, ARRAY_LEN(xml));
	replaced(f, s, mustache, ARRAY_LEN(mustache));
	replaced(f, s, text_only, ARRAY_LEN(text_only));
	replaced(f, s, ansi, ARRAY_LEN(ansi));
	replaced(f, s, doubled, ARRAY_LEN(doubled));
	shell_backslash(f, s);
	json_ascii(f, s, lower);
	json_ascii(f, s, upper);
}

static void by_bits(struct forms *f, struct str s)
{
	static const char std[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char url[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (unsigned phase = 0; phase < 3; phase++) {
		base64_phase(f, s, phase, std);
		base64_phase(f, s, phase, url);
	}
	hex(f, s, "0123456789abcdef");
	hex(f, s, "0123456789ABCDEF");
}

void mask_forms(struct str secret, void (*each)(void *ctx, struct str pattern), void *ctx)
{
	struct forms f = {each, ctx, STRBUF(FORM_MAX)};
	struct str whole = secret, rest = secret;

	while (whole.n && (whole.p[whole.n - 1] == '\n' || whole.p[whole.n - 1] == '\r'))
		whole.n--;
	by_character(&f, whole);
	by_bits(&f, whole);
	if (whole.n != secret.n)
		by_bits(&f, secret);
	while (rest.p) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (line.n == whole.n || line.n < LINE_MIN)
			continue;
		by_character(&f, line);
		by_bits(&f, line);
	}
	strbuf_done(&f.form);
}
