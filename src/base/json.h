/*
 * JSON (RFC 8259). Writing is ours (into a strbuf, in the order of the calls, no blanks: the same values give
 * the same bytes, which the journal's hashes need). Reading is jansson's behind caps: bytes, depth 64,
 * duplicate keys refused, UTF-8 checked. Integers are 64 bit: those above INT64_MAX, which readers in general do
 * not take, are written as text in digits. Doubles are written in the fewest digits that read back exactly.
 * (No json_null() and json_real(): jansson has these symbols, and ours would stand in for its own.)
 */
#pragma once
#include "base/strbuf.h"

struct json_out {
	struct strbuf *to;
	bool comma;
};
#define JSON_OUT(buf) ((struct json_out){.to = (buf)})
/* key is NULL inside arrays and at the top. */
void json_open(struct json_out *o, const char *key); /* { */
void json_close(struct json_out *o);                 /* } */
void json_list(struct json_out *o, const char *key); /* [ */
void json_unlist(struct json_out *o);                /* ] */
/* Bytes that are no UTF-8 become U+FFFD. */
void json_str(struct json_out *o, const char *key, struct str value);
void json_cstr(struct json_out *o, const char *key, const char *value); /* NULL -> null */
void json_u64(struct json_out *o, const char *key, uint64_t value);
void json_i64(struct json_out *o, const char *key, int64_t value);
void json_double(struct json_out *o, const char *key, double value); /* not finite -> null */
void json_bool(struct json_out *o, const char *key, bool value);
void json_nil(struct json_out *o, const char *key);
void json_raw(struct json_out *o, const char *key, struct str json); /* must be JSON */

struct json; /* a value that was read; borrowed from its document */
/* Read a whole text. At most max bytes. The error says line and column. Free with json_free. */
MUST_CHECK enum rc json_read(struct str text, size_t max, struct json **ret, struct err *err);
void json_free(struct json *root);
void json_freep(struct json **root);
enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STR, JSON_LIST, JSON_MAP };
enum json_kind json_kind_of(const struct json *j); /* NULL -> JSON_NULL */
/* NULL when absent or not a map */
const struct json *json_get(const struct json *map, const char *key);
size_t json_count(const struct json *list_or_map);
const struct json *json_at(const struct json *list, size_t i);
/* Walk a map in the order of the text. cursor begins as NULL. */
bool json_next(const struct json *map, void **cursor, const char **ret_key,
	       const struct json **ret_value);
/* Values with a default for "absent or of another kind". A text that holds NUL is none for json_text(), which never
 * cuts; json_view() gives it whole, and an empty one for other kinds. */
const char *json_text(const struct json *j, const char *otherwise);
struct str json_view(const struct json *j);
int64_t json_int(const struct json *j, int64_t otherwise);
double json_number(const struct json *j, double otherwise);      /* ints too */
uint64_t json_natural(const struct json *j, uint64_t otherwise); /* what json_u64() writes */
bool json_truth(const struct json *j, bool otherwise);
/* Shorthands: json_text(json_get(map, key), otherwise) ... */
const char *json_get_text(const struct json *map, const char *key, const char *otherwise);
int64_t json_get_int(const struct json *map, const char *key, int64_t otherwise);
/* Write a value that was read (canonical: as the writer above writes, keys in the order of the text). */
void json_write(struct json_out *o, const char *key, const struct json *j);
