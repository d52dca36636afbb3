#include "base/mask_impl.h"

#include "base/mem.h"
#include "base/vec.h"

#define ROOT       0u
#define SLICE      ((size_t)32 << 10) /* bytes between two decisions: keeps the list of spans short */
#define BITS_LEAST 12u
#define BITS_MOST  20u

struct node {
	uint32_t child, sibling; /* 0: none (the root is nobody's child) */
	uint32_t fail;
	uint32_t depth;
	uint32_t hit; /* length of the longest pattern that ends here; 0: none */
	unsigned char byte;
};
struct mask {
	VEC(struct node) nodes;
	uint32_t first[256];  /* the root's children */
	VEC(uint32_t) second; /* 256 children for each child of the root, by its index in `wide` */
	uint32_t wide[256];   /* first byte -> 1 + index into second / 256 */
	uint64_t *filter;     /* the first four bytes of all patterns, hashed */
	uint64_t *long_filter, *short_filter; /* the first eight; the first four of shorter ones */
	VEC(uint64_t) prefixes;               /* what goes into them, until the mask is sealed */
	VEC(uint32_t) shorts;
	unsigned shift;
	size_t bytes;
	bool sealed;
};

struct mask *mask_new(void)
{
	struct mask *m = xcalloc(1, sizeof(*m));

	vec_add(&m->nodes);
	return m;
}

void mask_free(struct mask *m)
{
	if (!m)
		return;
	if (m->nodes.v)
		mem_wipe(m->nodes.v, m->nodes.n * sizeof(*m->nodes.v));
	vec_done(&m->nodes);
	vec_done(&m->second);
	vec_done(&m->prefixes);
	vec_done(&m->shorts);
	xfree(m->filter);
	xfree(m->long_filter);
	xfree(m->short_filter);
	xfree(m);
}

void mask_freep(struct mask **m)
{
	mask_free(*m);
	*m = NULL;
}

static uint32_t child_of(const struct mask *m, uint32_t at, unsigned char c)
{
	const struct node *n = &m->nodes.v[at];

	if (at == ROOT)
		return m->first[c];
	if (n->depth == 1)
		return m->second.v[(m->wide[n->byte] - 1) * 256 + c];
	uint32_t k = n->child;
	while (k && m->nodes.v[k].byte != c)
		k = m->nodes.v[k].sibling;
	return k;
}

static uint32_t child_make(struct mask *m, uint32_t at, unsigned char c)
{
	uint32_t k = child_of(m, at, c);

	if (k)
		return k;
	vec_add(&m->nodes);
	k = (uint32_t)m->nodes.n - 1;
	struct node *n = &m->nodes.v[k], *parent = &m->nodes.v[at];
	n->byte = c;
	n->depth = parent->depth + 1;
	n->sibling = parent->child;
	parent->child = k;
	if (at == ROOT) {
		m->first[c] = k;
		vec_grow(&m->second, sizeof(uint32_t), m->second.n + 256);
		memset(m->second.v + m->second.n, 0, 256 * sizeof(uint32_t));
		m->second.n += 256;
		m->wide[c] = (uint32_t)(m->second.n / 256);
	} else if (parent->depth == 1) {
		m->second.v[(m->wide[parent->byte] - 1) * 256 + c] = k;
	}
	return k;
}

