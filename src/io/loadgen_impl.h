/* Inside the load generator: shared by loadgen*.c, for nobody else. */
#pragma once
#include <stdbool.h>

#include "io/loadgen.h"

/* ---- loadgen_stats.c ---- */

void loadgen_record(struct loadgen_stats *stats, uint64_t us);

/* ---- loadgen_answer.c: reads one HTTP/1.x answer as it comes, without keeping it ---- */

enum { ANSWER_LINE_MAX = 1024, ANSWER_HEAD_MAX = 65536 };

enum answer_state {
	ANSWER_STATUS,
	ANSWER_FIELDS,
	ANSWER_BODY, /* `left` bytes */
	ANSWER_UNTIL_EOF,
	ANSWER_CHUNK_SIZE,
	ANSWER_CHUNK, /* `left` bytes and CR LF */
	ANSWER_TRAILERS,
	ANSWER_DONE,
	ANSWER_BAD,
};

struct answer {
	enum answer_state state;
	int status;
	bool head_request, close, chunked, has_length;
	uint64_t left;
	size_t head_len, line_len;
	char line[ANSWER_LINE_MAX];
};

void answer_init(struct answer *a, bool head_request);

/* Takes bytes; ends early when the answer is whole (ANSWER_DONE) or is none (ANSWER_BAD). Returns
 * how many it took. */
size_t answer_feed(struct answer *a, const char *p, size_t n);

/* The connection ended: an answer without a length is whole now; any other is bad. */
void answer_eof(struct answer *a);

/* ---- loadgen_target.c: what is sent, ready as bytes ---- */

struct prepared {
	char *bytes;
	size_t len;
	unsigned weight;
	long credit; /* smooth weighted round robin */
	size_t peer; /* index into the addresses */
	bool head_request;
};

struct peer {
	unsigned char addr[28]; /* a sockaddr_in or sockaddr_in6 */
	unsigned addr_len;
};

/* Fills *ret and adds its address to peers unless it is there. 0, or -1 and a line in errbuf. */
int prepare(const struct loadgen_target *t, struct peer *peers, size_t *n_peers,
	    struct prepared *ret, char *errbuf, size_t errcap);

/* Whose turn it is. */
size_t next_target(struct prepared *targets, size_t n);
