/* Shapes of answers that no aggregate has. */
#pragma once
#include <stddef.h>

enum member_kind {
	MEMBER_TEXT,
	MEMBER_NUMBER,
	MEMBER_REAL,
	MEMBER_BOOL,
	MEMBER_TEXTS,
	MEMBER_OBJECT,
	MEMBER_OBJECTS,
};
struct api_member {
	const char *name; /* NULL: the end */
	enum member_kind kind;
	const char *help; /* Markdown; "": the name says it */
};
struct api_object {
	const char *name; /* NULL: the end */
	const struct api_member *members;
};
extern const struct api_object api_objects[];
