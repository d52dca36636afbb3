/*
 * Is the journal what was written? Walks of the hash chain over a store and over its export.
 *
 * An export is NDJSON, one record a line, with no blanks and always in this order:
 *	{"seq":7,"time":1700000000000000,"actor":"git","subject":"run-1","type":"source.ref_moved","payload":{...},"prev":"<64 hex>","hash":"<64 hex>"}
 * payload stands as the very bytes that were hashed (canonical JSON is JSON: no second layer of quoting, so that jq and people can read it).
 * The reader finds these bytes by writing what stands before and after them again from the values and comparing: so any other layout of a
 * line is refused, and nothing can hide between the fields. The last line, the trailer, says what there was:
 *	{"end":true,"from":1,"to":7,"records":7,"prev":"<hash before from: zeros for the first>","hash":"<hash of to>"}
 * so that a cut is noticed. Exports that follow one another may stand in one file.
 */
#pragma once
#include "ports/store.h"

#define EXPORT_LINE_MAX ((size_t)65 << 20)

struct store_report {
	uint64_t records;     /* sound ones, from the first on */
	uint64_t bad;         /* seq (in an export: line) of the first that is not; 0: none */
	uint64_t from, to;    /* seq of the first and the last sound record; 0: none */
	usec_t first, last;   /* their times */
	struct digest before; /* what the first one follows: zeros when it is record 1 */
	struct digest hash;   /* of the last sound record */
	bool ended;           /* of an export: its last line is a trailer that fits */
};
/* Told every 1,000 records and at the end; may be NULL. total is what the store says it has. */
typedef void (*store_progress)(void *ctx, uint64_t done, uint64_t total);

/* The chain, record by record: as a walk of any kind meets them. */
struct chain_walk {
	struct record
		prev;  /* seq and hash of the last sound record, or of what the first must follow */
	bool anchored; /* prev is known; else the first record may be any */
	struct store_report report;
};
/* Begin behind `anchor` (seq 0: at the first record of all). */
void chain_walk_init(struct chain_walk *w, const struct record *anchor);
/* RC_CORRUPT: it does not follow, or was changed; report.bad is its seq. */
MUST_CHECK enum rc chain_walk_next(struct chain_walk *w, const struct record *r, struct err *err);

/* The store's structure, then every record. RC_CORRUPT at the first that is wrong, with ret->bad;
 * *ret is filled in both cases. */
MUST_CHECK enum rc store_verify(struct store *s, store_progress progress, void *ctx,
				struct store_report *ret, struct err *err);

/* seq, both included; to 0: up to the end. What was archived is not in a store any more. */
struct seq_range {
	uint64_t from, to;
};
/* Every record as a line (with its '\n'), in order, the chain checked on the way, then the trailer: RC_CORRUPT at the first that is wrong. */
MUST_CHECK enum rc store_export(struct store *s,
				enum rc (*write)(void *ctx, struct str line, struct err *err),
				void *ctx, struct err *err);
/* Only a part; *ret says what was written. RC_NOT_FOUND: the range begins with a record that was
 * archived; RC_CONFLICT: records left meanwhile, begin again. */
MUST_CHECK enum rc store_export_range(struct store *s, const struct seq_range *range,
				      enum rc (*write)(void *ctx, struct str line, struct err *err),
				      void *ctx, struct store_report *ret, struct err *err);
/* The trailer's line for what was walked, without '\n'. Nothing was: from 0, to 0. */
void trailer_print(const struct store_report *r, struct strbuf *to);
#define TRAILER_START "{\"end\":"
/* And back: records, from, to, before and hash. RC_INVALID. */
MUST_CHECK enum rc trailer_parse(struct str line, struct store_report *ret, struct err *err);
/* Has this record left the store for an archive? Who walks while records leave finds a gap that is none. */
bool store_has_left(struct store *s, uint64_t seq);
/* The first record that is not older than `at`; behind the last one: last + 1. Asks the store some twenty times. */
MUST_CHECK enum rc store_seq_at(struct store *s, usec_t at, uint64_t *ret, struct err *err);

/* Check an export without a store. line gives the next line without its '\n', borrowed until the
 * next call, *ret_any = false at the end. Without a trailer it must begin with record 1, and
 * *ret says !ended: whether that is good is the caller's to say. */
MUST_CHECK enum rc chain_verify_ndjson(enum rc (*line)(void *ctx, struct str *ret, bool *ret_any,
						       struct err *err),
				       void *ctx, struct store_report *ret, struct err *err);
/* The same, a line at a time. */
struct export_check {
	struct chain_walk chain; /* of all that was read */
	uint64_t lines, from, records;
	struct digest before; /* of the part that the next trailer ends */
	struct strbuf texts;
};
void export_check_init(struct export_check *f);
void export_check_done(struct export_check *f);
/* After an error (it names the line) no more. */
MUST_CHECK enum rc export_check_line(struct export_check *f, struct str text, struct err *err);
/* That was the last one. */
MUST_CHECK enum rc export_check_end(struct export_check *f, struct err *err);
/* One line. ret's texts point into line and *texts (which is appended to, with room for them). */
MUST_CHECK enum rc record_parse(struct str line, struct strbuf *texts, struct record *ret,
				struct err *err);
/* Append the record's line, without '\n'. RC_CORRUPT when payload is no JSON on one line or a text
 * is no UTF-8. */
MUST_CHECK enum rc record_print(const struct record *r, struct strbuf *to, struct err *err);
