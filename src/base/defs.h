/* Attributes and small macros that every file may use. */
#pragma once
#include <stddef.h>

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define NORETURN          __attribute__((noreturn))
#define UNUSED            __attribute__((unused))

/* Run `fn(&local)` when the local leaves its scope. */
#define AUTO(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MIN_OF(a, b)                    ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)                    ((a) > (b) ? (a) : (b))

/* Our own mistake, never the world's: says where and aborts. Kept in release builds. */
#define BUG_ON(cond)                                       \
	do {                                               \
		if (__builtin_expect(!!(cond), 0))         \
			bug_at(__FILE__, __LINE__, #cond); \
	} while (0)
NORETURN void bug_at(const char *file, int line, const char *what);
