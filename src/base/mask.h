/*
 * Hides secrets in a stream of bytes: a secret as it is, and as programs commonly write it (base64
 * in its three phases and both alphabets, also wrapped; hex; percent; JSON; shell quotes; HTML;
 * each line of a secret of several lines). A run of hidden bytes becomes "***". What could still
 * become a secret is held back, so that how the stream was cut never shows in the output. Linear
 * in time (Aho-Corasick behind a filter of four-byte windows).
 */
#pragma once
#include "base/strbuf.h"

#define MASK_MIN   4 /* bytes of a form or a line that is looked for */
#define MASK_WHOLE 8 /* bytes of a secret: a shorter one would hide half of the log */
#define MASK_MAX   ((size_t)64 << 10) /* bytes of one secret */
#define MASK_TOTAL ((size_t)32 << 20) /* bytes of all their forms */

struct mask; /* the set of secrets; any number of streams may use it at the same time once it is sealed */
struct mask *mask_new(void);
void mask_free(struct mask *m); /* wipes */
void mask_freep(struct mask **m);
/* RC_INVALID: shorter than MASK_WHOLE without the line ends behind it; RC_TOO_BIG. Before
 * mask_seal() only. The text of an error never holds the secret. */
MUST_CHECK enum rc mask_add(struct mask *m, struct str secret, struct err *err);
void mask_seal(struct mask *m);

struct mask_span {
	uint64_t from, to;
};
struct mask_stream {
	const struct mask *mask;
	uint32_t state;
	uint64_t done;      /* bytes that were decided */
	bool hidden;        /* the last decided byte was hidden */
	struct strbuf held; /* bytes not decided yet */
	struct {
		struct mask_span *v;
		size_t n, cap;
	} spans;
};
void mask_open(struct mask_stream *s, const struct mask *m);
void mask_close(struct mask_stream *s); /* wipes what is held */
/* Append to out what is decided after these bytes. */
void mask_feed(struct mask_stream *s, struct str bytes, struct strbuf *out);
/* No more bytes: append the rest. The stream is as new. */
void mask_end(struct mask_stream *s, struct strbuf *out);
/* Rewrite a finished text in place. */
void mask_text(const struct mask *m, struct strbuf *text);
