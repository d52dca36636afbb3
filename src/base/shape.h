/*
 * What a struct looks like, as data: one table a struct. From it come JSON (written and read), equality,
 * copies and release, so that journal, snapshots and the API cannot disagree about a field.
 *
 *	static const struct shape_field point_fields[] = {
 *		SHAPE_U64(struct point, x), SHAPE_STR(struct point, name), SHAPE_LIST(struct point, tags, shape_text), };
 *	const struct shape shape_point = SHAPE(struct point, point_fields);
 *
 * Members: char * (owned, may be NULL), bool, uint64_t, uint32_t, int64_t, double, enums (stored as the enum's own type, which must be
 * 4 bytes), nested structs by value, VEC() of structs, VEC(char *). JSON leaves out: NULL text, 0, false, empty
 * lists, enum value 0, nested structs in which everything is left out. Reading fills those in the same way, refuses wrong kinds and
 * unknown enum names, and ignores unknown keys (an older program's journal is still read).
 */
#pragma once
#include "base/json.h"
#include "base/vec.h"

enum shape_kind {
	SHAPE_KIND_TEXT,
	SHAPE_KIND_BOOL,
	SHAPE_KIND_U64,
	SHAPE_KIND_U32,
	SHAPE_KIND_I64,
	SHAPE_KIND_REAL,
	SHAPE_KIND_ENUM,
	SHAPE_KIND_STRUCT,
	SHAPE_KIND_LIST,
	SHAPE_KIND_TEXTS,
};
struct shape;
struct shape_field {
	const char *name;
	enum shape_kind kind;
	size_t offset;
	const struct shape *shape; /* STRUCT, LIST */
	const char *const *names;  /* ENUM: names by value, from 0 without holes */
	size_t n;
};
struct shape {
	size_t size;
	const struct shape_field *fields;
	size_t n;
};
/* clang-format off */
#define SHAPE(type, table) { sizeof(type), table, ARRAY_LEN(table) }
#define SHAPE_FIELD_(type, member, kind, sh, nm, nn) { #member, kind, offsetof(type, member), sh, nm, nn }
#define SHAPE_STR(type, member)  SHAPE_FIELD_(type, member, SHAPE_KIND_TEXT, NULL, NULL, 0)
#define SHAPE_BOOL(type, member) SHAPE_FIELD_(type, member, SHAPE_KIND_BOOL, NULL, NULL, 0)
#define SHAPE_U64(type, member)  SHAPE_FIELD_(type, member, SHAPE_KIND_U64, NULL, NULL, 0)
#define SHAPE_U32(type, member)  SHAPE_FIELD_(type, member, SHAPE_KIND_U32, NULL, NULL, 0)
#define SHAPE_I64(type, member)  SHAPE_FIELD_(type, member, SHAPE_KIND_I64, NULL, NULL, 0)
#define SHAPE_REAL(type, member) SHAPE_FIELD_(type, member, SHAPE_KIND_REAL, NULL, NULL, 0)
#define SHAPE_ENUM(type, member, names_array) SHAPE_FIELD_(type, member, SHAPE_KIND_ENUM, NULL, names_array, ARRAY_LEN(names_array))
#define SHAPE_SUB(type, member, sub)  SHAPE_FIELD_(type, member, SHAPE_KIND_STRUCT, &(sub), NULL, 0)
#define SHAPE_LIST(type, member, sub) SHAPE_FIELD_(type, member, SHAPE_KIND_LIST, &(sub), NULL, 0)
#define SHAPE_STRS(type, member) SHAPE_FIELD_(type, member, SHAPE_KIND_TEXTS, NULL, NULL, 0)
/* clang-format on */

void shape_write(struct json_out *o, const char *key, const struct shape *s, const void *object);
/* Fill *object (which must be zeroed). On failure the object is released and zeroed. The error names the path ("jobs[3].state"). */
MUST_CHECK enum rc shape_read(const struct json *j, const struct shape *s, void *object,
			      struct err *err);
/* From text; at most max bytes. */
MUST_CHECK enum rc shape_parse(struct str text, size_t max, const struct shape *s, void *object,
			       struct err *err);
void shape_done(const struct shape *s, void *object); /* frees members, zeroes the object */
void shape_copy(const struct shape *s, void *to, const void *from); /* to must be zeroed or done */
bool shape_equal(const struct shape *s, const void *a, const void *b);