static uint32_t window_at(const char *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static uint64_t prefix_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static void insert(void *ctx, struct str pattern)
{
	struct mask *m = ctx;
	uint32_t at = ROOT;

	m->bytes += pattern.n;
	if (m->bytes > MASK_TOTAL)
		return;
	if (pattern.n >= 8)
		vec_push(&m->prefixes, prefix_at(pattern.p));
	else
		vec_push(&m->shorts, window_at(pattern.p));
	for (size_t i = 0; i < pattern.n; i++)
		at = child_make(m, at, (unsigned char)pattern.p[i]);
	m->nodes.v[at].hit = m->nodes.v[at].depth;
}

enum rc mask_add(struct mask *m, struct str secret, struct err *err)
{
	struct str bare = secret;

	BUG_ON(m->sealed);
	while (bare.n && (bare.p[bare.n - 1] == '\n' || bare.p[bare.n - 1] == '\r'))
		bare.n--;
	if (bare.n < MASK_WHOLE)
		return err_set(
			err, RC_INVALID,
			"it has less than %d bytes and cannot be hidden in logs: use a longer one",
			MASK_WHOLE);
	if (secret.n > MASK_MAX)
		return err_set(err, RC_TOO_BIG, "it has more than %zu bytes", MASK_MAX);
	mask_forms(secret, insert, m);
	if (m->bytes > MASK_TOTAL)
		return err_set(err, RC_TOO_BIG, "all secrets together are too long to be hidden");
	return RC_OK;
}

static uint32_t step(const struct mask *m, uint32_t at, unsigned char c)
{
	for (;;) {
		uint32_t k = child_of(m, at, c);
		if (k || at == ROOT)
			return k;
		at = m->nodes.v[at].fail;
	}
}

/* Breadth first: a node's fail link is shorter than itself, so it is ready before. */
static void link_fails(struct mask *m)
{
	uint32_t *queue = xmalloc(m->nodes.n * sizeof(*queue));
	size_t begin = 0, end = 0;

	queue[end++] = ROOT;
	while (begin < end) {
		uint32_t at = queue[begin++];
		for (uint32_t k = m->nodes.v[at].child; k; k = m->nodes.v[k].sibling) {
			struct node *n = &m->nodes.v[k];
			n->fail = at == ROOT ? ROOT : step(m, m->nodes.v[at].fail, n->byte);
			if (!n->hit)
				n->hit = m->nodes.v[n->fail].hit;
			queue[end++] = k;
		}
	}
	xfree(queue);
}

static uint32_t hash4(uint32_t w, unsigned shift)
{
	return (w * 0x9e3779b1u) >> shift;
}

static uint32_t hash8(uint64_t w, unsigned shift)
{
	return (uint32_t)((w * 0x9e3779b97f4a7c15u) >> 32) >> shift;
}

static void set_bit(uint64_t *filter, uint32_t h)
{
	filter[h / 64] |= (uint64_t)1 << h % 64;
}

static bool has_bit(const uint64_t *filter, uint32_t h)
{
	return filter[h / 64] >> h % 64 & 1;
}

static void make_filters(struct mask *m)
{
	unsigned bits = BITS_LEAST;
	size_t n = m->prefixes.n + m->shorts.n;

	while (bits < BITS_MOST && ((size_t)1 << bits) < n * 16)
		bits++;
	m->shift = 32 - bits;
	size_t words = ((size_t)1 << bits) / 64;
	m->filter = xcalloc(words, sizeof(*m->filter));
	m->long_filter = xcalloc(words, sizeof(*m->filter));
	m->short_filter = xcalloc(words, sizeof(*m->filter));
	for (size_t i = 0; i < m->prefixes.n; i++) {
		uint64_t w = m->prefixes.v[i];
		uint32_t head;
		memcpy(&head, &w, sizeof(head));
		set_bit(m->filter, hash4(head, m->shift));
		set_bit(m->long_filter, hash8(w, m->shift));
	}
	for (size_t i = 0; i < m->shorts.n; i++) {
		set_bit(m->filter, hash4(m->shorts.v[i], m->shift));
		set_bit(m->short_filter, hash4(m->shorts.v[i], m->shift));
	}
	if (m->prefixes.v)
		mem_wipe(m->prefixes.v, m->prefixes.n * sizeof(*m->prefixes.v));
	if (m->shorts.v)
		mem_wipe(m->shorts.v, m->shorts.n * sizeof(*m->shorts.v));
	vec_done(&m->prefixes);
	vec_done(&m->shorts);
}

void mask_seal(struct mask *m)
{
	BUG_ON(m->sealed);
	make_filters(m);
	link_fails(m);
	m->sealed = true;
}

void mask_open(struct mask_stream *s, const struct mask *m)
{
	BUG_ON(m && !m->sealed);
	*s = (struct mask_stream){.mask = m, .held = STRBUF(MASK_MAX * 8 + SLICE)};
}

void mask_close(struct mask_stream *s)
{
	if (s->held.p)
		mem_wipe(s->held.p, s->held.n);
	strbuf_done(&s->held);
	xfree(s->spans.v);
	*s = (struct mask_stream){.mask = s->mask, .held = STRBUF(MASK_MAX * 8 + SLICE)};
}

static void cover(struct mask_stream *s, uint64_t from, uint64_t to)
{
	while (s->spans.n && s->spans.v[s->spans.n - 1].to >= from) {
		from = MIN_OF(from, s->spans.v[s->spans.n - 1].from);
		s->spans.n--;
	}
	struct mask_span span = {from, to};
	vec_push(&s->spans, span);
}

/* Bytes of [done, to), none of them hidden. */
static void emit_plain(struct mask_stream *s, struct str slice, uint64_t to, struct strbuf *out)
{
	uint64_t base = s->done, n = to - base;
	size_t old = (size_t)MIN_OF(n, (uint64_t)s->held.n);

	if (!n)
		return;
	s->hidden = false;
	strbuf_add(out, s->held.p, old);
	strbuf_add(out, slice.p, (size_t)n - old);
}

/* Forget the front of what is held and of the slice, up to the stream's byte `to`. */
static void advance(struct mask_stream *s, struct str *slice, uint64_t to)
{
	size_t n = (size_t)(to - s->done), old = MIN_OF(n, s->held.n);

	if (old) {
		memmove(s->held.p, s->held.p + old, s->held.n - old);
		s->held.n -= old;
	}
	slice->p += n - old;
	slice->n -= n - old;
	s->done = to;
}

/* Everything before byte `upto` is decided. */
static void decide(struct mask_stream *s, struct str *slice, uint64_t upto, struct strbuf *out)
{
	size_t used = 0;

	for (; used < s->spans.n && s->spans.v[used].from < upto; used++) {
		struct mask_span *span = &s->spans.v[used];
		emit_plain(s, *slice, span->from, out);
		advance(s, slice, span->from);
		if (!s->hidden)
			strbuf_adds(out, "***");
		s->hidden = true;
		advance(s, slice, MIN_OF(span->to, upto));
		if (span->to > upto) {
			span->from = upto;
			break;
		}
	}
	if (used) {
		s->spans.n -= used;
		memmove(s->spans.v, s->spans.v + used, s->spans.n * sizeof(*s->spans.v));
	}
	if (s->done < upto) {
		emit_plain(s, *slice, upto, out);
		advance(s, slice, upto);
	}
}

/* A pattern may begin here: its first eight bytes, or those of one that is shorter, are among the
 * known ones. */
static bool may_begin(const struct mask *m, const char *p, size_t n)
{
	return n < 8 || has_bit(m->long_filter, hash8(prefix_at(p), m->shift)) ||
	       has_bit(m->short_filter, hash4(window_at(p), m->shift));
}

/* The next place at or after i where a pattern could begin, or where four bytes are not at hand. */
static size_t skip(const struct mask *m, const char *p, size_t i, size_t n)
{
	const uint64_t *filter = m->filter;
	unsigned shift = m->shift;

	for (; i + 4 <= n; i++)
		if (has_bit(filter, hash4(window_at(p + i), shift)) && may_begin(m, p + i, n - i))
			return i;
	return i;
}

static void feed_slice(struct mask_stream *s, struct str slice, struct strbuf *out)
{
	const struct mask *m = s->mask;
	uint64_t base = s->done + s->held.n;
	uint32_t at = s->state;

	for (size_t i = 0; i < slice.n;) {
		if (at == ROOT) {
			i = skip(m, slice.p, i, slice.n);
			if (i >= slice.n)
				break;
		}
		at = step(m, at, (unsigned char)slice.p[i++]);
		uint32_t hit = m->nodes.v[at].hit;
		if (hit)
			cover(s, base + i - hit, base + i);
	}
	s->state = at;
	decide(s, &slice, base + slice.n - m->nodes.v[at].depth, out);
	strbuf_add(&s->held, slice.p, slice.n);
}

void mask_feed(struct mask_stream *s, struct str bytes, struct strbuf *out)
{
	if (!s->mask || s->mask->nodes.n == 1) {
		strbuf_addstr(out, bytes);
		return;
	}
	while (bytes.n) {
		size_t n = MIN_OF(bytes.n, SLICE);
		feed_slice(s, (struct str){bytes.p, n}, out);
		bytes.p += n;
		bytes.n -= n;
	}
}

void mask_end(struct mask_stream *s, struct strbuf *out)
{
	struct str none = {"", 0};

	decide(s, &none, s->done + s->held.n, out);
	mask_close(s);
}

void mask_text(const struct mask *m, struct strbuf *text)
{
	struct mask_stream s;
	struct strbuf out = STRBUF(text->cap);

	mask_open(&s, m);
	mask_feed(&s, strbuf_str(text), &out);
	mask_end(&s, &out);
	mask_close(&s);
	if (text->p)
		mem_wipe(text->p, text->n);
	strbuf_done(text);
	*text = out;
}
