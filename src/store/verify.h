/*
 * Is the journal what was written? Walks of the hash chain over a store and over its export.
 *
 * An export is NDJSON, one record a line, with no blanks and always in this order:
 *	{"seq":7,"time":1700000000000000,"actor":"git","subject":"run-1","type":"source.ref_moved","payload":{...},"prev":"<64
 *hex>","hash":"<64 hex>"} payload stands as the very bytes that were hashed (canonical JSON is
 *JSON: no second layer of quoting, so that jq and people can read it). The reader finds these bytes
 *by writing what stands before and after them again from the values and comparing: so any other
 *layout of a line is refused, and nothing can hide between the fields. A cut-off end leaves a
 *shorter chain that is sound in itself: compare the report's last seq and hash with a copy kept
 *elsewhere.
 */
#pragma once
#include "ports/store.h"

#define EXPORT_LINE_MAX ((size_t)65 << 20)

struct store_report {
	uint64_t records;   /* sound ones, from the first on */
	uint64_t bad;       /* seq (in an export: line) of the first that is not; 0: none */
	usec_t first, last; /* times of the first and the last sound record */
	struct digest hash; /* of the last sound record */
};
/* Told every 1,000 records and at the end; may be NULL. total is what the store says it has. */
typedef void (*store_progress)(void *ctx, uint64_t done, uint64_t total);

/* The store's structure, then every record. RC_CORRUPT at the first that is wrong, with ret->bad;
 * *ret is filled in both cases. */
MUST_CHECK enum rc store_verify(struct store *s, store_progress progress, void *ctx,
				struct store_report *ret, struct err *err);

/* Every record as a line (with its '\n'), in order, the chain checked on the way: RC_CORRUPT at the
 * first that is wrong. */
MUST_CHECK enum rc store_export(struct store *s,
				enum rc (*write)(void *ctx, struct str line, struct err *err),
				void *ctx, struct err *err);

/* Check an export without a store. line gives the next line without its '\n', borrowed until the
 * next call, *ret_any = false at the end. */
MUST_CHECK enum rc chain_verify_ndjson(enum rc (*line)(void *ctx, struct str *ret, bool *ret_any,
						       struct err *err),
				       void *ctx, struct store_report *ret, struct err *err);
/* One line. ret's texts point into line and *texts (which is appended to, with room for them). */
MUST_CHECK enum rc record_parse(struct str line, struct strbuf *texts, struct record *ret,
				struct err *err);
/* Append the record's line, without '\n'. RC_CORRUPT when payload is no JSON on one line or a text
 * is no UTF-8. */
MUST_CHECK enum rc record_print(const struct record *r, struct strbuf *to, struct err *err);
